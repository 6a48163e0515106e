"""A map of embeddings in the plane, where neighbours are utterances that the network finds alike.

By UMAP (McInnes et al., 2018) where the package umap-learn is installed, else by t-SNE (van der Maaten & Hinton, 2008).
"""

from importlib import import_module

import numpy as np
from matplotlib.figure import Figure
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from evaluation.report.alike import mean_embeddings, nearest_others
from evaluation.report.picture import Picture, Table
from evaluation.report.shown import shown
from evaluation.report.style import COLORS, MARKERS, SQUARE, figure_with_axes
from evaluation.scored_set import ScoredSet
from storage.counting import counted

MOST_SPEAKERS = len(COLORS) * len(MARKERS)  # as many as there are pairs of a colour and a marker
FEWEST_POINTS = 4  # of a map
NEIGHBOURS, PERPLEXITY, SEED = 15, 30, 0
LONGEST_NAME = 40  # characters of a speaker or an utterance, as there are many


def map_picture(scored: ScoredSet, most: int) -> Picture:
    """Draw about `most` utterances at most, as many of each speaker, spread over all speakers.

    Args:
        scored: with at least `FEWEST_POINTS` utterances.
    """
    rows = _chosen(scored.owners, most)
    places, method = planar(scored.embeddings[rows])
    owners = scored.owners[rows]
    drawn = np.unique(owners)
    return Picture(
        kind="map",
        about=scored.source,
        title=f"Map of embeddings, {shown(scored.source)}",
        text=f"{counted(len(rows), 'utterance')} of {counted(len(drawn), 'speaker')}, of {len(scored.speakers)} in "
        f"all, placed by {method}: utterances that the network finds alike lie near each other; distances between "
        "groups say little. Every speaker has a colour and a shape.",
        figure=_figure(places, owners),
        table=_nearest(scored, owners),
        numbers=Table(
            ("x", "y", "speaker", "utterance"),
            [
                (float(x), float(y), str(scored.speakers[scored.owners[row]]), scored.utterances[row].utterance)
                for (x, y), row in zip(places, rows)
            ],
        ),
        points={_gid(number): _names(scored, rows[owners == speaker]) for number, speaker in enumerate(drawn)},
    )


def planar(embeddings: np.ndarray) -> tuple[np.ndarray, str]:
    """Return a place in the plane for each embedding, (n, 2), and the name of the method."""
    count = len(embeddings)
    try:
        umap = import_module("umap")
    except ImportError:
        method = TSNE(perplexity=min(PERPLEXITY, (count - 1) / 3), init="pca", random_state=SEED)
        with threadpool_limits(1):  # threads that wait for each other took 19 s for 144 points, one alone 0.6 s
            return method.fit_transform(embeddings), "t-SNE"
    reducer = umap.UMAP(n_neighbors=min(NEIGHBOURS, count - 1), metric="cosine", random_state=SEED, n_jobs=1)
    return np.asarray(reducer.fit_transform(embeddings)), "UMAP"


def _chosen(owners: np.ndarray, most: int) -> np.ndarray:
    speakers = np.unique(owners)
    if len(speakers) > MOST_SPEAKERS:
        speakers = speakers[np.linspace(0, len(speakers) - 1, MOST_SPEAKERS).astype(int)]
    each = max(most // len(speakers), 1)
    return np.concatenate([np.flatnonzero(owners == speaker)[:each] for speaker in speakers])


def _figure(places: np.ndarray, owners: np.ndarray) -> Figure:
    figure, axes = figure_with_axes(SQUARE)
    for number, speaker in enumerate(np.unique(owners)):
        (dots,) = axes.plot(*places[owners == speaker].T, linestyle="", markersize=5, alpha=0.85, gid=_gid(number))
        dots.set(color=COLORS[number % len(COLORS)], marker=MARKERS[number % len(MARKERS)])
    axes.set(xticks=[], yticks=[])
    axes.set_frame_on(False)
    return figure


def _nearest(scored: ScoredSet, owners: np.ndarray) -> Table:
    """For each speaker of the map, who is most alike."""
    nearest, cosines = nearest_others(mean_embeddings(scored))
    names = [shown(str(speaker)) for speaker in scored.speakers]
    return Table(
        ("speaker", "utterances shown", "most alike", "cosine of their means"),
        [
            (names[speaker], int((owners == speaker).sum()), names[nearest[speaker]], f"{cosines[speaker]:.3f}")
            for speaker in np.unique(owners)
        ],
    )


def _names(scored: ScoredSet, rows: np.ndarray) -> list[str]:
    pairs = ((str(scored.speakers[scored.owners[row]]), scored.utterances[row].utterance) for row in rows)
    return [", ".join(shown(name, LONGEST_NAME) for name in pair) for pair in pairs]


def _gid(number: int) -> str:
    return f"points-{number}"
