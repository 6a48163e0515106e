"""Fit a calibration on speakers whom the network was not trained on, and measure what it is worth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from cache.utterances import UtteranceCache
from evaluation.balance import BINS, a_few_of_each, balanced_weights
from evaluation.calibration_trials import Trials, chosen, crossed_trials
from evaluation.cross_validation import cross_validated, dealt, fitted, judged, without_own_corpus
from evaluation.error_rates import RATES, Judged, error_rates, thresholds
from evaluation.held_out_speakers import comparable, held_out_utterances
from evaluation.logistic import with_intercept
from evaluation.metrics import surprise
from evaluation.speaker_draws import SpeakerDraws
from inference.calibration import Calibration
from inference.calibration_source import CalibrationSource
from inference.encoder import SpeakerEncoder
from inference.estimate import Estimate
from inference.likelihood_ratio import side_by_side
from storage.counting import counted
from storage.errors import UserError
from storage.parallel import Workers

TRIALS_OF_EACH = 60  # speaker and pair, at each combination of lengths; rates are the same to 0.1 % with all of them
ADVISED_SPEAKERS = 20  # from fewer nobody can tell how often strangers are taken for one, and rates of 0 % come out


def calibrate(
    encoder: SpeakerEncoder, cache: UtteranceCache, names: Iterable[str], few_are_enough: bool = False
) -> Calibration:
    """Fit a calibration of the network's scores on the named speakers whom it was not trained on.

    Args:
        names: the speakers of the cache, by name or as `corpus/name`.
        few_are_enough: whether fewer than `ADVISED_SPEAKERS` will do.

    Raises:
        UserError: there are too few of those speakers.
    """
    trials, corpora = trials_of_cache(encoder, cache, names)
    return fit(trials, corpora, encoder.scoring.norm, few_are_enough)


def trials_of_cache(
    encoder: SpeakerEncoder, cache: UtteranceCache, names: Iterable[str], workers: Workers = 1
) -> tuple[Trials, tuple[str, ...]]:
    """Make trials, to fit on, of the named speakers whom the network was not trained on, and name their corpora.

    Raises:
        UserError: no corpus has two of those speakers.
    """
    corpora, _ = held_out_utterances([encoder], cache, names)
    speakers = {corpus: list(by_name.values()) for corpus, by_name in comparable(corpora).items()}
    if not speakers:
        raise UserError(
            f"the cache at {cache.folder} holds no two speakers of a corpus whom the network was not trained on"
        )
    trials = crossed_trials(encoder, cache, speakers, encoder.scoring, workers)
    return chosen(trials, a_few_of_each(trials, TRIALS_OF_EACH)), tuple(speakers)


def fit(trials: Trials, corpora: Sequence[str], score_norm: str, few_are_enough: bool = False) -> Calibration:
    """Fit a calibration, as `fit_and_judge` does."""
    return fit_and_judge(trials, corpora, score_norm, few_are_enough)[0]


def fit_and_judge(
    trials: Trials, corpora: Sequence[str], score_norm: str, few_are_enough: bool = False
) -> tuple[Calibration, Judged]:
    """Fit by logistic regression at even odds, so that its log odds are log-likelihood ratios.

    Thresholds and error rates are of ratios by weights that saw neither of a trial's speakers.

    Args:
        corpora: their names, in the order of the numbers in `trials`.
        score_norm: how the scores are normalised.
        few_are_enough: whether fewer than `ADVISED_SPEAKERS` will do.

    Returns:
        the calibration, and the trials with those ratios.

    Raises:
        UserError: the trials or their speakers are too few, or similar embeddings do not speak for one speaker.
    """
    strangers, speakers = _counted(trials)
    folds = dealt(trials)
    if speakers < ADVISED_SPEAKERS and not few_are_enough:
        raise UserError(
            f"{counted(speakers, 'speaker')} to calibrate on are too few to tell how often strangers are taken for "
            f"one: {ADVISED_SPEAKERS} or more are wanted (--force calibrates all the same)"
        )
    coefficients = fitted(trials)
    judged_trials = as_judged(trials, cross_validated(trials, folds))
    reached, intervals = thresholds(judged_trials)
    calibration = Calibration(
        intercept=float(coefficients[-1]),
        weights=tuple(coefficients[:-1].tolist()),
        shortest=float(trials.shorter.min()),
        longest=float(trials.longer.max()),
        bins=BINS,
        rates=RATES,
        thresholds=reached,
        source=_source(judged_trials, corpora, strangers, speakers),
        score_norm=score_norm,
        intervals=intervals,
        covariance=tuple(map(tuple, covariance(judged_trials, coefficients).tolist())),
        lowest=-float(np.log(speakers)),
        highest=float(np.log(strangers)),
    )
    return calibration, judged_trials


def as_judged(trials: Trials, ratios: np.ndarray) -> Judged:
    """Put trials with their ratios, (trials,), the weight of each, and draws of their speakers."""
    weights = balanced_weights(trials)
    return Judged(trials, weights, ratios, SpeakerDraws(trials, weights))


@dataclass(frozen=True)
class Worth:
    """What ratios are worth on trials: their cost in bits, and the errors of verdicts at even odds."""

    cllr: float
    miss: Estimate
    false_accept: Estimate

    def as_json(self) -> dict[str, Any]:
        """The fields, fit for JSON."""
        return {"cllr": self.cllr, "miss": self.miss.as_json(), "false_accept": self.false_accept.as_json()}


def worth(judged_trials: Judged) -> Worth:
    """Measure the ratios of trials, where each counts as in a calibration, see `evaluation.balance`."""
    trials, weights, ratios, draws = judged_trials
    same, share = trials.same & (weights > 0), draws.share
    different = ~trials.same & (weights > 0)
    return Worth(weighted_cost(judged_trials), share(ratios < 0, same), share(ratios >= 0, different))


def by_calibration(trials: Trials, calibration: Calibration) -> np.ndarray:
    """Return the ratios that a calibration gives of trials, (trials,)."""
    return calibration.log_likelihood_ratio(trials.scores, trials.shorter, trials.longer)


def _source(judged_trials: Judged, corpora: Sequence[str], strangers: int, speakers: int) -> CalibrationSource:
    trials = judged_trials.trials
    return CalibrationSource(
        corpora=tuple(corpora),
        speakers=speakers,
        targets=int(trials.same.sum()),
        nontargets=int((~trials.same).sum()),
        date=date.today().isoformat(),
        error_rates=tuple(error_rates(judged_trials, corpora, without_own_corpus(trials))),
        pairs_of_strangers=strangers,
        across_sessions=int(trials.across.sum()),
        cllr=round(weighted_cost(judged_trials), 4),
    )


def _counted(trials: Trials) -> tuple[int, int]:
    """Count pairs of strangers, and speakers with target trials."""
    strangers = np.unique(np.stack([trials.first, trials.second])[:, ~trials.same], axis=1).shape[1]
    return strangers, len(np.unique(trials.first[trials.same]))


def covariance(judged_trials: Judged, coefficients: np.ndarray) -> np.ndarray:
    """Return the covariance of the coefficients over other speakers of other corpora, (columns, columns)."""
    trials = judged_trials.trials
    design = with_intercept(side_by_side(trials.scores, trials.shorter, trials.longer))
    probability = 1 / (1 + np.exp(-judged(trials, coefficients)))
    return judged_trials.draws.coefficient_covariance(
        design, trials.same - probability, probability * (1 - probability)
    )


def weighted_cost(judged_trials: Judged) -> float:
    """Return Cllr, see `evaluation.metrics.log_ratio_cost`, of trials that weigh differently."""
    same, weights = judged_trials.trials.same, judged_trials.weights
    bits = surprise(judged_trials.ratios, same)
    return float(np.mean([np.average(bits[kind], weights=weights[kind]) for kind in (same, ~same)]))
