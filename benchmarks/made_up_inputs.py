"""Training inputs of any size: random log mel values in the real format, as time and memory do not depend on speech."""

from pathlib import Path

import measure  # noqa: F401  (the project's root on sys.path)
import numpy as np

from audio.feature_settings import DEFAULT_FEATURES
from batcher.inputs_file import LOG_MEL_DTYPE, FrameStatistics, InputsHeader, InputsWriter, UtteranceRecord
from batcher.splits import TEST, TRAIN, train_count

FRAMES_PER_HOUR = 360_000
UTTERANCE = 360  # frames, 3.6 s
VCTK_HOURS, VCTK_SPEAKERS = 44, 109


def write_inputs(path: Path, hours: float, speakers: int) -> None:
    """Write a full_inputs.pkl with `hours` of speech in utterances of equal length, each speaker's share the same."""
    utterances = round(hours * FRAMES_PER_HOUR / UTTERANCE / speakers)  # of each speaker
    size = DEFAULT_FEATURES.size
    log_mel = np.random.default_rng(0).standard_normal((UTTERANCE, DEFAULT_FEATURES.log_mel_size)).astype(LOG_MEL_DTYPE)
    names = [f"p{number}" for number in range(speakers)]
    header = InputsHeader(DEFAULT_FEATURES, (), tuple(names), "made up", speakers * utterances)
    with open(path, "wb") as file:
        writer = InputsWriter(file, header)
        for name in names:
            for number in range(utterances):
                side = TRAIN if number < train_count(utterances) else TEST
                writer.add(UtteranceRecord("", name, "", str(number), side, 0, log_mel))
        writer.finish(FrameStatistics(np.zeros(size, np.float32), np.ones(size, np.float32)))
