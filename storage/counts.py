"""Numbers of things in messages: 1 recording, 2 recordings."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun.

    Args:
        noun: for one of them.
        plural: for several; the noun and an s unless given.
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
