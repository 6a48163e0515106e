"""Who is taken for whom among the speakers who are most alike."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

from evaluation.report.alike import mean_embeddings
from evaluation.report.picture import Picture, Table
from evaluation.report.shown import shown
from evaluation.report.style import COLOR_MAP, SQUARE, figure_with_axes
from evaluation.scored_set import ScoredSet
from storage.counting import counted

MOST_SPEAKERS = 10
PAIRS_TOLD = 10
LONGEST_LABEL = 12  # characters

Pairs = list[tuple[int, int, float]]  # of speakers by number, with the cosine of their means


def confusion_picture(scored: ScoredSet) -> Picture:
    """Draw to whom each utterance of these speakers is given: the one of them whose other utterances are nearest.

    Args:
        scored: of two speakers or more.
    """
    pairs = most_alike(scored)
    speakers = _first_of(pairs)
    counts = confusion_matrix(*identified(scored, speakers), labels=speakers)
    names = [shown(str(speaker)) for speaker in scored.speakers]
    return Picture(
        kind="confusion",
        about=scored.source,
        title=f"Confusion of the most similar speakers, {shown(scored.source)}",
        text=_text(scored, pairs[0], counts),
        figure=_figure(counts, [shown(scored.speakers[s].name, LONGEST_LABEL) for s in speakers]),
        table=Table(
            ("speaker", "and", "cosine of their means", "utterances taken for the other"),
            [
                (names[a], names[b], f"{cosine:.3f}", _taken_for_other(counts, speakers.index(a), speakers.index(b)))
                for a, b, cosine in pairs
                if a in speakers and b in speakers
            ][:PAIRS_TOLD],
        ),
        numbers=Table(
            ("speaker", "taken_for", "utterances"),
            [
                (str(scored.speakers[a]), str(scored.speakers[b]), int(counts[row, column]))
                for row, a in enumerate(speakers)
                for column, b in enumerate(speakers)
            ],
        ),
    )


def most_alike(scored: ScoredSet) -> Pairs:
    """Return the pairs of speakers who are most alike, in order, as many as the picture may need."""
    present = np.unique(scored.owners)
    means = mean_embeddings(scored)[present]
    first, second = np.triu_indices(len(present), k=1)
    cosines = (means @ means.T)[first, second]
    order = np.argsort(-cosines, kind="stable")[: MOST_SPEAKERS**2]
    return [(int(present[first[row]]), int(present[second[row]]), float(cosines[row])) for row in order]


def identified(scored: ScoredSet, speakers: list[int]) -> tuple[list[int], list[int]]:
    """Return who speaks in each utterance of these speakers, and who of them is nearest, by number.

    An utterance takes no part in the mean that it is compared with; that of a speaker with no other is left out.
    """
    sums = np.stack([scored.embeddings[scored.owners == speaker].sum(axis=0) for speaker in speakers])
    truth, given = [], []
    for number, speaker in enumerate(speakers):
        own = np.flatnonzero(scored.owners == speaker)
        for row in own if len(own) > 1 else ():
            embedding, means = scored.embeddings[row], sums.copy()
            means[number] -= embedding
            lengths = np.maximum(np.linalg.norm(means, axis=1), np.finfo(np.float32).tiny)
            truth.append(speaker)
            given.append(speakers[int(np.argmax(means @ embedding / lengths))])
    return truth, given


def _figure(counts: np.ndarray, labels: list[str]) -> Figure:
    figure, axes = figure_with_axes(SQUARE)
    display = ConfusionMatrixDisplay(counts, display_labels=labels)
    display.plot(ax=axes, cmap=COLOR_MAP, colorbar=False, xticks_rotation="vertical", text_kw={"fontsize": 8})
    axes.set(xlabel="taken for", ylabel="speaker")
    return figure


def _text(scored: ScoredSet, worst: tuple[int, int, float], counts: np.ndarray) -> str:
    wrong = int(counts.sum() - np.trace(counts))
    first, second = (shown(str(scored.speakers[speaker])) for speaker in worst[:2])
    return (
        f"The {len(counts)} speakers of {len(np.unique(scored.owners))} who are most alike. Of "
        f"{counted(int(counts.sum()), 'utterance')}, {wrong} {'is' if wrong == 1 else 'are'} given to another one of "
        f"them. Most alike are {first} and {second}, with a cosine of {worst[2]:.3f}."
    )


def _taken_for_other(counts: np.ndarray, a: int, b: int) -> int:
    return int(counts[a, b] + counts[b, a])


def _first_of(pairs: Pairs) -> list[int]:
    """The speakers of the first pairs, in order of number."""
    speakers = list(dict.fromkeys(speaker for a, b, _ in pairs for speaker in (a, b)))
    return sorted(speakers[:MOST_SPEAKERS])
