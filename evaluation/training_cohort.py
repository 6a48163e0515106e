"""The cohort of AS-norm: the speakers of a network's training, as far as a cache holds them."""

from collections import defaultdict

import numpy as np

from cache.entries import read_signal
from cache.utterances import UtteranceCache
from corpus.speakers import trained_on
from inference.cohort import FEWEST, Cohort
from inference.encoder import SpeakerEncoder, mean_embedding
from storage.errors import UserError
from storage.progress import tracked

UTTERANCES = 20  # of each speaker at most; more hardly move a mean


def training_cohort(encoder: SpeakerEncoder, cache: UtteranceCache) -> Cohort:
    """One embedding for each speaker of the training: the mean of the first `UTTERANCES` by name.

    Their order is that of their values, which nobody can line up with the names that the network lists.

    Raises:
        UserError: the cache holds too few of them.
    """
    heard, _ = trained_on(encoder.trained_on, cache.speakers())
    if len(heard) < FEWEST:
        raise UserError(
            f"the cache at {cache.folder} holds {len(heard)} of the {len(encoder.trained_on)} speakers that the "
            f"network was trained on, and scores are normalised by {FEWEST} or more"
        )
    utterances = defaultdict(list)
    for _, entry in sorted(cache.utterances.items()):
        if entry.whose in heard and len(utterances[entry.whose]) < UTTERANCES:
            utterances[entry.whose].append(entry)
    means = np.stack(
        [
            mean_embedding(encoder.embed_utterances([read_signal(cache.folder, one) for one in own]))
            for _, own in tracked(sorted(utterances.items()), "cohort", len(utterances), "speaker")
        ]
    )
    return Cohort.of(means[np.lexsort(means.T)])
