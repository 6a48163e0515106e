"""Fields of objects that may be anybody's."""

import pytest

from storage.fields import Fields


def test_fields_are_taken_by_name_and_type():
    fields = Fields({"a": 1, "b": "text", "c": [1, 2.5], "d": {"x": 1}, "e": ["p"], "f": True, "g": [3], "h": 0.5})
    assert "a" in fields
    assert (fields.whole("a"), fields.take("b", str), fields.numbers("c")) == (1, "text", (1.0, 2.5))
    assert (fields.numbers_by_name("d"), fields.texts("e"), fields.take("f", bool)) == ({"x": 1}, ("p",), True)
    assert (fields.wholes("g"), fields.number("h")) == ((3,), 0.5)
    assert "a" not in fields
    fields.end()


def test_a_field_that_was_not_asked_for_is_refused():
    fields = Fields({"a": 1, "b": 2})
    fields.whole("a")
    with pytest.raises(ValueError, match="expected no field 'b', which this version does not know"):
        fields.end()


@pytest.mark.parametrize("value", [None, [], "text", 5])
def test_what_is_no_object_is_refused(value):
    with pytest.raises(ValueError, match=f"Received {type(value).__name__}"):
        Fields(value)


@pytest.mark.parametrize(
    ("value", "take", "message"),
    [
        (True, lambda fields: fields.whole("a"), "expected a as a whole number. Received bool"),
        (1.0, lambda fields: fields.whole("a"), "expected a as a whole number. Received float"),
        (7, lambda fields: fields.whole("a", 1, 6), "expected a from 1 to 6. Received 7"),
        (10**500, lambda fields: fields.whole("a"), "expected a from 0 to"),
        (1, lambda fields: fields.take("a", bool), "expected a as true or false. Received int"),
        ("text", lambda fields: fields.texts("a"), "expected a as a list. Received str"),
        ([1, None], lambda fields: fields.numbers("a"), "expected every value of a as int or float. Received NoneType"),
        ([True], lambda fields: fields.numbers("a"), "expected every value of a as int or float. Received bool"),
        ([float("inf")], lambda fields: fields.numbers("a"), "expected finite numbers in a"),
        ([10**400], lambda fields: fields.numbers("a"), "expected finite numbers in a"),
        ({"x": "1"}, lambda fields: fields.numbers_by_name("a"), "expected x as a float. Received str"),
        (1, lambda fields: fields.whole("b"), "expected a field 'b'. Received none"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(value, take, message):
    with pytest.raises(ValueError, match=message):
        take(Fields({"a": value}))


def test_values_nested_without_end_are_never_spelt_out():
    nested: object = ()
    for _ in range(60):
        nested = (nested, nested)
    with pytest.raises(ValueError, match=r"expected a as a text\. Received tuple"):
        Fields({"a": nested}).take("a", str)


def test_what_may_be_absent_or_null():
    fields = Fields({"a": None, "b": "text", "c": 2}, {"a": 1, "d": None})
    assert (fields.optional("a", int), fields.optional("b", str), fields.optional("d", str)) == (None, "text", None)
    assert fields.is_null("c") is False
    assert fields.finite("c") == 2.0
    fields.end()


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), 10**400])
def test_a_number_may_have_to_be_finite(value):
    with pytest.raises(ValueError, match="expected a as a finite number"):
        Fields({"a": value}).finite("a")


def test_a_list_of_objects():
    assert Fields({"a": [{"b": 1}, {}]}).objects("a") == ({"b": 1}, {})
    with pytest.raises(ValueError, match="expected every value of a as dict"):
        Fields({"a": [1]}).objects("a")
