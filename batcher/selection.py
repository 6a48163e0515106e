"""Which cached utterances become training inputs, and whether inputs made earlier are still what the cache holds."""

import hashlib
import json
from collections.abc import Collection
from itertools import groupby
from pathlib import Path

from batcher.inputs import TrainingInputs
from batcher.inputs_file import InputsHeader
from batcher.splits import UTTERANCE, sides
from cache.index import Utterance
from cache.utterances import UtteranceCache
from corpus.speakers import speakers_named


def select(
    cache: UtteranceCache, held_out: Collection[str], split_by: str = UTTERANCE
) -> tuple[list[Utterance], list[str]]:
    """All utterances of speakers who are not held out.

    Args:
        held_out: speakers, as names or `corpus/name`.
        split_by: what the split leaves whole, see `splits.sides`.

    Returns:
        utterances in order of corpus, speaker and name, and the side of each, "train" or "test".
    """
    kept_out = speakers_named(held_out, cache.speakers())
    chosen = cache.of_speakers(set(cache.speakers()) - kept_out)
    by_speaker = [list(utterances) for _, utterances in groupby(chosen, key=lambda entry: entry.whose)]
    return chosen, [side for utterances in by_speaker for side in sides(utterances, split_by)]


def fingerprint(chosen: list[Utterance]) -> str:
    """SHA-256 of what inputs depend on: the recordings' content, who speaks, and how the entries were made.

    Times, and where the recordings are, do not count.
    """
    digest = hashlib.sha256()
    for utterance in chosen:
        line = (*utterance.key, utterance.session, utterance.sha256, utterance.made_with)
        digest.update(json.dumps(line).encode())
    return digest.hexdigest()


def is_stale(inputs: TrainingInputs | InputsHeader, folder: Path) -> bool:
    """Whether the cache in `folder` would give other inputs now; False where there is no cache to compare with."""
    cache = UtteranceCache(folder)
    if not len(cache):
        return False
    return fingerprint(select(cache, inputs.held_out)[0]) != inputs.cache_sha256
