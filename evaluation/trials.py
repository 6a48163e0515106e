"""Trial lists: pairs of cached utterances, each said to be of one speaker or of two.

A line is `1 A B` for the same speaker and `0 A B` for another, as in VoxCeleb's lists; A and B are `speaker/utterance`
or `corpus/speaker/utterance`. Names with blanks want tabs between the three. `#` starts a comment. A line that
stands twice counts twice.
"""

import difflib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from audio.cache import UtteranceCache
from audio.entries import Utterance
from evaluation.bootstrap import figures
from evaluation.cuts import CUTS, embed_cuts, long_enough
from evaluation.detection import DETECTION_FIGURES, detection_statistic, score_pairs
from evaluation.results import Result
from inference.encoder import SpeakerEncoder
from storage.errors import UserError

SAME, DIFFERENT = "1", "0"
NEAREST_NAMES = 3


class TrialListError(UserError):
    """The list can't be used; the message says which line and why."""


@dataclass(frozen=True)
class Trial:
    """Two utterances to compare; a target trial if they are of one speaker."""

    first: Utterance
    second: Utterance


def read_trials(path: Path, cache: UtteranceCache, trained_on: Collection[str]) -> list[Trial]:
    """Read a list and check it against the cache.

    A speaker that the network was trained on is refused, where `evaluate_unseen` leaves such speakers out: any set of
    speakers makes for a figure, but a list is a protocol, and with some of its trials missing the figure would not be
    comparable with others' on it.

    Args:
        trained_on: names of the speakers of the training.

    Raises:
        TrialListError: it is missing or not text; a line is malformed, names an utterance that is not cached or twice
            the same, contradicts the cache on who speaks, or names a speaker of the training; or there are no trials
            of one speaker, or none of two.
    """
    entries = cache.utterances.values()
    known = {f"{entry.corpus}/{entry.speaker}/{entry.utterance}": entry for entry in entries if entry.corpus}
    known |= {f"{entry.speaker}/{entry.utterance}": entry for entry in entries}
    trials, targets = [], 0
    for number, line in _lines(path):
        try:
            trial = _parse(line, known)
            _check_unheard(trial, trained_on)
        except ValueError as error:
            raise TrialListError(f"{path}, line {number}: {error}") from error
        trials.append(trial)
        targets += trial.first.speaker == trial.second.speaker
    if not 0 < targets < len(trials):
        raise TrialListError(
            f"expected trials of one speaker ({SAME}) and of two ({DIFFERENT}) in {path}. "
            f"Received {targets} and {len(trials) - targets}"
        )
    return trials


def evaluate_trials(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    trials: Sequence[Trial],
    name: str,
    cuts: Sequence[float | None] = CUTS,
) -> list[Result]:
    """EER and minDCF of the trials at each length, with intervals over their speakers.

    Args:
        name: of the list.
        cuts: seconds to use of each utterance; None for all of it.
    """
    utterances = sorted({one for trial in trials for one in (trial.first, trial.second)})
    names, speakers = np.unique([utterance.speaker for utterance in utterances], return_inverse=True)
    spans = np.split(np.arange(len(utterances)), np.flatnonzero(np.diff(speakers)) + 1)  # a speaker's stand together
    bar = tqdm(spans, "embed", unit="speaker", leave=False)
    embedded = np.concatenate(
        [embed_cuts(encoder, cache, [utterances[row] for row in span], cuts) for span in bar], axis=1
    )  # (cuts, utterances, d)
    rows = {utterance.key: row for row, utterance in enumerate(utterances)}
    first = np.array([rows[trial.first.key] for trial in trials])
    second = np.array([rows[trial.second.key] for trial in trials])
    results = []
    for cut, embeddings in zip(cuts, embedded):
        scored = score_pairs(embeddings, speakers, first, second)
        found = figures(detection_statistic(scored), len(names))
        counts = (len(names), len(utterances), long_enough(utterances, cut), scored.targets, scored.nontargets)
        results.append(Result(name, cut, *counts, dict(zip(DETECTION_FIGURES, found))))
    return results


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbers of the lines, from 1, and what they say, without comments and blank ones."""
    try:  # utf-8-sig: Notepad puts a byte order mark first
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrialListError(f"expected a text file of trials. {path} is not readable as one") from error
    stripped = ((number, line.split("#")[0].strip()) for number, line in enumerate(lines, start=1))
    return ((number, line) for number, line in stripped if line)


def _parse(line: str, known: dict[str, Utterance]) -> Trial:
    """A trial whose label agrees with the cache; `ValueError` says what is wrong."""
    fields = [field.strip() for field in line.split("\t")] if "\t" in line else line.split()
    if len(fields) != 3 or fields[0] not in (SAME, DIFFERENT):
        raise ValueError(f"expected {SAME} or {DIFFERENT} and two utterances. Received {line!r}")
    for name in fields[1:]:
        if name not in known:
            near = difflib.get_close_matches(name, known, NEAREST_NAMES, cutoff=0)
            raise ValueError(f"the cache holds no utterance {name!r}; nearest: {', '.join(near)}")
    trial = Trial(known[fields[1]], known[fields[2]])
    if trial.first == trial.second:
        raise ValueError(f"{fields[1]} is compared with itself")
    if (trial.first.speaker == trial.second.speaker) != (fields[0] == SAME):
        said = "one speaker" if fields[0] == SAME else "two speakers"
        raise ValueError(f"says {said} ({fields[0]}), but they are {trial.first.speaker} and {trial.second.speaker}")
    return trial


def _check_unheard(trial: Trial, trained_on: Collection[str]) -> None:
    for utterance in (trial.first, trial.second):
        if utterance.speaker in trained_on:
            raise ValueError(
                f"the network was trained on {utterance.speaker}, so the trial tells nothing of new voices"
            )
