"""Lines of trial lists, and which utterances they name."""

import pytest
from angles import made_up
from command_line import SHARED

from corpus.trials import TrialListError, Utterances, read_trial_list
from storage.errors import UserError

VOXCELEB = made_up("vox1", "id10270", "5r0dWxy17C8/00001")._replace(source="wav/id10270/5r0dWxy17C8/00001.wav")
KNOWN = [
    VOXCELEB,
    made_up("cases", "p", "a"),
    made_up("cases", "p", "b"),
    made_up("cases", "q", "a"),
    made_up("cases", "p#1", "a"),
    made_up("cases", "p#1", "b"),
    made_up("libri", "19", "19-198-0001"),
    made_up("a", "dee lee", "x.y"),
    made_up("b", "s1", "x"),
    made_up("a/b", "s1", "x"),
]


def read(tmp_path, text: str, encoding="utf-8") -> list[tuple]:
    path = tmp_path / "list.txt"
    path.write_text(text, encoding=encoding)
    return [trial[1:] for trial in read_trial_list(path)]


@pytest.mark.parametrize(
    ("line", "trial"),
    [
        ("1 p/a p/b", (True, "p/a", "p/b")),
        ("0  p/a   q/a ", (False, "p/a", "q/a")),
        ("p/a p/b target", (True, "p/a", "p/b")),
        ("p/a q/a nontarget", (False, "p/a", "q/a")),
        ("1 p/a.wav p/b.wav", (True, "p/a.wav", "p/b.wav")),
        ("1 p#1/a p#1/b", (True, "p#1/a", "p#1/b")),
        ("1 p#1/a p#1/b # same", (True, "p#1/a", "p#1/b")),
        ("0\tp a/1\tq # b/2", (False, "p a/1", "q # b/2")),
        ("\t0\t p a/1 \tq/2\t", (False, "p a/1", "q/2")),
        ("p a/1\tq/2\tnontarget", (False, "p a/1", "q/2")),
        ("1 0 1", (True, "0", "1")),
        ("1\ta\u2028b\tc\x85d", (True, "a\u2028b", "c\x85d")),
    ],
)
def test_a_line_in_each_form(tmp_path, line, trial):
    assert read(tmp_path, f"# first\n\n{line}\n  # last") == [trial]


@pytest.mark.parametrize(
    "line", ["1 a", "2 a b", "a b 1", "1 a b 0.8", "a b Target", "1\ta b", "target a b", "1 a#b", "1\ta\tb\tc"]
)
def test_other_lines_are_told_with_their_number(tmp_path, line):
    with pytest.raises(TrialListError, match=r"list\.txt, line 2: expected '1 A B' or '0 A B', or 'A B target'"):
        read(tmp_path, f"1 a b\n{line}\n")


def test_a_missing_list_a_folder_and_a_binary_file_are_errors(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00p")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "binary"):
        with pytest.raises(UserError, match=f"expected a text file of trials. {path} is not readable as one"):
            list(read_trial_list(path))


def test_windows_line_ends_and_byte_order_marks_do_no_harm(tmp_path):
    assert read(tmp_path, "1 a b\r\n0 a c\r\n", encoding="utf-8-sig") == [(True, "a", "b"), (False, "a", "c")]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("id10270/5r0dWxy17C8/00001.wav", VOXCELEB.key),
        ("wav/id10270/5r0dWxy17C8/00001.wav", VOXCELEB.key),
        ("id10270/5r0dWxy17C8/00001", VOXCELEB.key),
        ("vox1/id10270/5r0dWxy17C8/00001", VOXCELEB.key),
        ("vox1/wav/id10270/5r0dWxy17C8/00001", VOXCELEB.key),
        ("19-198-0001", ("libri", "19", "19-198-0001")),
        ("p/a.wav", ("cases", "p", "a")),
        ("p#1/a", ("cases", "p#1", "a")),
        ("dee lee/x.y", ("a", "dee lee", "x.y")),
        ("a/b/s1/x", ("a/b", "s1", "x")),
        ("b/s1/x", ("b", "s1", "x")),  # the end of another's, too, but all of this one's
    ],
)
def test_a_name_is_as_much_of_the_end_as_tells_which_it_is(name, key):
    assert Utterances(KNOWN).find(name).key == key


@pytest.mark.parametrize("name", ["a", "s1/x", "a.wav"])
def test_a_name_of_several_is_told_with_them(name):
    with pytest.raises(ValueError, match=rf"'{name}' is the name of \d utterances: .*/"):
        Utterances(KNOWN).find(name)


def test_of_many_whom_a_name_may_mean_the_first_three_are_told():
    known = Utterances([made_up("c", f"s{number}", "a") for number in range(4)])
    with pytest.raises(ValueError, match=r"^'a' is the name of 4 utterances: c/s0/a, c/s1/a, c/s2/a$"):
        known.find("a")


@pytest.mark.parametrize("front", ["", "c/"])
def test_the_three_nearest_names_have_as_many_folders_as_the_unknown_one(front):
    names = [("ann", "a1"), ("ann", "a2"), ("ann", "b7"), ("ben", "x"), ("carl", "y")]
    known = Utterances([made_up("c", *name) for name in names])
    with pytest.raises(ValueError, match=f"; nearest: {front}ann/b7, {front}ann/a1, {front}ann/a2$"):
        known.find(f"{front}ann/b1")


@pytest.mark.parametrize("name", ["p/c", "270/5r0dWxy17C8/00001", "x/p/a", "/"])
def test_an_unknown_name_is_told_with_the_nearest(name):
    with pytest.raises(ValueError, match=f"holds no utterance '{name}'; nearest: "):
        Utterances(KNOWN).find(name)


def test_only_suffixes_of_sound_are_no_part_of_a_name():
    known = Utterances([made_up("c", "s1", "take"), made_up("c", "s1", "take.1")])
    assert known.find("s1/take.1").utterance == "take.1"
    assert known.find("s1/take.m4a").utterance == "take"
    with pytest.raises(ValueError, match=r"holds no utterance 's1/take\.2'"):
        known.find("s1/take.2")


@pytest.mark.parametrize("case", ["voxceleb_suffix.txt", "kaldi.txt", "hash.txt"])
def test_lists_that_went_wrong(case):
    path = SHARED / "cases" / "trial_list_names" / case
    if not path.is_file():
        pytest.skip("the cases are not here")
    known = Utterances(KNOWN)
    for trial in read_trial_list(path):
        first, second = known.find(trial.first), known.find(trial.second)
        assert (first.speaker == second.speaker) == trial.is_target
