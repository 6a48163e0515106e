"""Fit a calibration on speakers that the network never heard, and measure what it is worth.

The trials cross what people have at hand: utterances whole and cut to 5, 2 and 1 s, and speakers enrolled by three
utterances; each within its corpus, as the channel of another one gives strangers away.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import combinations
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from audio.cache import UtteranceCache
from audio.decode import SAMPLE_RATE
from audio.entries import Utterance, read_signal
from evaluation.cuts import CUTS, embed_cuts
from evaluation.metrics import equal_error_rate
from evaluation.unseen import UTTERANCES_PAIRED, unseen_utterances
from inference.calibration import Calibration, side_by_side
from inference.encoder import SpeakerEncoder, mean_embedding
from inference.recordings import speech_seconds
from storage.errors import UserError

ENROLLED_BY = 3  # utterances
BINS = (1.5, 3.0)  # s of speech in the shorter recording; thresholds are kept for each
RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)  # of false acceptance, that thresholds are kept for
FALSE_ACCEPTS_SEEN = 30  # behind the lowest rate, for 30 % accuracy (Doddington et al., "The NIST evaluation", 2000)
REGULARIZATION = 1e4  # scikit-learn's C: six weights and many trials want hardly any
FEWEST_UTTERANCES = 2  # of a speaker
PAIRS_OF_SPEAKERS = 300  # of each corpus, drawn where there are more


class Voice(NamedTuple):
    """Recordings of a speaker, each an utterance, a part of one, or some together."""

    embeddings: np.ndarray  # (recordings, d), rows of length 1
    seconds: np.ndarray  # (recordings,) of speech
    utterances: np.ndarray  # (recordings, utterances) bool, which of the speaker's are in it


class Trials(NamedTuple):
    """Comparisons, side by side in arrays of shape (trials,)."""

    cosines: np.ndarray
    shorter: np.ndarray  # s of speech
    longer: np.ndarray
    same: np.ndarray  # bool, of one speaker
    halves: np.ndarray  # 0 or 1 where all speakers are in that half of them, -1 where they are not


def calibrate(encoder: SpeakerEncoder, cache: UtteranceCache, listed: Iterable[str]) -> Calibration:
    """Fit a calibration on the listed speakers of the cache that the network never heard.

    Raises:
        UserError: they are too few.
    """
    corpora, _ = unseen_utterances(encoder, cache, set(listed))
    usable = {
        corpus: [own for own in speakers.values() if len(own) >= FEWEST_UTTERANCES]
        for corpus, speakers in corpora.items()
    }
    usable = {corpus: speakers for corpus, speakers in usable.items() if len(speakers) > 1}
    if not usable:
        raise UserError(f"the cache at {cache.folder} holds no two speakers of a corpus that the network never heard")
    trials = _joined([_corpus_trials(encoder, cache, name, speakers) for name, speakers in sorted(usable.items())])
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
        UserError: the trials are too few, or similar voices do not make for one speaker in them.
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
    ratios = regression.decision_function(given)
    wrong = [ratios[~trials.same & (bins == number)] for number in range(len(BINS) + 1)]
    return Calibration(
        intercept=float(regression.intercept_[0]),
        weights=tuple(regression.coef_[0].tolist()),
        shortest=float(trials.shorter.min()),
        longest=float(trials.longer.max()),
        bins=BINS,
        rates=rates,
        thresholds=tuple(tuple(np.quantile(own, 1 - np.array(rates)).tolist()) for own in wrong),
        about=about,
    )


def error_rates(trials: Trials) -> list[dict]:
    """What verdicts at even odds are worth, by the shorter recording's length.

    Each half of the speakers is judged by a calibration that was fitted on the other half.

    Returns:
        for each bin of lengths: `up_to` (s, null for the last), `targets`, `nontargets`, and as fractions `eer`,
        `miss`, `false_accept`; or nothing where the halves are too small.
    """
    judged = []
    for half in (0, 1):
        own, other = (_chosen(trials, trials.halves == number) for number in (half, 1 - half))
        try:
            calibration = fit(other, {})
        except UserError:
            return []
        judged.append((own, calibration.log_likelihood_ratio(own.cosines, own.shorter, own.longer)))
    tested, ratios = _joined([own for own, _ in judged]), np.concatenate([ratios for _, ratios in judged])
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


def _corpus_trials(
    encoder: SpeakerEncoder, cache: UtteranceCache, corpus: str, speakers: Sequence[list[Utterance]]
) -> Trials:
    bar = tqdm(speakers, f"embed {corpus}".strip(), unit="speaker", leave=False)
    voices = [_voice(encoder, cache, own[:UTTERANCES_PAIRED]) for own in bar]
    pairs = np.array(list(combinations(range(len(voices)), 2)))
    if len(pairs) > PAIRS_OF_SPEAKERS:
        pairs = np.random.default_rng(0).permutation(pairs)[:PAIRS_OF_SPEAKERS]
    same = [_within(voice, number % 2) for number, voice in enumerate(voices)]
    return _joined([*same, *(_between(voices[a], voices[b], a % 2 if a % 2 == b % 2 else -1) for a, b in pairs)])


def _voice(encoder: SpeakerEncoder, cache: UtteranceCache, utterances: Sequence[Utterance]) -> Voice:
    """The utterances at every cut, and enrolments by `ENROLLED_BY` whole ones."""
    signals = [read_signal(cache.folder, utterance) for utterance in utterances]
    embedded = embed_cuts(encoder, cache, utterances, CUTS)  # (cuts, utterances, d)
    each = np.eye(len(utterances), dtype=bool)
    seconds = [[speech_seconds(_beginning(signal, cut)) for signal in signals] for cut in CUTS]
    starts = range(0, len(utterances) - ENROLLED_BY + 1, ENROLLED_BY)
    groups = [slice(start, start + ENROLLED_BY) for start in starts]
    whole = CUTS.index(None)
    return Voice(
        np.concatenate([*embedded, *(mean_embedding(embedded[whole, group])[None] for group in groups)]),
        np.concatenate([*seconds, [sum(seconds[whole][group]) for group in groups]]),
        np.concatenate([*[each] * len(CUTS), *(each[group].any(axis=0)[None] for group in groups)]),
    )


def _beginning(signal: np.ndarray, cut: float | None) -> np.ndarray:
    return signal if cut is None else signal[: round(cut * SAMPLE_RATE)]


def _within(voice: Voice, half: int) -> Trials:
    """Trials of one speaker, between recordings that share no utterance."""
    shared = voice.utterances.astype(int) @ voice.utterances.T
    return _trials(voice, voice, np.triu(shared == 0, k=1), True, half)


def _between(a: Voice, b: Voice, half: int) -> Trials:
    return _trials(a, b, np.ones((len(a.seconds), len(b.seconds)), bool), False, half)


def _trials(a: Voice, b: Voice, chosen: np.ndarray, same: bool, half: int) -> Trials:
    rows, columns = np.nonzero(chosen)
    lengths = np.stack([a.seconds[rows], b.seconds[columns]])
    cosines = (a.embeddings @ b.embeddings.T)[chosen]
    count = len(rows)
    return Trials(cosines, lengths.min(axis=0), lengths.max(axis=0), np.full(count, same), np.full(count, half))


def _joined(parts: Sequence[Trials]) -> Trials:
    return Trials(*(np.concatenate(columns) for columns in zip(*parts)))


def _chosen(trials: Trials, rows: np.ndarray) -> Trials:
    return Trials(*(column[rows] for column in trials))
