"""A cache and an encoder in the plane: an utterance's embedding is the unit vector at a known angle."""

from pathlib import Path

import numpy as np

from cache.index import Utterance, write_index
from cache.mark import SETTINGS_DIGEST
from cache.utterances import UtteranceCache

SAMPLES = 24_000  # of each utterance, 3 s


def made_up(corpus: str, speaker: str, utterance: str, samples: int = SAMPLES, session: str = "") -> Utterance:
    """A line of the index of which nothing is stored."""
    source = f"{speaker}/{utterance}.wav"
    return Utterance(
        corpus,
        speaker,
        utterance,
        session,
        f"/{corpus}",
        source,
        None,
        None,
        1,
        1,
        SETTINGS_DIGEST,
        "0" * 64,
        samples,
        0.0,
        0.0,
    )


class AngleEncoder:
    """Embeds a signal at the angle that is its first sample, in degrees; notes the lengths of what it embeds."""

    calibration, fingerprint = None, "angles"

    def __init__(self, trained_on=(), held_out=()):
        self.trained_on, self.held_out = frozenset(trained_on), tuple(held_out)
        self.lengths: list[int] = []

    def embed_utterances(self, signals: list[np.ndarray]) -> np.ndarray:
        self.lengths.extend(len(signal) for signal in signals)
        radians = np.radians([signal[0] for signal in signals])
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def cache_of(
    folder: Path, angles: dict[str, list[int]], patch, samples: int = SAMPLES, utterances_a_session: int = 0
) -> UtteranceCache:
    """A cache of `corpus/speaker` with an utterance for each angle; `patch` replaces the reading of files.

    Args:
        utterances_a_session: how many follow each other in one; 0 where no sessions are known.
    """
    utterances, degrees = [], {}
    for name, values in angles.items():
        corpus, _, speaker = name.rpartition("/")
        for number, value in enumerate(values):
            session = f"s{number // utterances_a_session}" if utterances_a_session else ""
            utterance = made_up(corpus, speaker, f"{number:03}", samples, session)
            utterances.append(utterance)
            degrees[utterance.key] = value
    for module in ("inference.cached_speakers", "evaluation.cuts"):
        patch.setattr(f"{module}.read_signal", lambda _folder, u: np.full(u.samples, degrees[u.key], np.int16))
    write_index(folder, utterances)
    return UtteranceCache(folder)
