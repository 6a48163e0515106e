"""Read the named fields of an object that came out of a file, which may be anybody's file.

Each field is asked for by name and type, and `end` refuses those that were not asked for. Types are checked before a
value is compared, hashed or spelt out: what comes out of a file may be nested without end.
"""

import math
import reprlib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

SPELT_OUT = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a whole number"}


class Fields:
    """The fields of a JSON object or of a record; every method takes one of them out.

        fields = Fields({"step": 12})
        step = fields.whole("step")
        fields.end()

    Raises:
        ValueError: the value is no object; a field is missing, of another type, or out of bounds. All methods raise the
            same.
    """

    def __init__(self, value: object, absent: Mapping[str, object] | None = None):
        """Look at an object; what it lacks of the fields `absent` has the value there."""
        if not isinstance(value, dict):
            raise ValueError(f"expected an object with named fields. Received {type(value).__name__}")
        self._left: dict[str, object] = {**(absent or {}), **value}

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str, kind: type[T]) -> T:
        """A field of exactly this type: True is no whole number."""
        if name not in self._left:
            raise ValueError(f"expected a field {name!r}. Received none")
        value = self._left.pop(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            wanted = SPELT_OUT.get(kind, f"a {kind.__name__}")
            raise ValueError(f"expected {name} as {wanted}. Received {type(value).__name__}")
        return value

    def whole(self, name: str, lowest: int = 0, highest: int = 2**63 - 1) -> int:
        """A whole number within bounds."""
        return _within(name, self.take(name, int), lowest, highest)

    def is_null(self, name: str) -> bool:
        """Whether a field is null; it is taken out then."""
        null = name in self._left and self._left[name] is None
        if null:
            del self._left[name]
        return null

    def optional(self, name: str, kind: type[T]) -> T | None:
        """A field of this type, or None where it is null."""
        return None if self.is_null(name) else self.take(name, kind)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return _all_of(name, self.take(name, list), str)

    def wholes(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        return _all_of(name, self.take(name, list), int)

    def number(self, name: str) -> float:
        """A number, whole or not, finite or not."""
        value = self._left.get(name)
        return self.take(name, int if isinstance(value, int) else float)

    def finite(self, name: str) -> float:
        """A finite number, whole or not."""
        value = self.number(name)
        if not _is_finite(value):
            raise ValueError(f"expected {name} as a finite number. Received another")
        return float(value)

    def numbers_by_name(self, name: str) -> dict[str, float]:
        """An object whose fields are numbers."""
        fields = Fields(self.take(name, dict))
        return {key: fields.number(key) for key in list(fields._left)}

    def objects(self, name: str) -> tuple[dict, ...]:
        """A list of objects, for their own classes to read."""
        return _all_of(name, self.take(name, list), dict)

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of finite numbers, whole or not."""
        numbers = _all_of(name, self.take(name, list), int, float)
        if not all(map(_is_finite, numbers)):
            raise ValueError(f"expected finite numbers in {name}")
        return tuple(float(number) for number in numbers)

    def end(self) -> None:
        """Refuse the fields that are left."""
        if self._left:
            raise ValueError(f"expected no field {reprlib.repr(min(self._left))}, which this version does not know")


def _within(name: str, value: int, lowest: int, highest: int) -> int:
    if not lowest <= value <= highest:
        raise ValueError(f"expected {name} from {lowest} to {highest}. Received {reprlib.repr(value)}")
    return value


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number that no float can hold
        return False


def _all_of(name: str, values: list, *kinds: type[T]) -> tuple[T, ...]:
    for value in values:
        if not isinstance(value, kinds) or isinstance(value, bool):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise ValueError(f"expected every value of {name} as {wanted}. Received {type(value).__name__}")
    return tuple(values)
