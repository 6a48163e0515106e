"""Common Voice: a table of clips (`validated.tsv`) beside their folder (`clips/`) says who speaks."""

from collections.abc import Set
from pathlib import Path

from corpus.recording import Recording
from corpus.tables import rows

NAME = "Common Voice"
CLIPS, TABLE = "clips", "validated.tsv"
SPEAKER, PATH = "client_id", "path"  # columns


def table_of(folder: Path) -> Path | None:
    """Find the table that describes the clips in `folder`; None if it is no such folder."""
    if folder.name != CLIPS:  # as most are
        return None
    table = folder.parent / TABLE
    return table if table.is_file() else None


def recordings(table: Path, folder: Path, names: Set[str], corpus: str) -> list[Recording]:
    """List the validated clips among `names`; of the others it is not known whether they hold what they should.

    Raises:
        CorpusError: the table has no such columns.
    """
    place = str(folder.parent)
    return [
        Recording(corpus, row[SPEAKER], Path(row[PATH]).stem, "", place, f"{CLIPS}/{row[PATH]}")
        for _, row in rows(table, (SPEAKER, PATH))
        if row[PATH] in names
    ]
