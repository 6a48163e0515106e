"""The known names that are spelt most like an unknown one."""

from storage.nearest_names import NAMES_SHOWN, nearest


def test_the_nearest_name_comes_first():
    assert nearest("p298x", ["anna", "p298", "p225", "p225"]) == "nearest: p298, p225, anna"


def test_a_few_of_many_are_shown():
    names = [f"p2{number}" for number in range(20)]
    assert nearest("p2", names).count(",") == NAMES_SHOWN - 1
    assert nearest("p2", names, most=2).count(",") == 1


def test_nothing_is_near_where_nothing_is_known_or_typed():
    assert nearest("p225", []) == nearest("", ["p225"]) == ""
