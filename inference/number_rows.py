"""Rows of numbers as JSON has them, where a number, or an interval of two, may be missing."""

from storage.fields import Fields


def number_rows(rows: list) -> tuple[tuple[float, ...], ...]:
    """Read rows of finite numbers.

    Raises:
        ValueError: there is anything else among them.
    """
    return tuple(map(_numbers, rows))


def optional_number_rows(rows: list) -> tuple[tuple[float | None, ...], ...]:
    """Read rows of finite numbers, or nulls.

    Raises:
        ValueError: there is anything else among them.
    """
    return tuple(tuple(None if number is None else _numbers([number])[0] for number in _list(row)) for row in rows)


def interval_rows(rows: list) -> tuple[tuple[tuple[float, float] | None, ...], ...]:
    """Read rows of intervals, each a list of two finite numbers, or null.

    Raises:
        ValueError: there is anything else among them.
    """
    return tuple(tuple(None if interval is None else _interval(interval) for interval in _list(row)) for row in rows)


def as_lists(value: object) -> object:
    """Turn tuples into lists, at any depth: what JSON has, and the functions above read."""
    return [as_lists(part) for part in value] if isinstance(value, tuple) else value


def _interval(ends: object) -> tuple[float, float]:
    numbers = _numbers(ends)
    if len(numbers) != 2:
        raise ValueError(f"expected an interval of two numbers. Received {len(numbers)}")
    return numbers[0], numbers[1]


def _numbers(row: object) -> tuple[float, ...]:
    return Fields({"row": row}).numbers("row")


def _list(row: object) -> list:
    return Fields({"row": row}).take("row", list)
