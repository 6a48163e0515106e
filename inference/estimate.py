"""A value that was measured on some speakers, with the interval that other speakers would have put it in."""

import math
from dataclasses import dataclass

from storage.fields import Fields


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float

    @classmethod
    def from_json(cls, given: object) -> "Estimate":
        """Read what `as_json` gives.

        Raises:
            ValueError: an end is missing, or neither a finite number nor null; or there are other fields.
        """
        fields = Fields(given)
        estimate = cls(*(_number_or_nan(fields, end) for end in ("value", "low", "high")))
        fields.end()
        return estimate

    def as_json(self) -> dict[str, float | None]:
        """The three by name; null, which JSON has, for what is not finite, which JSON has not."""
        return {end: number if math.isfinite(number) else None for end, number in vars(self).items()}

    def as_text(self, scale: float = 1, decimals: int = 2, sign: str = "") -> str:
        """Write the value and, if it has one, its interval, as in "7.33 [4.81, 11.01]".

        Args:
            scale: what to multiply with, as 100 for per cent.
            sign: "+" to write that of positive numbers, too.
        """
        value, low, high = (f"{scale * number:{sign}.{decimals}f}" for number in vars(self).values())
        return f"{value} [{low}, {high}]" if math.isfinite(self.low) else value

    def rounded(self, digits: int) -> "Estimate":
        """The same with so many decimals."""
        return Estimate(*(round(float(number), digits) for number in (self.value, self.low, self.high)))


def _number_or_nan(fields: Fields, name: str) -> float:
    return math.nan if fields.is_null(name) else fields.finite(name)
