"""Fit a calibration on speakers that the network never heard, and measure what it is worth."""

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

from cache.utterances import UtteranceCache
from evaluation.crossed_trials import Trials, chosen, corpus_trials, joined
from evaluation.metrics import equal_error_rate
from evaluation.unseen import unseen_utterances
from inference.calibration import Calibration, side_by_side
from inference.encoder import SpeakerEncoder
from storage.errors import UserError

BINS = (1.5, 3.0)  # s of speech in the shorter recording; thresholds are kept for each
RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)  # of false acceptance, that thresholds are kept for
FALSE_ACCEPTS_SEEN = 30  # behind the lowest rate, for 30 % accuracy (Doddington et al., "The NIST evaluation", 2000)
REGULARIZATION = 1e4  # scikit-learn's C: six weights and many trials want hardly any
FEWEST_UTTERANCES = 2  # of a speaker


def calibrate(encoder: SpeakerEncoder, cache: UtteranceCache, names: Iterable[str]) -> Calibration:
    """Fit a calibration on the listed speakers of the cache that the network never heard.

    Raises:
        UserError: they are too few.
    """
    corpora, _ = unseen_utterances(encoder, cache, names)
    usable = {
        corpus: [own for own in speakers.values() if len(own) >= FEWEST_UTTERANCES]
        for corpus, speakers in corpora.items()
    }
    usable = {corpus: speakers for corpus, speakers in usable.items() if len(speakers) > 1}
    if not usable:
        raise UserError(f"the cache at {cache.folder} holds no two speakers of a corpus that the network never heard")
    trials = joined([corpus_trials(encoder, cache, name, speakers) for name, speakers in sorted(usable.items())])
    about = {
        "corpora": sorted(usable),
        "speakers": sum(map(len, usable.values())),
        "targets": int(trials.same.sum()),
        "nontargets": int((~trials.same).sum()),
        "date": date.today().isoformat(),
        "error_rates": error_rates(trials),
    }
    return fit(trials, about)


def fit(trials: Trials, about: dict) -> Calibration:
    """Logistic regression at even odds, so that its log odds are log-likelihood ratios.

    Raises:
        UserError: the trials are too few, or in them, similar embeddings do not speak for one speaker.
    """
    from sklearn.linear_model import LogisticRegression

    bins = np.searchsorted(BINS, trials.shorter, side="right")
    fewest = np.bincount(bins[~trials.same], minlength=len(BINS) + 1).min()
    rates = tuple(rate for rate in RATES if rate * fewest >= FALSE_ACCEPTS_SEEN)
    if not rates or not trials.same.any():
        raise UserError(
            f"too few trials to calibrate with: {fewest} of two speakers in the rarest range of lengths, and "
            f"{trials.same.sum()} of one speaker"
        )
    given = side_by_side(trials.cosines, trials.shorter, trials.longer)
    regression = LogisticRegression(C=REGULARIZATION, class_weight="balanced", max_iter=1000).fit(given, trials.same)
    shortest, longest = float(trials.shorter.min()), float(trials.longer.max())
    if not _rises(regression.coef_[0], shortest, longest):
        raise UserError("the cosines of one speaker are not above those of two; train the network longer")
    ratios = regression.decision_function(given)
    wrong = [ratios[~trials.same & (bins == number)] for number in range(len(BINS) + 1)]
    return Calibration(
        intercept=float(regression.intercept_[0]),
        weights=tuple(regression.coef_[0].tolist()),
        shortest=shortest,
        longest=longest,
        bins=BINS,
        rates=rates,
        thresholds=tuple(tuple(np.quantile(own, 1 - np.array(rates)).tolist()) for own in wrong),
        about=about,
    )


def _rises(weights: np.ndarray, shortest: float, longest: float) -> bool:
    """Whether the ratio rises with the cosine, whatever the lengths; it is linear, so its corners tell."""
    corners = np.array([(shortest, shortest), (shortest, longest), (longest, longest)])
    low, high = (side_by_side(np.full(len(corners), cosine), *corners.T) @ weights for cosine in (0.0, 1.0))
    return bool((high > low).all())


def error_rates(trials: Trials) -> list[dict]:
    """What verdicts at even odds are worth, by the shorter recording's length.

    Each half of the speakers is judged by a calibration that was fitted on the other half.

    Returns:
        for each bin of lengths: `up_to` (s, null for the last), `targets`, `nontargets`, and as fractions `eer`,
        `miss`, `false_accept`; or nothing where the halves are too small.
    """
    judged = []
    for half in (0, 1):
        own, other = (chosen(trials, trials.halves == number) for number in (half, 1 - half))
        try:
            calibration = fit(other, {})
        except UserError:
            return []
        judged.append((own, calibration.log_likelihood_ratio(own.cosines, own.shorter, own.longer)))
    tested, ratios = joined([own for own, _ in judged]), np.concatenate([ratios for _, ratios in judged])
    bins = np.searchsorted(BINS, tested.shorter, side="right")
    rows = []
    for number, end in enumerate((*BINS, None)):
        target, nontarget = (ratios[(bins == number) & (tested.same == same)] for same in (True, False))
        if len(target) and len(nontarget):
            rates = equal_error_rate(target, nontarget), (target < 0).mean(), (nontarget >= 0).mean()
            counts = {"up_to": end, "targets": len(target), "nontargets": len(nontarget)}
            rows.append(counts | dict(zip(("eer", "miss", "false_accept"), map(float, rates))))
    return rows


def format_error_rates(rows: Sequence[dict]) -> str:
    """`error_rates` as a table."""
    lines = [
        "shorter recording  trials   EER     misses  false accepts (verdict at even odds, other speakers' weights)"
    ]
    for row in rows:
        length = f"below {row['up_to']:g} s" if row["up_to"] else f"{BINS[-1]:g} s or more"
        shares = "  ".join(f"{100 * row[name]:5.2f} %" for name in ("eer", "miss", "false_accept"))
        lines.append(f"{length:<17}  {row['targets'] + row['nontargets']:>7}  {shares}")
    return "\n".join(lines)
