"""Text that grows by lines and is stored as one object, which a store can replace but not extend."""

from pathlib import Path
from types import TracebackType

FEWEST_LINES = 500  # after which it is stored again
GROWTH = 0.25  # of it, at least: so all that is stored is some five times its final length


class GrowingObject:
    """An object that lines are added to; those since it was stored last are lost if the process is killed."""

    def __init__(self, path: Path):
        self._path = path
        self._lines = [path.read_text(encoding="utf-8", errors="surrogateescape")] if path.is_file() else []
        self._stored = len(self._lines)

    def write(self, line: str) -> None:
        """Add a line, with its end."""
        self._lines.append(line)
        if len(self._lines) - self._stored >= max(FEWEST_LINES, GROWTH * self._stored):
            self._store()

    def _store(self) -> None:
        self._path.write_text("".join(self._lines), encoding="utf-8", errors="surrogateescape")
        self._stored = len(self._lines)

    def __enter__(self) -> "GrowingObject":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if len(self._lines) > self._stored:
            self._store()
