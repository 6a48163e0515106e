"""The speakers of a cache whom no network in question was trained on, and the trials between them."""

from collections.abc import Iterable, Mapping, Sequence

from cache.index import Utterance
from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from corpus.speakers import speakers_named, trained_on, warn_of_namesakes
from evaluation.trial_sets import TrialSet, all_pairs
from inference.encoder import SpeakerEncoder
from storage.errors import UserError

FEWEST_UTTERANCES = 2  # of a speaker, to compare the speaker with the same speaker
FEWEST_SPEAKERS = 2  # of a corpus, to compare a speaker with another one

Speakers = dict[str, list[Utterance]]  # a corpus's, by name


def held_out_utterances(
    encoders: Sequence[SpeakerEncoder], cache: UtteranceCache, names: Iterable[str]
) -> tuple[dict[str, Speakers], set[Speaker]]:
    """Collect the utterances of named speakers whom none of the networks was trained on.

    Args:
        names: the speakers, by name or as `corpus/name`.

    Returns:
        the utterances by corpus and speaker; and the named speakers who are left out, as a network was trained on
        them.
    """
    named = speakers_named(names, cache.speakers())
    known = [trained_on(encoder.trained_on, cache.speakers()) for encoder in encoders]
    trained, perhaps_trained = (set().union(*sides) for sides in zip(*known))
    warn_of_namesakes(named & perhaps_trained - trained)
    kept = named - trained
    corpora: dict[str, Speakers] = {}
    for utterance in cache.of_speakers(kept):
        corpora.setdefault(utterance.corpus, {}).setdefault(utterance.speaker, []).append(utterance)
    return corpora, named & trained


def held_out_trials(
    encoders: Sequence[SpeakerEncoder], cache: UtteranceCache, names: Iterable[str]
) -> tuple[list[TrialSet], set[Speaker]]:
    """Pair the named speakers whom none of the networks was trained on, each corpus by itself.

    Args:
        names: the speakers, by name or as `corpus/name`.

    Returns:
        the trials of each corpus, all pairs of the first `UTTERANCES_PAIRED` utterances of each speaker; and the named
        speakers who are left out, as a network was trained on them.

    Raises:
        UserError: no corpus has two held-out speakers to compare.
    """
    corpora, left_out = held_out_utterances(encoders, cache, names)
    trials = [all_pairs(corpus, speakers) for corpus, speakers in comparable(corpora).items()]
    if not trials:
        raise UserError(
            f"no corpus with two held-out speakers of {FEWEST_UTTERANCES} utterances or more: of those asked for, the "
            f"cache at {cache.folder} holds {sum(map(len, corpora.values()))}, and {len(left_out)} that the network "
            "was trained on"
        )
    return trials, left_out


def comparable(corpora: Mapping[str, Speakers]) -> dict[str, Speakers]:
    """Keep the speakers with `FEWEST_UTTERANCES`, and of these the corpora with `FEWEST_SPEAKERS`, in order."""
    with_enough = {
        corpus: {name: utterances for name, utterances in speakers.items() if len(utterances) >= FEWEST_UTTERANCES}
        for corpus, speakers in sorted(corpora.items())
    }
    return {corpus: speakers for corpus, speakers in with_enough.items() if len(speakers) >= FEWEST_SPEAKERS}
