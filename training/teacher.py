"""Read another network's embeddings of the training utterances, which a network can learn from beside the labels.

Labels say who speaks, and of a few hundred speakers a small network learns by heart what tells them apart. A network
that was trained on thousands embeds speakers who sound alike near each other. So the embedding, through a linear map
that is thrown away afterwards, is to point where the teacher's does (as in Wang et al., "Knowledge Distillation for
Small Foot-Print Deep Speaker Embedding", ICASSP 2019; here by their cosine).
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from storage.errors import UserError, first_few
from storage.npz import read_npz

LARGEST = 1 << 32  # bytes, of a file; a million utterances at 512 values have half of that
LARGEST_VALUE = 1e18  # whose square is still a float32
FEWEST = 0.5  # share of the training utterances
NAMES_SHOWN = 3

logger = logging.getLogger(__name__)


class TeacherError(UserError):
    """The file of a teacher's embeddings can't be used; the message says why."""


def read_lessons(path: Path, utterances: Sequence[str]) -> np.ndarray:
    """Read the directions of a teacher's embeddings of utterances, as seen from their mean.

    Args:
        path: an npz file with `utterances` (n,), names as `corpus/speaker/utterance`, and `embeddings` (n, d) of
            floating point.
        utterances: the training utterances, by such names.

    Returns:
        float32, shape = (utterances, d), rows of length 1; zeros for an utterance that the teacher does not know.

    Raises:
        TeacherError: the file is missing, damaged or of another kind, or knows too few of the utterances.
    """
    if not path.is_file():
        raise TeacherError(f"no teacher's embeddings at {path}")
    try:
        arrays = read_npz(path, LARGEST)
        names, embeddings = arrays["utterances"], arrays["embeddings"]
        rows = _rows(names, embeddings)
    except (OSError, ValueError, KeyError) as error:
        raise TeacherError(f"{path} does not hold a teacher's embeddings ({error})") from error
    known = np.array([row for row, name in enumerate(utterances) if name in rows], int)
    unknown = [name for name in utterances if name not in rows]
    if len(known) < max(FEWEST * len(utterances), 1):
        raise TeacherError(
            f"the teacher knows {len(known)} of the {len(utterances)} training utterances, and not "
            f"{first_few(unknown, NAMES_SHOWN)}; its file names them as corpus/speaker/utterance"
        )
    if unknown:
        logger.warning(
            "the teacher does not know %d of the training utterances: %s",
            len(unknown), first_few(unknown, NAMES_SHOWN),
        )  # fmt: skip
    lessons = np.zeros((len(utterances), embeddings.shape[1]), np.float32)
    lessons[known] = embeddings[[rows[utterances[row]] for row in known]]
    lessons[known] -= lessons[known].mean(axis=0)
    return lessons / np.maximum(np.linalg.norm(lessons, axis=1, keepdims=True), 1e-9)


def _rows(names: np.ndarray, embeddings: np.ndarray) -> dict[str, int]:
    """The row of each utterance's embedding, by its name; raises ValueError if the arrays can't be used."""
    if names.ndim != 1 or names.dtype.kind != "U" or embeddings.ndim != 2 or embeddings.dtype.kind != "f":
        raise ValueError("expected names (n,) and embeddings (n, d)")
    if not embeddings.size or len(names) != len(embeddings) or not (np.abs(embeddings) < LARGEST_VALUE).all():
        raise ValueError(f"{len(names)} names and {len(embeddings)} embeddings, or values that are none")
    return {str(name): row for row, name in enumerate(names)}
