"""Subsets of trials that are measured by themselves: of two sessions or one, and of speakers who share a property."""

from collections.abc import Iterator, Mapping

import numpy as np

from corpus.recording import Speaker
from evaluation.trial_sets import TrialSet

ALL = ""
ACROSS_SESSIONS, WITHIN_SESSION = "across sessions", "within a session"

Properties = Mapping[str, Mapping[Speaker, str]]  # of speakers, by the name of the property


def subsets(trials: TrialSet, properties: Properties) -> Iterator[tuple[str, np.ndarray]]:
    """Choose the trials of each subset that holds some of one speaker and some of two.

    Where speakers have trials across sessions, these and those within a session of the same speakers are told apart,
    each with all trials of two speakers. By a property, both speakers have the value: who sounds alike is compared.

    Yields:
        the subset's name, and which trials are in it, (trials,) bool; that of all trials first.
    """
    same = trials.same
    chosen = {ALL: np.ones(len(same), bool)}
    across, within = same & trials.across_sessions, same & trials.within_session
    if across.any():
        owners = trials.owners[trials.first]
        chosen[ACROSS_SESSIONS] = ~same | across
        chosen[WITHIN_SESSION] = ~same | (within & np.isin(owners, owners[across]))
    for name, values in properties.items():
        of_speaker = np.array([values.get(speaker, "") for speaker in trials.speakers])[trials.owners]
        first, second = of_speaker[trials.first], of_speaker[trials.second]
        chosen |= {f"{name} {value}": (first == value) & (second == value) for value in np.unique(of_speaker) if value}
    for name, rows in chosen.items():
        if (rows & same).any() and (rows & ~same).any():
            yield name, rows
