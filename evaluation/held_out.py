"""SAP, SAN, EER and minDCF over speakers that the network never heard, by corpus."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from cache.index import Utterance
from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from corpus.speakers import speakers_named, trained_on, warn_of_namesakes
from evaluation.bootstrap import estimates
from evaluation.cuts import CUTS, embed_cuts, long_enough
from evaluation.detection import COSINES, DETECTION_FIGURES, ScoredTrials, detection_statistic, score_all_pairs
from evaluation.results import Result
from inference.cohort import Scoring
from inference.encoder import SpeakerEncoder
from inference.similarity import cosine_distance
from inference.speakers import SpeakerEmbeddings, same_speaker_distance
from storage.errors import UserError
from storage.progress import tracked

FEWEST_UTTERANCES = 2  # to compare a voice with itself
UTTERANCES_PAIRED = 20  # of each speaker, the first by name, at most: nobody fills the trials alone

Speakers = dict[str, list[Utterance]]  # a corpus's, by name


def evaluate_unseen(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    names: Iterable[str],
    cuts: Sequence[float | None] = CUTS,
    scoring: Scoring = COSINES,
) -> tuple[list[Result], list[str]]:
    """Measure the listed speakers (names or `corpus/name`), each corpus by itself, at each length.

    SAP is the mean over speakers, SAN that over pairs of speakers, both of cosine distances. EER and minDCF are over
    all pairs of the first `UTTERANCES_PAIRED` utterances of each. Where speakers were recorded in several sessions,
    another result follows, whose target trials are those of two sessions.

    Args:
        cuts: seconds to use of each utterance; None for all of it.
        scoring: how to compare embeddings in trials.

    Returns:
        the results, and the listed speakers that were left out because the network was trained on them.

    Raises:
        UserError: no corpus has two unseen speakers to compare.
    """
    corpora, heard = unseen_utterances(encoder, cache, names)
    asked_for = sum(map(len, corpora.values()))
    comparable = {
        corpus: {name: own for name, own in speakers.items() if len(own) >= FEWEST_UTTERANCES}
        for corpus, speakers in corpora.items()
    }
    results = [
        result
        for corpus, speakers in sorted(comparable.items())
        if len(speakers) > 1
        for result in _evaluate_corpus(encoder, cache, corpus, speakers, cuts, scoring)
    ]
    if not results:
        raise UserError(
            f"no corpus with two unseen speakers of {FEWEST_UTTERANCES} utterances or more: of those asked for, the "
            f"cache at {cache.folder} holds {asked_for}, and {len(heard)} that the network was trained on"
        )
    return results, sorted(map(str, heard))


def unseen_utterances(
    encoder: SpeakerEncoder, cache: UtteranceCache, names: Iterable[str]
) -> tuple[dict[str, Speakers], set[Speaker]]:
    """The listed speakers' utterances by corpus, without those of the training, who come second."""
    chosen = speakers_named(names, cache.speakers())
    trained, perhaps = trained_on(encoder.trained_on, cache.speakers())
    warn_of_namesakes(chosen & perhaps)
    heard = chosen & trained
    unheard, corpora = chosen - heard, {}
    for _, entry in sorted(cache.utterances.items()):
        if entry.whose in unheard:
            corpora.setdefault(entry.corpus, {}).setdefault(entry.speaker, []).append(entry)
    return corpora, heard


def _evaluate_corpus(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    corpus: str,
    speakers: Speakers,
    cuts: Sequence[float | None],
    scoring: Scoring,
) -> list[Result]:
    embedded = [  # each (cuts, utterances, d)
        embed_cuts(encoder, cache, own, cuts)
        for own in tracked(speakers.values(), f"embed {corpus}".strip(), len(speakers), "speaker")
    ]
    utterances = [utterance for own in speakers.values() for utterance in own]
    two_sessions = _two_sessions(speakers)
    results, apart = [], []
    for number, cut in enumerate(cuts):
        voices = [
            SpeakerEmbeddings(Speaker(corpus, name), tuple(one.utterance for one in own), of_speaker[number])
            for (name, own), of_speaker in zip(speakers.items(), embedded)
        ]
        trials = _all_pairs(voices, scoring)
        statistics = (_distances(voices), detection_statistic(trials))
        found = estimates(lambda times: np.concatenate([one(times) for one in statistics]), len(voices))  # noqa: B023
        counts = len(voices), len(utterances), long_enough(utterances, cut)
        named = dict(zip(("sap", "san", *DETECTION_FIGURES), found))
        results.append(Result(corpus, cut, *counts, trials.targets, trials.nontargets, named))
        if (two_sessions & (trials.first == trials.second)).any():
            kept = trials.chosen(two_sessions | (trials.first != trials.second))
            named = dict(zip(DETECTION_FIGURES, estimates(detection_statistic(kept), len(voices))))
            apart.append(Result(corpus, cut, *counts, kept.targets, kept.nontargets, named, across_sessions=True))
    return [*results, *apart]


def _distances(voices: list[SpeakerEmbeddings]) -> Callable[[np.ndarray], np.ndarray]:
    """A function from how often each speaker was drawn to the means of SAP and SAN."""
    same = np.array([same_speaker_distance(voice) for voice in voices])
    means = np.stack([voice.mean for voice in voices])
    different = cosine_distance(means @ means.T)
    np.fill_diagonal(different, 0)

    def statistic(times: np.ndarray) -> np.ndarray:
        pairs = times.sum() ** 2 - (times**2).sum()  # a speaker drawn twice is not another speaker
        return np.array([times @ same / times.sum(), times @ different @ times / pairs if pairs else np.nan])

    return statistic


def _two_sessions(speakers: Speakers) -> np.ndarray:
    """Which pairs of the utterances that are paired are of two sessions, both known: (trials,) bool."""
    sessions = np.array([one.session for own in speakers.values() for one in own[:UTTERANCES_PAIRED]])
    first, second = (sessions[rows] for rows in np.triu_indices(len(sessions), k=1))
    return (first != second) & (first != "") & (second != "")


def _all_pairs(voices: list[SpeakerEmbeddings], scoring: Scoring) -> ScoredTrials:
    chosen = [voice.embeddings[:UTTERANCES_PAIRED] for voice in voices]
    speakers = np.repeat(np.arange(len(chosen)), [len(own) for own in chosen])
    return score_all_pairs(np.concatenate(chosen), speakers, scoring)
