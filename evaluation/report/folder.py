"""The pictures of a report in a folder: each as PNG and SVG, and its numbers as CSV."""

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

from evaluation.report.contents import contents_of
from evaluation.report.page import ReportError
from evaluation.report.picture import Picture, Table
from evaluation.report.shown import shown
from evaluation.report.style import styled
from evaluation.report.svg import svg_file
from evaluation.scored_set import ScoredSet
from storage.atomic import write_atomically

LIST = "pictures.json"  # of what is in the folder; makes it ours
FORMAT = "deep-speaker pictures 1"
DOTS_PER_INCH = 200
LONGEST_NAME = 40
WRITTEN = re.compile(r"\d\d+-[a-z0-9-]+\.(?:png|svg|csv)")  # names of files that may be deleted


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but pictures of an earlier report.

    Raises:
        ReportError: it is a file, or not ours.
    """
    if folder.exists() and not folder.is_dir():
        raise ReportError(f"expected a folder for pictures. {folder} is a file")
    if folder.is_dir() and any(folder.iterdir()) and _listed(folder) is None:
        raise ReportError(
            f"{folder} holds other files than the pictures of a report; name a new folder, or an empty one"
        )


def write_pictures(folder: Path, sets: Sequence[ScoredSet], histories: Sequence[Path] = ()) -> int:
    """Write each picture, and a list of them; earlier ones of ours are replaced. Returns how many there are.

    Args:
        folder: made if it is missing.
        sets: the scored trials, each source at each length.
        histories: history.csv of each stage that the network was trained in.

    Raises:
        ReportError: the folder holds other things.
        OSError: it can't be written to.
    """
    check_folder(folder)
    earlier = _listed(folder) or set()
    with styled():
        contents = contents_of(sets, histories)
        pictures = [*(picture for of_source in contents.sources.values() for picture in of_source), *contents.stages]
        named = {_name(number, picture): picture for number, picture in enumerate(pictures, start=1)}
        files = [f"{name}.{kind}" for name in named for kind in ("png", "svg", "csv")]
        _write_list(
            folder, named, sorted({*files, *earlier})
        )  # first, so that a folder is ours as soon as it is filled
        for name, picture in named.items():
            _write(folder, name, picture)
    for name in sorted(earlier - set(files)):
        (folder / name).unlink(missing_ok=True)
    _write_list(folder, named, files)
    return len(named)


def _write(folder: Path, name: str, picture: Picture) -> None:
    picture.figure.suptitle(picture.title)
    png = io.BytesIO()
    picture.figure.savefig(png, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    write_atomically(folder / f"{name}.png", png.getvalue())
    write_atomically(folder / f"{name}.svg", svg_file(picture.figure, name))
    write_atomically(folder / f"{name}.csv", _as_csv(picture.numbers))


def _as_csv(table: Table) -> str:
    file = io.StringIO()
    rows = ([shown(cell) if isinstance(cell, str) else cell for cell in row] for row in table.rows)
    csv.writer(file, lineterminator="\n").writerows([table.header, *rows])
    return file.getvalue()


def _name(number: int, picture: Picture) -> str:
    about = re.sub(r"[^a-z0-9]+", "-", picture.about.lower()).strip("-")[:LONGEST_NAME]
    return "-".join(filter(None, (f"{number:02}", picture.kind, about)))


def _write_list(folder: Path, named: dict[str, Picture], files: Sequence[str]) -> None:
    told = [{"name": name, "title": picture.title, "text": picture.text} for name, picture in named.items()]
    content = {"format": FORMAT, "pictures": told, "files": list(files)}
    write_atomically(folder / LIST, json.dumps(content, indent=2) + "\n")


def _listed(folder: Path) -> set[str] | None:
    """The files that an earlier report has written to a folder; None if it is none of ours."""
    try:
        content = json.loads((folder / LIST).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            return None
        return {name for name in content["files"] if isinstance(name, str) and WRITTEN.fullmatch(name)}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
