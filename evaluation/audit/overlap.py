"""What is on both sides: utterances that train and test, and speakers who train and are held out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from audio.mfcc import speech_log_mel
from batcher.inputs import TrainingInputs
from batcher.speaker_split import SpeakerSplit
from evaluation.audit.finding import Finding, Status, status_of
from evaluation.audit.fingerprint import BANDS, matches
from storage.counting import counted
from storage.digest import samples_sha256

SHOWN = 3  # pairs in a sentence
MOST_COMPARED = 24_000_000  # frames of the inputs, 67 h, in which every 10 ms is compared with every other one
BY_CONTENT = "the same sound"


def overlaps(inputs: TrainingInputs, held_out: Mapping[str, Sequence[np.ndarray]]) -> list[Finding]:
    """Look for the same sound in training and test utterances, under two names, and among the held out.

    Digests are compared of all inputs. Of more than `MOST_COMPARED` frames, some utterances, evenly spread, are
    searched for the same sound under other digests.

    Args:
        inputs: the training inputs.
        held_out: signals of held-out speakers, int16, (samples,), at 8 kHz, by `corpus/speaker`.
    """
    findings = [_hashes(inputs), _on_both_sides(inputs.speakers, held_out)]
    if inputs.feature_settings.num_filters < BANDS:
        said = f"the inputs have {inputs.feature_settings.num_filters} mel filters; copies are told by {BANDS}"
        return [*findings, Finding(f"{BY_CONTENT} in two places", Status.NOT_TESTED, said)]
    train, test, among = _compared(inputs)
    outside = [speech_log_mel(signal, inputs.feature_settings) for signals in held_out.values() for signal in signals]
    speakers = [name for name, signals in held_out.items() for _ in signals]
    names = [*train.names, *test.names, *(f"{name} (held out)" for name in speakers)]
    whose = [*(_speaker(name) for name in (*train.names, *test.names)), *speakers]
    sides = np.repeat([0, 1, 2], [len(train.labels), len(test.labels), len(outside)])
    found = [(match.first, match.second) for match in matches([*_utterances(train), *_utterances(test), *outside])]
    between = {pair: {int(sides[row]) for row in pair} for pair in found}
    kinds = {
        "in train and test": [pair for pair in found if between[pair] == {0, 1}],
        "in training and held out": [pair for pair in found if 2 in between[pair] and len(between[pair]) > 1],
        "under two speakers' names": [(a, b) for a, b in found if whose[a] != whose[b]],
    }
    return findings + [
        _of_pairs(f"{BY_CONTENT} {where}", [(names[a], names[b]) for a, b in pairs], among)
        for where, pairs in kinds.items()
    ]


def _compared(inputs: TrainingInputs) -> tuple[SpeakerSplit, SpeakerSplit, str]:
    """Both sides, or as much of them as can be compared; and if it is not all, what, in words."""
    sides = inputs.train, inputs.test
    share = MOST_COMPARED / max(sum(int(side.lengths.sum()) for side in sides), 1)
    if share >= 1:
        return *sides, ""
    train, test = (side.some(int(share * len(side.labels))) for side in sides)
    looked_at, there = (sum(len(side.labels) for side in two) for two in ((train, test), sides))
    return train, test, f" among {looked_at} of the {there} utterances"


def _utterances(side: SpeakerSplit) -> Iterable[np.ndarray]:
    return map(side.frames_of, range(len(side.labels)))


def _hashes(inputs: TrainingInputs) -> Finding:
    """Compare digests of log mel values: the same speech, sample by sample."""
    by_digest: dict[str, list[str]] = defaultdict(list)
    for name, values in zip(inputs.train.names, _utterances(inputs.train)):
        by_digest[_digest(values)].append(name)
    pairs = [
        (other, name)
        for name, values in zip(inputs.test.names, _utterances(inputs.test))
        for other in by_digest.get(_digest(values), [])
    ]
    return _of_pairs("train and test by content hash", pairs)


def _digest(values: np.ndarray) -> str:
    return samples_sha256(np.ascontiguousarray(values).view(np.int16).ravel())


def _on_both_sides(speakers: Sequence[str], held_out: Iterable[str]) -> Finding:
    both = sorted(set(speakers) & set(held_out))
    said = f"{', '.join(both[:SHOWN])}: {len(both)} in training and held out" if both else "nobody, by name"
    return Finding("speakers on both sides", status_of(bool(both)), said)


def _of_pairs(test: str, pairs: list[tuple[str, str]], among: str = "") -> Finding:
    if not pairs:
        return Finding(test, Status.NO_LEAK, f"none{among}")
    shown = "; ".join(" and ".join(pair) for pair in pairs[:SHOWN])
    return Finding(test, Status.LEAK, f"{counted(len(pairs), 'pair')}{among}, such as {shown}")


def _speaker(utterance: str) -> str:
    """`corpus/speaker` of `corpus/speaker/utterance`; an utterance's name may hold slashes."""
    return "/".join(utterance.split("/")[:2])
