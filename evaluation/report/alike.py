"""How alike speakers are, by their mean embeddings."""

import numpy as np

from evaluation.scored_set import ScoredSet
from inference.embedding import mean_embedding


def mean_embeddings(scored: ScoredSet) -> np.ndarray:
    """Return the mean embedding of each speaker by number, (speakers, d), rows of length 1; 0 of one without any."""
    means = np.zeros((len(scored.speakers), scored.embeddings.shape[1]), np.float32)
    for speaker in np.unique(scored.owners):
        means[speaker] = mean_embedding(scored.embeddings[scored.owners == speaker])
    return means


def nearest_others(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the speaker who is most alike each speaker, and the cosine of the two, (speakers,) each."""
    cosines = means @ means.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = cosines.argmax(axis=1)
    return nearest, cosines[np.arange(len(means)), nearest]
