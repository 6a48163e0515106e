"""The speakers of a cache whom a network was not trained on, and which of them can be compared."""

from collections.abc import Iterable, Mapping

from cache.index import Utterance
from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from corpus.speakers import speakers_named, trained_on, warn_of_namesakes
from inference.encoder import SpeakerEncoder

FEWEST_UTTERANCES = 2  # of a speaker, to compare the speaker with the same speaker
FEWEST_SPEAKERS = 2  # of a corpus, to compare a speaker with another one
UTTERANCES_PAIRED = 20  # of each speaker, the first by name, at most: none has most of the trials

Speakers = dict[str, list[Utterance]]  # a corpus's, by name


def held_out_utterances(
    encoder: SpeakerEncoder, cache: UtteranceCache, names: Iterable[str]
) -> tuple[dict[str, Speakers], set[Speaker]]:
    """Collect the utterances of named speakers whom the network was not trained on.

    Args:
        names: the speakers, by name or as `corpus/name`.

    Returns:
        the utterances by corpus and speaker; and the named speakers who are left out, as the network was trained on
        them.
    """
    named = speakers_named(names, cache.speakers())
    trained, perhaps_trained = trained_on(encoder.trained_on, cache.speakers())
    warn_of_namesakes(named & perhaps_trained)
    kept = named - trained
    corpora: dict[str, Speakers] = {}
    for _, utterance in sorted(cache.utterances.items()):
        if utterance.whose in kept:
            corpora.setdefault(utterance.corpus, {}).setdefault(utterance.speaker, []).append(utterance)
    return corpora, named & trained


def comparable(corpora: Mapping[str, Speakers]) -> dict[str, Speakers]:
    """Keep the speakers with `FEWEST_UTTERANCES`, and of these the corpora with `FEWEST_SPEAKERS`, in order."""
    with_enough = {
        corpus: {name: utterances for name, utterances in speakers.items() if len(utterances) >= FEWEST_UTTERANCES}
        for corpus, speakers in sorted(corpora.items())
    }
    return {corpus: speakers for corpus, speakers in with_enough.items() if len(speakers) >= FEWEST_SPEAKERS}
