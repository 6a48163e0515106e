"""The cohort of AS-norm: the speakers of a network's training, as far as a cache holds them."""

from collections import defaultdict

import numpy as np

from cache.entries import read_signal
from cache.index import Utterance
from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from corpus.speakers import trained_on
from inference.cohort import FEWEST, Cohort
from inference.embedding import mean_embedding
from inference.encoder import SpeakerEncoder
from storage.errors import UserError
from storage.progress import tracked

UTTERANCES = 20  # of each speaker at most; more hardly move a mean


def training_cohort(encoder: SpeakerEncoder, cache: UtteranceCache) -> Cohort:
    """Embed each speaker of the training by the mean of the first `UTTERANCES` utterances by name.

    Their order is that of their values, so that they can't be matched with the names in the network's description.

    Raises:
        UserError: the cache holds too few of those speakers.
    """
    trained, _ = trained_on(encoder.trained_on, cache.speakers())
    if len(trained) < FEWEST:
        raise UserError(
            f"the cache at {cache.folder} holds {len(trained)} of the {len(encoder.trained_on)} speakers that the "
            f"network was trained on, and scores are normalised by {FEWEST} or more"
        )
    by_speaker: dict[Speaker, list[Utterance]] = defaultdict(list)
    for utterance in cache:  # those of a speaker in order of name
        if utterance.whose in trained and len(by_speaker[utterance.whose]) < UTTERANCES:
            by_speaker[utterance.whose].append(utterance)
    means = np.stack(
        [
            mean_embedding(encoder.embed_utterances([read_signal(cache.folder, utterance) for utterance in utterances]))
            for _, utterances in tracked(sorted(by_speaker.items()), "cohort", len(by_speaker), "speaker")
        ]
    )
    return Cohort.from_embeddings(means[np.lexsort(means.T)])
