"""Training inputs of any size: random log mel values in the real format, as time and memory do not depend on speech."""

import dataclasses
from pathlib import Path

import measure  # noqa: F401  (the project's root on sys.path)
import numpy as np

from audio.mfcc import DEFAULT_FEATURES
from batcher.inputs import FORMAT, LOG_MEL_DTYPE
from batcher.restricted_pickle import write_record
from batcher.splits import train_count

FRAMES_PER_HOUR = 360_000
UTTERANCE = 360  # frames, 3.6 s
VCTK_HOURS, VCTK_SPEAKERS = 44, 109


def write_inputs(path: Path, hours: float, speakers: int) -> None:
    """Write a full_inputs.pkl with `hours` of speech in utterances of equal length, each speaker's share the same."""
    utterances = round(hours * FRAMES_PER_HOUR / UTTERANCE / speakers)  # of each speaker
    size = DEFAULT_FEATURES.size
    log_mel = np.random.default_rng(0).standard_normal((UTTERANCE, DEFAULT_FEATURES.log_mel_size)).astype(LOG_MEL_DTYPE)
    names = [f"p{number}" for number in range(speakers)]
    header = {
        "format": FORMAT,
        "features": dataclasses.asdict(DEFAULT_FEATURES),
        "held_out": [],
        "speakers": names,
        "cache_sha256": "made up",
        "utterances": speakers * utterances,
        "copies": 0,
    }
    with open(path, "wb") as file:
        write_record(file, header)
        for name in names:
            for number in range(utterances):
                side = "train" if number < train_count(utterances) else "test"
                about = {"speaker": name, "corpus": "", "utterance": str(number), "side": side, "copy": 0}
                write_record(file, {**about, "log_mel": log_mel})
        write_record(file, {"mean": np.zeros(size, np.float32), "deviation": np.ones(size, np.float32)})
