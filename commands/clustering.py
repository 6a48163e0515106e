"""Recordings without names to people: who is who."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from commands.arguments import check_named, network_of
from commands.person_links import check_links, make_links
from commands.recordings import recordings_of
from commands.results import print_json
from evaluation.clustering import MOST_RECORDINGS, Person, Thresholds, cluster, pair_ratios, people
from inference.calibration import Calibration
from inference.decisions import NOT_CALIBRATED, Policy
from inference.encoder import SpeakerEncoder
from inference.recording_files import find_files
from inference.recordings import remarks
from inference.speaker_change import speaker_change_remark
from storage.counting import counted
from storage.errors import UserError

HEADER = ("person", "recordings", "speech", "least inside", "nearest other")

logger = logging.getLogger("cli")


@dataclass(frozen=True)
class Recordings:
    """What was loaded: n recordings, and those that could not be used."""

    names: list[str]  # (n,)
    embeddings: np.ndarray  # (n, d) float32, rows of length 1
    seconds: np.ndarray  # (n,) s of speech
    remarks: list[str]
    refused: list[str]  # a line for each, with the reason


def cluster_recordings(args: argparse.Namespace) -> None:
    """Say which recordings are of one person."""
    check_named(args.cluster)
    _check_count(args.cluster)
    if args.links is not None:
        check_links(args.links, args.cluster)
    encoder = network_of(args)
    if encoder.calibration is None:
        raise UserError(f"people can't be told apart: {NOT_CALIBRATED}")
    policy = Policy(args.prior, args.max_false_accept)
    thresholds = Thresholds.of(encoder.calibration, policy)
    recordings = _load(args, encoder)
    ratios = pair_ratios(recordings.embeddings, recordings.seconds, encoder.scoring, encoder.calibration)
    found = people(ratios, cluster(ratios, recordings.seconds, thresholds))
    if args.links is not None:
        make_links(args.links, [[recordings.names[row] for row in person.rows] for person in found])
    for remark in recordings.remarks:
        logger.warning(remark)
    if args.json:
        how = {**asdict(policy), "network": {**encoder.origin, "fingerprint": encoder.fingerprint}}
        results = [_as_json(number, one, recordings, encoder.calibration) for number, one in enumerate(found, start=1)]
        told = {"remarks": recordings.remarks, "refused": recordings.refused}
        links = None if args.links is None else str(args.links)
        print_json({"people": results, "recordings": len(recordings.names), "links": links, **how, **told})
    else:
        print(_table(found, recordings, encoder.calibration))


def _check_count(named: Sequence[str]) -> None:
    files, _ = find_files(named)
    if len(files) > MOST_RECORDINGS:
        raise UserError(
            f"expected {MOST_RECORDINGS} recordings at most, as all pairs are compared in memory. "
            f"Received {len(files)}; cluster parts of them"
        )


def _load(args: argparse.Namespace, encoder: SpeakerEncoder) -> Recordings:
    """Embed the recordings one after another, of which none is kept."""
    names, embeddings, seconds, said = [], [], [], []
    refused: list[str] = []
    for recording in recordings_of(args.cluster, args.channel, "embed", refused):
        names.append(recording.name)
        embeddings.append(encoder.embed_utterances([recording.signal])[0])
        seconds.append(recording.seconds)
        change = speaker_change_remark(encoder, recording)
        said += remarks(recording) + ([] if change is None else [change])
    return Recordings(names, np.stack(embeddings), np.array(seconds), said, refused)


def _as_json(number: int, person: Person, recordings: Recordings, calibration: Calibration) -> dict[str, object]:
    inside = [None] * len(person.rows) if person.inside is None else calibration.bounded(person.inside).tolist()
    files = [
        {
            "file": recordings.names[row],
            "speech_seconds": round(float(recordings.seconds[row]), 2),
            "mean_log_likelihood_ratio": ratio,
        }
        for row, ratio in zip(person.rows, inside)
    ]
    nearest = None if person.nearest is None else person.nearest + 1
    return {
        "person": number,
        "speech_seconds": round(float(recordings.seconds[person.rows].sum()), 2),
        "least_inside": None if person.inside is None else min(inside),
        "nearest_person": nearest,
        "nearest_log_likelihood_ratio": _bounded(person.nearest_ratio, calibration),
        "files": files,
    }


def _bounded(ratio: float | None, calibration: Calibration) -> float | None:
    return None if ratio is None else float(calibration.bounded(np.array(ratio)))


def _table(found: Sequence[Person], recordings: Recordings, calibration: Calibration) -> str:
    """A line for each person, with those of the recordings below it; mean log-likelihood ratios say how sure it is."""
    rows = [_cells(number, person, recordings, calibration) for number, person in enumerate(found, start=1)]
    widths = [max(map(len, column)) for column in zip(HEADER, *rows)]
    lines = [_line(HEADER, widths)]
    for cells, person in zip(rows, found):
        lines.append(_line(cells, widths))
        inside = [None] * len(person.rows) if person.inside is None else person.inside
        for row, ratio in zip(person.rows, inside):
            lines.append(f"    {_ratio(ratio, calibration):>6}  {recordings.names[row]}")
    sizes = f"{counted(len(recordings.names), 'recording')} of {counted(len(found), 'person', 'people')}"
    refused = f", {counted(len(recordings.refused), 'recording')} refused" if recordings.refused else ""
    return "\n".join([*lines, f"{sizes}{refused}"])


def _cells(number: int, person: Person, recordings: Recordings, calibration: Calibration) -> tuple[str, ...]:
    least = None if person.inside is None else person.inside.min()
    nearest = _ratio(person.nearest_ratio, calibration)
    if person.nearest is not None:
        nearest += f" (person {person.nearest + 1})"
    speech = f"{recordings.seconds[person.rows].sum():.1f} s"
    return str(number), str(len(person.rows)), speech, _ratio(least, calibration), nearest


def _ratio(ratio: float | None, calibration: Calibration) -> str:
    return "" if ratio is None else f"{_bounded(ratio, calibration):+.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(cells, widths)).rstrip()
