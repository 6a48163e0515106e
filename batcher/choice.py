"""Which cached utterances become training inputs, and whether inputs made earlier are still what the cache holds."""

import hashlib
import json
from pathlib import Path

from audio.cache import UtteranceCache
from audio.entries import Utterance
from audio.mark import settings_of
from batcher.inputs import TrainingInputs
from batcher.splits import is_listed, train_count


def choose(cache: UtteranceCache, held_out: tuple[str, ...]) -> tuple[list[Utterance], list[str]]:
    """All utterances of speakers who are not held out.

    Args:
        held_out: speakers, as names or `corpus/name`.

    Returns:
        utterances in order of speaker and name, and the side of each, "train" or "test".
    """
    kept = {pair for pair in cache.known_speakers() if not is_listed(*pair, held_out)}
    by_speaker: dict[str, list[Utterance]] = {}
    for _, utterance in sorted(cache.utterances.items()):
        if (utterance.speaker, utterance.corpus) in kept:
            by_speaker.setdefault(utterance.speaker, []).append(utterance)
    sides = []
    for utterances in by_speaker.values():
        train = train_count(len(utterances))
        sides += ["train"] * train + ["test"] * (len(utterances) - train)
    return [utterance for utterances in by_speaker.values() for utterance in utterances], sides


def fingerprint(folder: Path, chosen: list[Utterance]) -> str:
    """SHA-256 of what inputs depend on: the recordings' content, who speaks, and how the cache in `folder` was made.

    Times, and where the recordings are, do not count.
    """
    digest = hashlib.sha256(json.dumps(settings_of(folder), sort_keys=True).encode())
    for utterance in chosen:
        line = (utterance.speaker, utterance.corpus, utterance.utterance, utterance.sha256)
        digest.update(json.dumps(line).encode())
    return digest.hexdigest()


def is_stale(inputs: TrainingInputs, folder: Path) -> bool:
    """Whether the cache in `folder` would give other inputs now; False where there is no cache to compare with."""
    cache = UtteranceCache(folder)
    if not cache.utterances:
        return False
    return fingerprint(folder, choose(cache, inputs.held_out)[0]) != inputs.cache_sha256
