"""Adaptive score normalisation (AS-norm): how far a cosine stands out of those of strangers.

A speaker who sounds like many, or a bad line, has high cosines with everybody. So each side of a trial is compared with
a cohort of strangers, and the cosine is expressed in standard deviations above the mean of that side's nearest ones;
the score is the mean of both sides (Matejka et al., "Analysis of score normalization in multilingual speaker
recognition", Interspeech 2017, section 3.2: adaptive S-norm 1; the statistics of the nearest are from Cumani et al.,
"Comparison of speaker recognition approaches for real applications", Interspeech 2011).

The cohort travels with the network: one embedding for each of its training's speakers.
"""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.fields import Fields

NEAREST = 50  # of the cohort, whose cosines count
FEWEST = 2 * NEAREST  # speakers; EER over nine corpora: 8.3 % without, 9.2 with 40 of them, 8.5 with 60, 8.0 with 100
SMALLEST_DEVIATION = 1e-3  # of cosines; a cohort of copies would divide by 0
COMPARED_AT_ONCE = 1 << 24  # cosines, to bound the memory
INT8_MAX = 127
AS_NORM, NO_NORM = "as", "none"
SCORE_NORMS = (NO_NORM, AS_NORM)


@dataclass(frozen=True)
class Cohort:
    """Strangers to compare with."""

    embeddings: NDArray[np.float32]  # (speakers, d), rows of length 1

    @classmethod
    def from_json(cls, value: object) -> "Cohort":
        """Read what `as_json` gives.

        Raises:
            ValueError: a field is missing, unknown or of another type, the bytes are damaged, or of too few speakers.
        """
        fields = Fields(value)
        speakers = fields.whole("speakers", lowest=1)
        values = np.frombuffer(base64.b64decode(fields.take("int8", str), validate=True), np.int8)
        fields.end()
        return cls.from_embeddings(values.reshape(speakers, -1).astype(np.float32))

    @classmethod
    def from_embeddings(cls, embeddings: np.ndarray) -> "Cohort":
        """Make a cohort of embeddings (speakers, d) of any length but 0.

        Raises:
            ValueError: they are fewer than `FEWEST`, or one has no direction.
        """
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        if len(embeddings) < FEWEST or not (np.isfinite(lengths) & (lengths > 0)).all():
            raise ValueError(f"expected {FEWEST} speakers or more, each with a direction. Received {len(embeddings)}")
        return cls((embeddings / lengths).astype(np.float32))

    def as_json(self) -> dict[str, Any]:
        """Write the embeddings as a byte for each value, in base64.

        Each row is scaled to the whole range of a byte; as rows have length 1, the scales need not be kept.
        """
        scaled = self.embeddings / np.abs(self.embeddings).max(axis=1, keepdims=True) * INT8_MAX
        content = np.round(scaled).astype(np.int8).tobytes()
        return {"speakers": len(self.embeddings), "int8": base64.b64encode(content).decode()}

    def statistics(self, embeddings: np.ndarray) -> np.ndarray:
        """Return mean and deviation of each embedding's cosines with its nearest in the cohort.

        Args:
            embeddings: (n, d), rows of length 1.

        Returns:
            (n, 2).
        """
        at_once = max(COMPARED_AT_ONCE // len(self.embeddings), 1)
        parts = [self._statistics(embeddings[start : start + at_once]) for start in range(0, len(embeddings), at_once)]
        return np.concatenate(parts) if parts else np.zeros((0, 2))

    def _statistics(self, embeddings: np.ndarray) -> np.ndarray:
        cosines = embeddings @ self.embeddings.T
        cosines.partition(len(self.embeddings) - NEAREST, axis=1)
        nearest = cosines[:, -NEAREST:].astype(np.float64)
        return np.stack([nearest.mean(axis=1), np.maximum(nearest.std(axis=1), SMALLEST_DEVIATION)], axis=1)


class Scoring:
    """How embeddings are compared: by cosine, or normalised where there is a cohort."""

    def __init__(self, cohort: Cohort | None):
        self.cohort = cohort

    @property
    def norm(self) -> str:
        """One of `SCORE_NORMS`."""
        return NO_NORM if self.cohort is None else AS_NORM

    def __str__(self) -> str:
        if self.cohort is None:
            return "cosines"
        return f"normalised scores: AS-norm, the nearest {NEAREST} of {len(self.cohort.embeddings)} speakers"

    def statistics(self, embeddings: np.ndarray) -> np.ndarray | None:
        """Return the cohort's `statistics` of embeddings (n, d), for `normalised`; None without a cohort."""
        return None if self.cohort is None else self.cohort.statistics(embeddings)

    def matrix(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Score embeddings (n, d) with others (m, d), rows of length 1: (n, m)."""
        if self.cohort is None:
            return normalised(a @ b.T, None, None)
        first, second = self.cohort.statistics(a), self.cohort.statistics(b)
        return normalised(a @ b.T, first[:, None], second[None])

    def rowwise(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Score embeddings (n, d) with as many others (n, d), row by row: (n,)."""
        return normalised(np.einsum("nd,nd->n", a, b), self.statistics(a), self.statistics(b))

    def pair(self, a: np.ndarray, b: np.ndarray) -> float:
        """Score two embeddings (d,) of length 1."""
        return float(self.matrix(a[None], b[None])[0, 0])


COSINES = Scoring(None)


def normalised(cosines: np.ndarray, first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray:
    """Express cosines in deviations above those that each side has with its nearest strangers.

    Args:
        cosines: any shape.
        first, second: `statistics` of each side, of that shape with one more axis of 2; None for plain cosines, from
            which no more is taken than what rounding brought beyond -1 and 1.
    """
    if first is None or second is None:
        return np.clip(cosines, -1, 1)
    return ((cosines - first[..., 0]) / first[..., 1] + (cosines - second[..., 0]) / second[..., 1]) / 2
