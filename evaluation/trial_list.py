"""A trial list: pairs of cached utterances, each said to be of one speaker or of two."""

from collections.abc import Iterable, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cache.index import Utterance
from cache.utterances import UtteranceCache
from corpus import speakers
from corpus import trials as lists
from corpus.recording import Speaker
from corpus.trials import TrialListError
from evaluation.trial_sets import TrialSet, listed_pairs


@dataclass(frozen=True)
class Trial:
    """Two utterances to compare; a target trial if they are of one speaker."""

    first: Utterance
    second: Utterance

    @property
    def is_target(self) -> bool:
        """Whether one speaker speaks in both."""
        return self.first.whose == self.second.whose


def read_trials(path: Path, cache: UtteranceCache, trained_on: Iterable[str]) -> TrialSet:
    """Read a list and check it against the cache.

    A speaker that the network was trained on is refused, where `held_out_trials` leaves such speakers out: any set
    of speakers can be measured, but a list is a protocol, and with some of its trials missing the results would not be
    comparable with others' on it.

    Args:
        trained_on: the speakers of the training, as `corpus/name`.

    Raises:
        TrialListError: it is missing or not text; a line is malformed, names an utterance that is not cached or twice
            the same, contradicts the cache on who speaks, or names a speaker of the training; or there are no trials
            of one speaker, or none of two.
    """
    known = lists.Utterances(cache, _names_in(path))
    trained, perhaps_trained = speakers.trained_on(trained_on, cache.speakers())
    trials = []
    for line in lists.read_trial_list(path):
        try:
            trials.append(_checked(line, known, trained))
        except ValueError as error:
            raise TrialListError(f"{line.where}: {error}") from error
    speakers.warn_of_namesakes(perhaps_trained & {u.whose for trial in trials for u in (trial.first, trial.second)})
    targets = sum(trial.is_target for trial in trials)
    if not 0 < targets < len(trials):
        raise TrialListError(
            f"expected trials of one speaker and of two in {path}. Received {targets} and {len(trials) - targets}"
        )
    return listed_pairs(path.name, [(trial.first, trial.second) for trial in trials])


def _names_in(path: Path) -> set[str]:
    """The names in a list, up to a line that is malformed."""
    names: set[str] = set()
    with suppress(TrialListError):
        for line in lists.read_trial_list(path):
            names |= {line.first, line.second}
    return names


def _checked(line: lists.Trial, known: lists.Utterances, trained: Set[Speaker]) -> Trial:
    """Make a trial of a line, if its label agrees with the cache; else raise a ValueError that says what is wrong."""
    trial = Trial(known.find(line.first), known.find(line.second))
    if trial.first == trial.second:
        raise ValueError(f"{line.first} is compared with itself")
    a, b = trial.first.whose, trial.second.whose
    if trial.is_target != line.is_target:
        raise ValueError(f"says {'one speaker' if line.is_target else 'two speakers'}, but they are {a} and {b}")
    if either := trained & {a, b}:
        raise ValueError(f"the network was trained on {min(either)}, so the trial tells nothing about new speakers")
    return trial
