"""Fit a calibration on speakers that the network never heard, and measure what it is worth."""

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

from cache.utterances import UtteranceCache
from evaluation.balance import BINS, a_few_of_each, balanced_weights
from evaluation.calibration_trials import Trials, chosen, crossed_trials
from evaluation.cross_validation import cross_validated, dealt, fitted, judged, without_own_corpus
from evaluation.error_rates import RATES, Judged, error_rates, thresholds
from evaluation.held_out import unseen_utterances
from evaluation.logistic import with_intercept
from evaluation.speaker_draws import SpeakerDraws
from inference.calibration import Calibration, side_by_side
from inference.encoder import SpeakerEncoder
from storage.errors import UserError

TRIALS_OF_EACH = 60  # speaker and pair, at each combination of lengths; rates are the same to 0.1 % with all of them
FEWEST_UTTERANCES = 2  # of a speaker


def calibrate(encoder: SpeakerEncoder, cache: UtteranceCache, names: Iterable[str]) -> Calibration:
    """Fit a calibration of the network's scores on the listed speakers of the cache that it never heard.

    Raises:
        UserError: they are too few.
    """
    corpora, _ = unseen_utterances(encoder, cache, names)
    usable = {
        corpus: [own for own in speakers.values() if len(own) >= FEWEST_UTTERANCES]
        for corpus, speakers in sorted(corpora.items())
    }
    usable = {corpus: speakers for corpus, speakers in usable.items() if len(speakers) > 1}
    if not usable:
        raise UserError(f"the cache at {cache.folder} holds no two speakers of a corpus that the network never heard")
    trials = crossed_trials(encoder, cache, usable, encoder.scoring)
    return fit(chosen(trials, a_few_of_each(trials, TRIALS_OF_EACH)), list(usable), encoder.scoring.norm)


def fit(trials: Trials, corpora: Sequence[str], score_norm: str) -> Calibration:
    """Logistic regression at even odds, so that its log odds are log-likelihood ratios.

    Thresholds and error rates are of ratios by weights that saw neither of a trial's speakers.

    Args:
        corpora: names.
        score_norm: of the scores.

    Raises:
        UserError: the trials or their speakers are too few, or similar embeddings do not speak for one speaker.
    """
    coefficients = fitted(trials)
    weights = balanced_weights(trials)
    draws = SpeakerDraws(trials, weights)
    found = Judged(trials, weights, cross_validated(trials, dealt(trials)), draws)
    reached, intervals = thresholds(found)
    strangers, speakers = _counted(trials)
    return Calibration(
        intercept=float(coefficients[-1]),
        weights=tuple(coefficients[:-1].tolist()),
        shortest=float(trials.shorter.min()),
        longest=float(trials.longer.max()),
        bins=BINS,
        rates=RATES,
        thresholds=reached,
        about=_about(found, corpora, strangers, speakers),
        score_norm=score_norm,
        intervals=intervals,
        covariance=tuple(map(tuple, covariance(found, coefficients).tolist())),
        lowest=-float(np.log(speakers)),
        highest=float(np.log(strangers)),
    )


def _about(found: Judged, corpora: Sequence[str], strangers: int, speakers: int) -> dict:
    return {
        "corpora": list(corpora),
        "speakers": speakers,
        "pairs_of_strangers": strangers,
        "targets": int(found.trials.same.sum()),
        "nontargets": int((~found.trials.same).sum()),
        "across_sessions": int(found.trials.across.sum()),
        "date": date.today().isoformat(),
        "cllr": round(log_ratio_cost(found), 4),
        "error_rates": error_rates(found, corpora, without_own_corpus(found.trials)),
    }


def _counted(trials: Trials) -> tuple[int, int]:
    """Pairs of strangers, and speakers with trials of their own."""
    strangers = np.unique(np.stack([trials.first, trials.second])[:, ~trials.same], axis=1).shape[1]
    return strangers, len(np.unique(trials.first[trials.same]))


def covariance(found: Judged, coefficients: np.ndarray) -> np.ndarray:
    """Of the coefficients, had other speakers of other corpora been drawn."""
    trials = found.trials
    design = with_intercept(side_by_side(trials.scores, trials.shorter, trials.longer))
    probability = 1 / (1 + np.exp(-judged(trials, coefficients)))
    return found.draws.coefficient_covariance(design, trials.same - probability, probability * (1 - probability))


def log_ratio_cost(found: Judged) -> float:
    """Cllr: what the ratios cost in bits, at even odds; 1 is the cost of saying nothing.

    (Brümmer & du Preez, "Application-independent evaluation of speaker detection", 2006.)
    """
    costs = [
        np.average(np.logaddexp(0, sign * found.ratios[own]), weights=found.weights[own])
        for own, sign in ((found.trials.same, -1), (~found.trials.same, 1))
    ]
    return float(np.mean(costs) / np.log(2))
