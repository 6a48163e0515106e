"""Measure SAP, SAN, EER and minDCF of held-out speakers, each corpus by itself."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from evaluation.bootstrap import estimates
from evaluation.cuts import CUTS, embed_cuts, long_enough
from evaluation.detection import COSINES, DETECTION_MEASURES, ScoredTrials, detection_statistic, score_all_pairs
from evaluation.held_out_speakers import (
    FEWEST_UTTERANCES,
    UTTERANCES_PAIRED,
    Speakers,
    comparable,
    held_out_utterances,
)
from evaluation.results import Result
from inference.cached_speakers import SpeakerEmbeddings, same_speaker_distance
from inference.cohort import Scoring
from inference.embedding import cosine_distance
from inference.encoder import SpeakerEncoder
from storage.errors import UserError
from storage.progress import tracked

Statistic = Callable[[np.ndarray], np.ndarray]  # of how often each speaker was drawn, see `bootstrap.estimates`


def evaluate_held_out(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    names: Iterable[str],
    cuts: Sequence[float | None] = CUTS,
    scoring: Scoring = COSINES,
) -> tuple[list[Result], list[str]]:
    """Measure the named speakers, each corpus by itself, at each length.

    SAP is the mean over speakers, SAN that over pairs of speakers, both of cosine distances. EER and minDCF are over
    all pairs of the first `UTTERANCES_PAIRED` utterances of each. Where speakers were recorded in several sessions,
    another result follows, whose target trials are those of two sessions.

    Args:
        names: the speakers, by name or as `corpus/name`.
        cuts: seconds to use of each utterance; None for all of it.
        scoring: how to compare embeddings in trials.

    Returns:
        the results, and the named speakers who were left out, as the network was trained on them.

    Raises:
        UserError: no corpus has two held-out speakers to compare.
    """
    corpora, left_out = held_out_utterances(encoder, cache, names)
    results = [
        result
        for corpus, speakers in comparable(corpora).items()
        for result in _evaluate_corpus(encoder, cache, corpus, speakers, cuts, scoring)
    ]
    if not results:
        raise UserError(
            f"no corpus with two held-out speakers of {FEWEST_UTTERANCES} utterances or more: of those asked for, the "
            f"cache at {cache.folder} holds {sum(map(len, corpora.values()))}, and {len(left_out)} that the network "
            "was trained on"
        )
    return results, sorted(map(str, left_out))


def _evaluate_corpus(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    corpus: str,
    speakers: Speakers,
    cuts: Sequence[float | None],
    scoring: Scoring,
) -> list[Result]:
    embedded = [  # each (cuts, utterances, d)
        embed_cuts(encoder, cache, utterances, cuts)
        for utterances in tracked(speakers.values(), f"embed {corpus}".strip(), len(speakers), "speaker")
    ]
    all_utterances = [utterance for utterances in speakers.values() for utterance in utterances]
    two_sessions = _two_sessions(speakers)
    results, apart = [], []
    for number, cut in enumerate(cuts):
        of_cut = [
            SpeakerEmbeddings(Speaker(corpus, name), tuple(u.utterance for u in utterances), of_speaker[number])
            for (name, utterances), of_speaker in zip(speakers.items(), embedded)
        ]
        trials = _all_pairs(of_cut, scoring)
        counts = len(of_cut), len(all_utterances), long_enough(all_utterances, cut)
        measured = estimates(_both(_distances(of_cut), detection_statistic(trials)), len(of_cut))
        by_name = dict(zip(("sap", "san", *DETECTION_MEASURES), measured))
        results.append(Result(corpus, cut, *counts, trials.targets, trials.nontargets, by_name))
        if (two_sessions & (trials.first == trials.second)).any():
            kept = trials.chosen(two_sessions | (trials.first != trials.second))
            by_name = dict(zip(DETECTION_MEASURES, estimates(detection_statistic(kept), len(of_cut))))
            apart.append(Result(corpus, cut, *counts, kept.targets, kept.nontargets, by_name, across_sessions=True))
    return [*results, *apart]


def _both(first: Statistic, second: Statistic) -> Statistic:
    """A statistic that gives the measures of both, one after the other."""
    return lambda times: np.concatenate([first(times), second(times)])


def _distances(speakers: list[SpeakerEmbeddings]) -> Statistic:
    """A function from how often each speaker was drawn to the means of SAP and SAN."""
    same = np.array([same_speaker_distance(speaker) for speaker in speakers])
    means = np.stack([speaker.mean for speaker in speakers])
    different = cosine_distance(means @ means.T)
    np.fill_diagonal(different, 0)

    def statistic(times: np.ndarray) -> np.ndarray:
        pairs = times.sum() ** 2 - (times**2).sum()  # a speaker drawn twice is not another speaker
        return np.array([times @ same / times.sum(), times @ different @ times / pairs if pairs else np.nan])

    return statistic


def _two_sessions(speakers: Speakers) -> np.ndarray:
    """Whether each trial of `_all_pairs` is of two sessions, both of which are known: (trials,) bool."""
    sessions = np.array([u.session for utterances in speakers.values() for u in utterances[:UTTERANCES_PAIRED]])
    first, second = (sessions[rows] for rows in np.triu_indices(len(sessions), k=1))
    return (first != second) & (first != "") & (second != "")


def _all_pairs(speakers: list[SpeakerEmbeddings], scoring: Scoring) -> ScoredTrials:
    paired = [speaker.embeddings[:UTTERANCES_PAIRED] for speaker in speakers]
    numbers = np.repeat(np.arange(len(paired)), [len(embeddings) for embeddings in paired])
    return score_all_pairs(np.concatenate(paired), numbers, scoring)
