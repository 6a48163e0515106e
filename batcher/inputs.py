"""`full_inputs.pkl`: the log mel values of every training speaker, each utterance's frames once.

The file is a sequence of pickles (see `restricted_pickle`), written and read one at a time so that memory stays flat:

    header     format, feature settings, held-out speakers, fingerprint of the cache (see `choice`), speakers, numbers
               of utterances and of disturbed copies of each training utterance
    utterance  speaker, corpus, utterance, "train" or "test", copy (0), log_mel (frames, 33) float16 - one for each;
               after it, if it trains, its copies (1, 2, ...), see `copies`
    footer     mean and deviation (60,) of the cepstra of the *training* frames, as they were recorded

They become cepstra when windows of them are drawn (`audio.mfcc`), after what is done to them to make voices and
recordings more varied (`augment`). Statistics of the training set alone normalise everything, tests and unseen voices
included: v1 took each speaker's own, train and test together, and so told the network who was speaking.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from audio.mfcc import FeatureSettings
from batcher.restricted_pickle import UnsafePickleError, read_records
from corpus.recording import Speaker
from storage.errors import UserError

# 5 called log mel values powers, 4 had no copies and kept frames without speech, 3 named speakers without corpora
FORMAT = "deep-speaker-inputs-6"
LOG_MEL_DTYPE = np.float16  # half the size; its rounding, 0.03 dB, is a hundredth of a feature's deviation


class InputsError(UserError):
    """`full_inputs.pkl` can't be made or used; the message says why and what to do."""


def _no_copies() -> np.ndarray:
    return np.zeros((0, 0), np.int64)


@dataclass(frozen=True)
class SpeakerSplit:
    """A side of the data: frames of utterances, and who speaks them."""

    log_mel: np.ndarray  # (all frames, 33) float16, log energy and log mel values, utterance after utterance
    starts: np.ndarray  # (utterances,) int64, first frame of each
    lengths: np.ndarray  # (utterances,) int64, frames of each
    labels: np.ndarray  # (utterances,) int64, index into `TrainingInputs.speakers`
    copy_starts: np.ndarray = field(
        default_factory=_no_copies
    )  # (copies, utterances) int64, the same of each utterance's disturbed copies
    copy_lengths: np.ndarray = field(default_factory=_no_copies)
    names: tuple[str, ...] = ()  # of the utterances, as `corpus/speaker/utterance`


@dataclass(frozen=True)
class TrainingInputs:
    """What `full_inputs.pkl` holds."""

    speakers: tuple[str, ...]  # as `corpus/name`
    held_out: tuple[str, ...]  # as they were named
    feature_settings: FeatureSettings
    cache_sha256: str  # what it was made of, see `choice.fingerprint`
    mean: np.ndarray  # (60,) float32, of the training frames' features
    deviation: np.ndarray  # (60,) float32
    train: SpeakerSplit
    test: SpeakerSplit


def load_inputs(path: Path) -> TrainingInputs:
    """Read `full_inputs.pkl` without running anything in it.

    Raises:
        InputsError: missing, damaged, of another format, or a pickle that is not ours.
    """
    if not path.is_file():
        raise InputsError(
            f"no training inputs at {path}; deep-speaker --generate_training_inputs (cli.py in a checkout) makes them"
        )
    try:
        return _assemble(read_records(path))
    except (UnsafePickleError, KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration) as error:
        raise InputsError(
            f"{path} is not usable as training inputs: {str(error) or 'cut short'}. Nothing in it was run; "
            "make it again with deep-speaker --generate_training_inputs (cli.py in a checkout)"
        ) from error


def _assemble(records: Iterator) -> TrainingInputs:
    header = next(records)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"it is not of the format {FORMAT}")
    settings = FeatureSettings(**_typed(header["features"], dict))
    speakers = {name: label for label, name in enumerate(_names(header, "speakers"))}
    sides = {
        "train": _SplitBuilder(settings.log_mel_size, _copies(header)),
        "test": _SplitBuilder(settings.log_mel_size, 0),
    }
    for _ in range(_typed(header["utterances"], int)):
        side = _add(next(records), 0, sides, speakers)
        for copy in range(1, side.copies + 1):
            if _add(next(records), copy, sides, speakers) is not side or side.labels[-1] != side.labels[-1 - copy]:
                raise ValueError("it holds a copy of another utterance than the one before")
    mean, deviation = _statistics(next(records), settings.size)
    if not sides["train"].labels:
        raise ValueError("it holds no training utterances")
    for _ in records:
        raise ValueError("something follows its last record")
    train, test = sides["train"].build(), sides["test"].build()
    made_of = _typed(header["cache_sha256"], str)
    return TrainingInputs(tuple(speakers), _names(header, "held_out"), settings, made_of, mean, deviation, train, test)


def _add(record: dict, copy: int, sides: dict[str, "_SplitBuilder"], speakers: dict[str, int]) -> "_SplitBuilder":
    """Put an utterance, or the copy of it that comes next, on its side; returns that."""
    if _typed(record["copy"], int) != copy:
        raise ValueError(f"expected copy {copy} of an utterance. Received another")
    speaker = str(Speaker(_typed(record["corpus"], str), _typed(record["speaker"], str)))
    side = sides[_typed(record["side"], str)]
    side.add(_typed(record["log_mel"], np.ndarray), speakers[speaker])
    if not copy:
        side.names.append(f"{speaker}/{_typed(record['utterance'], str)}")
    return side


def _copies(header: dict) -> int:
    copies = _typed(header["copies"], int)
    if copies < 0:
        raise ValueError("expected no negative number of copies")
    return copies


def _typed(value: object, kind: type) -> object:
    if not isinstance(value, kind):
        raise ValueError(f"expected a {kind.__name__}. Received a {type(value).__name__}")
    return value


def _names(header: dict, field: str) -> tuple[str, ...]:
    names = tuple(_typed(name, str) for name in _typed(header[field], list))
    if len(set(names)) < len(names):
        raise ValueError(f"{field} names someone twice")
    return names


def _statistics(footer: dict, size: int) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = (_typed(footer[name], np.ndarray) for name in ("mean", "deviation"))
    for values in (mean, deviation):
        if values.dtype != np.float32 or values.shape != (size,) or not np.isfinite(values).all():
            raise ValueError(f"expected finite float32 statistics ({size},). Received {values.dtype} {values.shape}")
    if not (deviation > 0).all():
        raise ValueError("expected deviations above zero")
    return mean, deviation


class _SplitBuilder:
    """Collects utterances in one growing block, so that no second copy of the data is ever made."""

    def __init__(self, size: int, copies: int):
        """Collect log mel values of `size` values a frame, of utterances that each have so many copies after them."""
        self.size = size
        self.copies = copies
        self.block = bytearray()
        self.lengths: list[int] = []
        self.labels: list[int] = []
        self.names: list[str] = []  # of those that are no copies

    def add(self, log_mel: np.ndarray, label: int) -> None:
        if log_mel.dtype != LOG_MEL_DTYPE or log_mel.shape != (len(log_mel), self.size) or not len(log_mel):
            raise ValueError(f"expected float16 log mel values (frames, {self.size}). Received {log_mel.shape}")
        if not np.isfinite(log_mel).all():
            raise ValueError("it holds log mel values that are NaN or infinite")
        self.block += log_mel.tobytes()
        self.lengths.append(len(log_mel))
        self.labels.append(label)

    def build(self) -> SpeakerSplit:
        of_each = (1 + self.copies, -1)  # the utterance as it was recorded, and its copies
        lengths, labels = np.array(self.lengths, np.int64), np.array(self.labels, np.int64)
        starts = np.cumsum(lengths) - lengths
        starts, lengths, labels = (of.reshape(of_each, order="F") for of in (starts, lengths, labels))
        log_mel = np.frombuffer(self.block, LOG_MEL_DTYPE).reshape(-1, self.size)
        return SpeakerSplit(log_mel, starts[0], lengths[0], labels[0], starts[1:], lengths[1:], tuple(self.names))
