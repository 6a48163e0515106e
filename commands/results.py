"""Results as JSON, for programs."""

import json
import math


def print_json(content: dict) -> None:
    """Print an object on standard output; a number that JSON has no sign for (infinity, no number) is null."""
    print(json.dumps(finite(content), indent=2, allow_nan=False))


def finite(value: object) -> object:
    """The same value with None in the place of every number in it that is not finite."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value
