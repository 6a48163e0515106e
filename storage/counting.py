"""Numbers of things in a message: "1 recording", "2 recordings"."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun.

    Args:
        noun: in the singular.
        plural: the plural, where that is not the noun and an "s".
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
