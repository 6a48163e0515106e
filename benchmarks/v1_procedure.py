"""The first version's procedure, as it was published, to measure ours against.

One pickle per utterance; then, for each side of each speaker, 1,000 random cuts, whose MFCC are computed one 25 ms
slice at a time and joined to windows of 10 frames, one every 3 frames. It is done as v1 describes it, no slower on
purpose: decoding and resampling are soundfile and soxr, which `librosa.load` uses today (what v1 had was slower),
everything stays in one process, and the time that libraries take to load does not count.
"""

import pickle
from pathlib import Path

import numpy as np
import python_speech_features as psf
import soundfile
import soxr
from measure import Cost, timed

SAMPLE_RATE = 8_000  # Hz
SILENCE_PERCENTILE = 95  # of the magnitudes
SLICE = SAMPLE_RATE * 25 // 1000  # samples, 25 ms
STEP = SAMPLE_RATE * 10 // 1000  # samples, 10 ms
WINDOW = 10  # frames
WINDOW_STEP = 3  # frames
WINDOW_SIZE = 390  # values: 10 frames of 13 cepstra, deltas and delta-deltas
DELTA_REACH = 2  # frames, of which a single slice has but one
CUTS = 1_000  # from each side of a speaker
TRAIN_SHARE = 0.8  # of the utterances


def cache_utterance(source: Path, target: Path) -> None:
    """Decode, resample, find the voiced part, and pickle all of it."""
    audio, rate = soundfile.read(source, dtype="float32", always_2d=True)
    audio = soxr.resample(audio.mean(axis=1), rate, SAMPLE_RATE)
    energy = np.abs(audio)
    voiced = np.flatnonzero(energy > np.percentile(energy, SILENCE_PERCENTILE))
    first, last = voiced[0], voiced[-1]
    entry = {
        "audio": audio,
        "audio_voice_only": audio[first:last],
        "left_blank_duration_ms": 1000 * first / SAMPLE_RATE,
        "right_blank_duration_ms": 1000 * (len(audio) - last) / SAMPLE_RATE,
        "filename": str(source),
    }
    with open(target, "wb") as file:
        pickle.dump(entry, file)


def write_speaker_inputs(entries: list[Path], target: Path, cuts: int, rng: np.random.Generator) -> None:
    """Pickle a speaker's train and test windows, normalised with the mean and deviation of both (v1's label leak).

    Args:
        entries: as `cache_utterance` wrote them, in order; the first 80 % train.
        cuts: from each side.
    """
    signals = [pickle.loads(entry.read_bytes())["audio_voice_only"] for entry in entries]
    split = round(TRAIN_SHARE * len(signals))
    train, test = (
        np.concatenate([_cut(side, rng) for _ in range(cuts)]) for side in (signals[:split], signals[split:])
    )
    both = np.concatenate([train, test])
    mean, deviation = both.mean(axis=0), both.std(axis=0)
    with open(target, "wb") as file:
        pickle.dump({"train": (train - mean) / deviation, "test": (test - mean) / deviation}, file)


def measure_speaker(files: list[Path], folder: Path, cuts: int) -> tuple[Cost, Cost, int]:
    """Do one speaker, with fewer cuts than v1's, and scale what the inputs took up to v1's `CUTS`.

    Args:
        files: the speaker's recordings.
        folder: an empty one, for the pickles.
        cuts: to draw from each side.

    Returns:
        costs of the cache and of the inputs, and the inputs' size in bytes.
    """
    entries, inputs = [folder / f"{number}.pkl" for number in range(len(files))], folder / "full_inputs.pkl"
    cache = timed(lambda: [cache_utterance(source, entry) for source, entry in zip(files, entries)])
    drawn = timed(write_speaker_inputs, entries, inputs, cuts, np.random.default_rng(0))
    scale = CUTS / cuts
    return cache, Cost(drawn.wall * scale, drawn.cpu * scale), round(inputs.stat().st_size * scale)


def windows(signal: np.ndarray) -> np.ndarray:
    """The (windows, 390) float64 features of a signal (samples,); none of one that is shorter than a window."""
    slices = (signal[start : start + SLICE] for start in range(0, len(signal) - SLICE + 1, STEP))
    frames = [_frame(one) for one in slices]
    starts = range(0, len(frames) - WINDOW + 1, WINDOW_STEP)
    return np.array([np.concatenate(frames[start : start + WINDOW]) for start in starts]).reshape(-1, WINDOW_SIZE)


def _cut(signals: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """The windows of a random stretch of a random utterance."""
    signal = signals[rng.integers(len(signals))]
    start, stop = sorted(rng.integers(0, len(signal), 2))
    return windows(signal[start:stop])


def _frame(one_slice: np.ndarray) -> np.ndarray:
    """(39,): cepstra, deltas and delta-deltas of 25 ms on their own."""
    cepstra = psf.mfcc(one_slice, SAMPLE_RATE)
    delta = psf.delta(cepstra, DELTA_REACH)
    return np.hstack([cepstra, delta, psf.delta(delta, DELTA_REACH)])[0]
