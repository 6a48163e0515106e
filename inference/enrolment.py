"""From recordings of one speaker to a profile, and what is to be said of those that do not belong together.

A profile's embedding is the unit vector along the mean of its recordings' embeddings. With their number and the length
of that mean it gives their sum back, so recordings can be added later as if they had been there from the beginning.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.calibration import Calibration
from inference.cohort import Scoring
from inference.decisions import DIFFERENT, compare
from inference.embedding import mean_embedding
from inference.profile_file import Profile, ProfileError
from inference.recordings import Speech
from inference.repeats import repeats


class Judge(Protocol):
    """What a comparison takes of an encoder."""

    @property
    def calibration(self) -> Calibration | None:
        """What scores mean; none for a network that is not calibrated."""

    @property
    def scoring(self) -> Scoring:
        """How embeddings are compared."""


def profile_of(
    name: str, recordings: Sequence[Speech], embeddings: NDArray[np.float32]
) -> tuple[Profile, NDArray[np.float32]]:
    """A speaker's profile and its embedding (d,), of length 1.

    Args:
        recordings: of the speaker, without repeats.
        embeddings: (recordings, d), of length 1 each.
    """
    length = float(np.linalg.norm(embeddings.mean(axis=0, dtype=np.float64)))
    seconds = round(sum(recording.seconds for recording in recordings), 2)
    sounds = tuple(map(sound_of, recordings))
    profile = Profile(name, len(recordings), seconds, date.today().isoformat(), length, sounds)
    return profile, mean_embedding(embeddings)


def sound_of(recording: Speech) -> str:
    """What tells whether it is the same recording again: SHA-256 of its samples, whatever the file is called.

    A copy of another format or level has other samples; only recordings at hand can be searched for such.
    """
    return hashlib.sha256(np.ascontiguousarray(recording.signal, "<i2").tobytes()).hexdigest()


def without_known(recordings: Sequence[Speech], profile: Profile) -> tuple[list[Speech], list[str]]:
    """The recordings that a profile was not made of yet, and in words, which it was.

    Raises:
        ProfileError: it was made of all of them.
    """
    new, remarks = [], []
    for recording in recordings:
        if sound_of(recording) in profile.sounds:
            remarks.append(f"{recording.name} is part of the profile of {profile.name} already, and is left out")
        else:
            new.append(recording)
    if not new:
        raise ProfileError(f"the profile of {profile.name!r} holds these recordings already; name others to add")
    return new, remarks


def without_repeats(recordings: Sequence[Speech]) -> tuple[list[Speech], list[str]]:
    """The recordings that say something new, and in words, which do not: a copy or a cut tells no more of a speaker."""
    holders = {repeat.row: recordings[repeat.holder].name for repeat in repeats([one.signal for one in recordings])}
    remarks = [
        f"{recordings[row].name} holds the same sound as {holder}: the two count as one"
        for row, holder in holders.items()
    ]
    return [recording for row, recording in enumerate(recordings) if row not in holders], remarks


def disagreements(recordings: Sequence[Speech], embeddings: NDArray[np.float32], judge: Judge) -> list[str]:
    """Which recordings of an enrolment sound like another speaker than the rest of them, in words.

    Args:
        recordings: without repeats.
        embeddings: (recordings, d), rows of length 1.
        judge: the encoder that the embeddings are of.
    """
    if len(recordings) < 2:
        return []
    remarks = []
    for row, recording in enumerate(recordings):
        rest = [other for other in range(len(recordings)) if other != row]
        others = mean_embedding(embeddings[rest]), sum(recordings[other].seconds for other in rest)
        remarks += _disagreement(recording, embeddings[row], others, judge, "the other recordings")
    return remarks


def disagreements_with(
    recordings: Sequence[Speech],
    embeddings: NDArray[np.float32],
    profile: Profile,
    embedding: NDArray[np.float32],
    judge: Judge,
) -> list[str]:
    """Which recordings sound like another speaker than a profile they are to be added to, in words.

    Args:
        embeddings: (recordings, d), rows of length 1.
        embedding: (d,), of the profile.
        judge: the encoder that the embeddings are of.
    """
    earlier = embedding, profile.seconds
    return [
        remark
        for recording, row in zip(recordings, embeddings)
        for remark in _disagreement(recording, row, earlier, judge, "those enrolled before")
    ]


def _disagreement(
    recording: Speech,
    embedding: NDArray[np.float32],
    others: tuple[NDArray[np.float32], float],
    judge: Judge,
    what: str,
) -> list[str]:
    if judge.calibration is None:
        return []
    score = judge.scoring.pair(embedding, others[0])
    comparison = compare(float(embedding @ others[0]), score, (recording.seconds, others[1]), judge.calibration)
    if comparison.verdict != DIFFERENT:
        return []
    ratio = comparison.log_likelihood_ratio
    return [f"{recording.name} sounds like another speaker than {what} (log-likelihood ratio {ratio:+.1f})"]
