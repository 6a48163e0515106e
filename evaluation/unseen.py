"""SAP, SAN and EER over speakers that the network never heard, by corpus."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from audio.cache import UtteranceCache
from batcher.splits import is_listed
from evaluation.metrics import bootstrap_interval, equal_error_rate, pairwise_scores
from inference.encoder import SpeakerEncoder, cosine_distance
from inference.speakers import SpeakerEmbeddings, embed_speaker, same_speaker_distance
from storage.errors import UserError

FEWEST_UTTERANCES = 2  # to compare a voice with itself
UTTERANCES_PAIRED = 20  # per speaker, at most, in the trials of the EER
CUTS = (None, 2.0)  # s: whole utterances, and what is left of them when someone says little


@dataclass(frozen=True)
class Figure:
    """A value and its 95 % interval (bootstrap over speakers)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class UnseenReport:
    """The figures of one corpus."""

    corpus: str
    cut: float | None  # s, the length that utterances were cut to
    speakers: int
    utterances: int
    sap: Figure  # mean over speakers, cosine distance
    san: Figure  # mean over pairs of speakers, cosine distance
    eer: Figure  # all pairs of up to `UTTERANCES_PAIRED` utterances per speaker, fraction


def evaluate_unseen(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    listed: Iterable[str],
    cuts: Sequence[float | None] = CUTS,
) -> tuple[list[UnseenReport], list[str]]:
    """Measure the listed speakers (names or `corpus/name`), each corpus by itself, at each length.

    Args:
        cuts: seconds to use of each utterance; None for all of it.

    Returns:
        the reports, and the listed speakers that were left out because the network was trained on them.

    Raises:
        UserError: no corpus has two unseen speakers to compare.
    """
    counts, heard = _listed_utterances(encoder, cache, set(listed))
    comparable: dict[str, list[str]] = {}
    for (corpus, speaker), count in sorted(counts.items()):
        if count >= FEWEST_UTTERANCES:
            comparable.setdefault(corpus, []).append(speaker)
    reports = [
        _report(encoder, cache, corpus, names, cut)
        for corpus, names in comparable.items()
        if len(names) > 1
        for cut in cuts
    ]
    if not reports:
        raise UserError(
            f"no corpus with two unseen speakers of {FEWEST_UTTERANCES} utterances or more: of those asked for, the "
            f"cache at {cache.folder} holds {len(counts)}, and {len(heard)} that the network was trained on"
        )
    return reports, sorted(heard)


def _listed_utterances(
    encoder: SpeakerEncoder, cache: UtteranceCache, listed: set[str]
) -> tuple[Counter[tuple[str, str]], set[str]]:
    """How many utterances each unseen (corpus, speaker) has, and the speakers that the network was trained on."""
    entries = [entry for entry in cache.utterances.values() if is_listed(entry.speaker, entry.corpus, listed)]
    heard = {entry.speaker for entry in entries} & encoder.trained_on
    return Counter((entry.corpus, entry.speaker) for entry in entries if entry.speaker not in heard), heard


def format_reports(reports: list[UnseenReport]) -> str:
    """A table, one line a corpus: value and 95 % interval of each figure."""
    lines = [f"{'corpus':<18}{'speakers':>8}{'utterances':>12}  {'SAP':<26}{'SAN':<26}EER in %"]
    for report in reports:
        length = "whole" if report.cut is None else f"{report.cut:g} s"
        figures = "".join(_cell(figure, 1, 4) for figure in (report.sap, report.san)) + _cell(report.eer, 100, 2)
        counts = f"{report.speakers:>8}{report.utterances:>6} {length:<5}"
        lines.append(f"{report.corpus or '.':<18}{counts}  {figures}".rstrip())
    return "\n".join([*lines, "(in brackets the 95 % interval, bootstrap over speakers)"])


def _cell(figure: Figure, scale: float, digits: int) -> str:
    value, low, high = (f"{scale * number:.{digits}f}" for number in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]".ljust(26)


def _report(
    encoder: SpeakerEncoder, cache: UtteranceCache, corpus: str, names: list[str], cut: float | None
) -> UnseenReport:
    bar = tqdm(names, f"embed {corpus}".strip(), unit="speaker", leave=False)
    speakers = [embed_speaker(encoder, cache, name, corpus, cut) for name in bar]
    return UnseenReport(
        corpus,
        cut,
        len(speakers),
        sum(len(speaker.embeddings) for speaker in speakers),
        _with_interval(_mean_sap(speakers), len(speakers)),
        _with_interval(_mean_san(speakers), len(speakers)),
        _with_interval(_eer(speakers), len(speakers)),
    )


def _with_interval(statistic, speakers: int) -> Figure:
    return Figure(statistic(np.arange(speakers)), *bootstrap_interval(statistic, speakers))


def _mean_sap(speakers: list[SpeakerEmbeddings]):
    distances = np.array([same_speaker_distance(speaker) for speaker in speakers])
    return lambda drawn: float(distances[drawn].mean())


def _mean_san(speakers: list[SpeakerEmbeddings]):
    means = [speaker.mean for speaker in speakers]
    distances = np.array([[cosine_distance(a, b) for b in means] for a in means])

    def statistic(drawn: np.ndarray) -> float:
        different = drawn[:, None] != drawn[None, :]  # a speaker drawn twice is not another speaker
        return float(distances[np.ix_(drawn, drawn)][different].mean()) if different.any() else float("nan")

    return statistic


def _eer(speakers: list[SpeakerEmbeddings]):
    """Bootstrapped with the scores of each pair of speakers at hand, so that a draw only gathers them."""
    embeddings = [speaker.embeddings[:UTTERANCES_PAIRED] for speaker in speakers]
    target = [pairwise_scores(own, np.zeros(len(own)))[0] for own in embeddings]
    nontarget = {(i, j): (a @ b.T).ravel() for i, a in enumerate(embeddings) for j, b in enumerate(embeddings) if i < j}

    def statistic(drawn: np.ndarray) -> float:
        pairs = [(min(i, j), max(i, j)) for n, i in enumerate(drawn) for j in drawn[:n] if i != j]
        if not pairs:
            return float("nan")
        return equal_error_rate(
            np.concatenate([target[i] for i in drawn]), np.concatenate([nontarget[pair] for pair in pairs])
        )

    return statistic
