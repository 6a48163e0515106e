"""Text that grows by lines and is stored as one object, which a store can replace but not extend."""

import time
from pathlib import Path
from types import TracebackType

FEWEST_LINES = 500  # after which it is stored again
GROWTH = 0.25  # of its lines, at least: so all that is stored is some five times its final length
LATEST = 120.0  # s, after which it is stored in any case: a process that is killed loses the lines since


class GrowingObject:
    """An object that lines are added to; those since it was stored last are lost if the process is killed."""

    def __init__(self, path: Path):
        self._path = path
        text = path.read_text(encoding="utf-8", errors="surrogateescape") if path.is_file() else ""
        self._lines = text.splitlines(keepends=True)
        if text and not text.endswith("\n"):
            self._lines.append("\n")  # ends a line that was torn elsewhere
        self._stored, self._last = len(self._lines), time.monotonic()

    def write(self, line: str) -> None:
        """Add a line, with its end."""
        self._lines.append(line)
        is_long = len(self._lines) - self._stored >= max(FEWEST_LINES, GROWTH * self._stored)
        if is_long or time.monotonic() - self._last > LATEST:
            self._store()

    def _store(self) -> None:
        self._path.write_text("".join(self._lines), encoding="utf-8", errors="surrogateescape")
        self._stored, self._last = len(self._lines), time.monotonic()

    def __enter__(self) -> "GrowingObject":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if len(self._lines) > self._stored:
            self._store()
