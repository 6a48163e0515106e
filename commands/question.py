"""Ask on the terminal before something is lost."""

import sys


def agreed(question: str) -> bool | None:
    """Ask a question that is answered by yes or no; None where there is no terminal to ask on."""
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)  # stdout may be a file of results
    return sys.stdin.readline().strip().lower() in ("y", "yes")
