"""The pictures of a report: what they are drawn of is what was measured."""

import sys
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scored import made_set

from evaluation.metrics import ErrorCurve, equal_error_rate
from evaluation.report.clusters import clusters_picture
from evaluation.report.confusion import confusion_picture, identified, most_alike
from evaluation.report.contents import contents_of
from evaluation.report.det import det_picture
from evaluation.report.embedding_map import MOST_SPEAKERS, map_picture, planar
from evaluation.report.histogram import histogram_picture
from evaluation.report.reliability import reliability, reliability_picture
from evaluation.report.scores import equal_error_threshold, main_scores, ratios_of
from evaluation.report.style import COLORS, INK, styled
from evaluation.report.svg import inline_svg
from evaluation.report.training_curves import curve_pictures
from evaluation.report.worst_trials import MOST_TRIALS, worst_trials

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def in_style():
    with styled():
        yield
    assert not plt.get_fignums()


@pytest.fixture(scope="module")
def scored():
    return made_set(each=8)


def columns(table):
    return dict(zip(table.header, zip(*table.rows)))


def test_a_det_curve_has_the_rates_that_figures_are_made_of(scored):
    numbers = columns(det_picture([scored]).numbers)
    whole = np.array(numbers["length"]) == "whole"
    scores = main_scores(scored)
    threshold, false_alarms, misses = (
        np.array(numbers[name])[whole] for name in ("threshold", "false_alarms", "misses")
    )
    for at in range(0, whole.sum(), 7):
        assert misses[at] == np.mean(scores[scored.same] < threshold[at])
        assert false_alarms[at] == np.mean(scores[~scored.same] >= threshold[at])


def test_every_length_has_a_curve_and_plain_cosines_have_one(scored):
    picture = det_picture([scored, replace(scored, cut=2.0)])
    assert [row[0] for row in picture.table.rows] == ["whole", "2 s", "whole, cosines"]
    assert len(picture.figure.axes[0].lines) == 3
    looks = {(line.get_color(), line.get_linestyle()) for line in picture.figure.axes[0].lines}
    assert len({color for color, _ in looks}) == len({style for _, style in looks}) == 3


def test_misses_are_told_at_rates_that_are_not_exceeded(scored):
    scores, (row, *_) = main_scores(scored), det_picture([scored]).table.rows
    miss, false_alarm = ErrorCurve(scores[scored.same], scores[~scored.same]).rates()
    assert row[4] == f"{100 * miss[false_alarm <= 0.1].min():.1f}"


def test_the_histogram_counts_every_trial_once(scored):
    numbers = columns(histogram_picture(scored).numbers)
    assert sum(numbers["one_speaker"]) == scored.same.sum()
    assert sum(numbers["two_speakers"]) == (~scored.same).sum()


def test_errors_are_equal_at_the_threshold(scored):
    scores, threshold = main_scores(scored), equal_error_threshold(scored)
    rate = equal_error_rate(scores[scored.same], scores[~scored.same])
    assert np.mean(scores[scored.same] < threshold) == pytest.approx(rate, abs=0.02)
    assert np.mean(scores[~scored.same] >= threshold) == pytest.approx(rate, abs=0.02)


def test_probabilities_that_come_true_lie_on_the_line():
    rng = np.random.default_rng(0)
    probability = rng.uniform(size=200_000)
    bins = reliability(probability, rng.uniform(size=200_000) < probability)
    assert [part.observed for part in bins] == pytest.approx([part.given for part in bins], abs=0.02)


def test_many_strangers_count_no_more_than_few_targets():
    same = np.array([True] * 10 + [False] * 1000)
    (one,) = reliability(np.full(1010, 0.55), same)
    assert (one.observed, one.given, one.trials) == (pytest.approx(0.5), pytest.approx(0.55), 1010)


def test_a_certain_trial_is_in_the_last_bin():
    assert [part.low for part in reliability(np.array([0.0, 1.0]), np.array([False, True]))] == [0, 0.9]


def test_ratios_beyond_all_numbers_have_a_calibration(scored):
    ratios = np.where(scored.same, 1e4, -1e4)
    assert "0.0 percentage points" in reliability_picture(scored, ratios).text


def test_the_map_names_each_utterance_where_it_is(scored):
    picture = map_picture(scored, 1000)
    assert sum(map(len, picture.points.values())) == len(scored.utterances)
    root = ElementTree.fromstring(inline_svg(picture.figure, "map", "a map", picture.points))
    named = [use for use in root.iter(f"{SVG}use") if use.get("data-name")]
    assert [use.find(f"{SVG}title").text for use in named] == [use.get("data-name") for use in named]
    numbers = columns(picture.numbers)
    assert [use.get("data-name") for use in named] == [
        f"{speaker}, {utterance}" for speaker, utterance in zip(numbers["speaker"], numbers["utterance"])
    ]
    across = [float(use.get("x")) for use in named]
    assert np.corrcoef(across, numbers["x"])[0, 1] > 0.999


def test_no_two_speakers_of_a_map_look_alike():
    crowd = made_set(speakers=[f"s{number:03}" for number in range(60)], each=2)
    picture = map_picture(crowd, 10_000)
    looks = {(line.get_color(), line.get_marker()) for line in picture.figure.axes[0].lines}
    assert len(looks) == len(picture.points) == MOST_SPEAKERS
    assert f"of {MOST_SPEAKERS} speakers, of 60 in all" in picture.text


def test_umap_places_the_points_where_it_is_installed(monkeypatch, scored):
    asked = {}

    class UMAP:
        def __init__(self, **how):
            asked.update(how)

        def fit_transform(self, embeddings):
            return embeddings[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=UMAP))
    places, method = planar(scored.embeddings)
    assert method == "UMAP" and (places == scored.embeddings[:, :2]).all()
    assert asked["random_state"] is not None and asked["n_neighbors"] < len(scored.embeddings)


def test_four_utterances_have_a_map():
    assert map_picture(made_set(speakers=("ann", "bob"), each=2), 400).text.startswith("4 utterances of 2 speakers")


def test_the_pair_that_is_most_alike_comes_first(scored):
    means = [scored.embeddings[scored.owners == s].mean(axis=0) for s in range(3)]
    means = [mean / np.linalg.norm(mean) for mean in means]
    by_hand = max((float(means[a] @ means[b]), a, b) for a in range(3) for b in range(a))
    a, b, cosine = most_alike(scored)[0]
    assert ({a, b}, cosine) == (set(by_hand[1:]), pytest.approx(by_hand[0]))


def test_an_utterance_is_not_compared_with_itself():
    """Two speakers whose utterances are all at right angles to each other: nobody is known by anything else."""
    made = made_set(speakers=("ann", "bob"), each=2)
    apart = replace(made, embeddings=np.eye(4, 16, dtype=np.float32))
    tilted = apart.embeddings.copy()
    tilted[0, 2] = 0.1  # the first of ann is a little like the first of bob
    truth, given = identified(replace(apart, embeddings=tilted), [0, 1])
    assert (truth[0], given[0]) == (0, 1)


def test_the_confusion_counts_the_utterances_of_the_most_similar_speakers():
    crowd = made_set(speakers=[f"s{number:02}" for number in range(20)], each=4)
    picture = confusion_picture(crowd)
    numbers = pd.DataFrame(picture.numbers.rows, columns=picture.numbers.header)
    assert numbers["utterances"].sum() == 10 * 4
    wrong = numbers[numbers.speaker != numbers.taken_for].utterances.sum()
    assert f"Of 40 utterances, {wrong} " in picture.text
    assert {row[0] for row in picture.table.rows} <= set(numbers.speaker)


def test_the_worst_trials_are_those_with_the_highest_ratio_against_the_truth(scored):
    worst = worst_trials([scored])
    against = np.where(scored.same, -ratios_of(scored), ratios_of(scored))
    assert [trial.cost for trial in worst] == sorted(against, reverse=True)[:MOST_TRIALS]
    assert all(trial.judged == ("two" if trial.same else "one") for trial in worst if trial.cost > 0)
    assert all(trial.ratio == pytest.approx(-trial.cost if trial.same else trial.cost) for trial in worst)


def test_without_a_calibration_the_worst_are_farthest_beyond_the_threshold(scored):
    worst = worst_trials([replace(scored, ratios={})])
    beyond = main_scores(scored) - equal_error_threshold(scored)
    assert worst[0].cost * main_scores(scored).std() == pytest.approx(np.where(scored.same, -beyond, beyond).max())
    assert worst[0].ratio is None


def test_ratios_at_the_limit_of_a_calibration_are_told_apart_by_their_scores(scored):
    worst = worst_trials([replace(scored, ratios={name: np.sign(of) for name, of in scored.ratios.items()})])
    assert {trial.cost for trial in worst} == {1.0}
    assert [trial.beyond for trial in worst] == sorted((trial.beyond for trial in worst), reverse=True)
    assert worst[0].beyond > worst[-1].beyond


def test_a_source_without_both_kinds_of_trials_has_no_pictures(scored):
    lone = made_set("lone", ["ann"])
    contents = contents_of([scored, lone], [])
    assert (list(contents.sources), contents.left_out) == (["made"], ["lone"])
    assert {trial.source for trial in contents.worst} == {"made"}


def test_without_a_calibration_there_is_no_picture_of_it(scored):
    kinds = [
        [p.kind for p in contents_of([replace(scored, ratios=r)], []).sources["made"]] for r in ({}, scored.ratios)
    ]
    assert set(kinds[1]) - set(kinds[0]) == {"calibration", "clusters"}


def test_a_stage_has_a_picture_for_each_panel(tmp_path):
    (tmp_path / "triplet").mkdir()
    history = {"step": [100, 200], "train_loss": [0.2, 0.1], "train_active_share": [1.0, 0.5]}
    pd.DataFrame(history).to_csv(tmp_path / "triplet" / "history.csv", index=False)
    loss, active = curve_pictures(tmp_path / "triplet" / "history.csv")
    assert (loss.title, active.title) == ("triplet, loss", "triplet, active triplets")
    assert loss.text == "After 200 steps: train loss 0.1."
    assert active.table.rows == [("100", "100.0 %"), ("200", "50.0 %")]


@pytest.mark.parametrize("content", [None, "", "step,train_loss\n1,<b>\n", "a,b\n1,2\n", "\x00\x01"])
def test_a_file_that_is_no_history_has_no_pictures(tmp_path, content):
    path = tmp_path / "history.csv"
    if content is not None:
        path.write_text(content)
    assert list(curve_pictures(path)) == []


def test_a_picture_in_a_page_has_the_page_s_colours_and_ids_of_its_own(scored):
    text = inline_svg(det_picture([scored]).figure, "one", 'a "label"')
    assert not [color for color in (*COLORS, "#000000") if color in text]
    assert "var(--blue)" in text and "<style" not in text
    root = ElementTree.fromstring(text)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert all(name.startswith("one-") for name in ids) and len(set(ids)) == len(ids)
    assert root.get("aria-label") == 'a "label"'
    referred = {href[1:] for element in root.iter() if (href := element.get("{http://www.w3.org/1999/xlink}href"))}
    assert referred <= set(ids)


@pytest.mark.parametrize("paper", [(1, 1, 1), (0xF6 / 255,) * 2 + (0xF9 / 255,)])
def test_colours_stand_out_of_the_paper(paper):
    def lightness(color):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    for color in {*COLORS, INK}:
        rgb = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        assert (lightness(paper) + 0.05) / (lightness(rgb) + 0.05) >= 3


def test_utterances_are_sorted_by_who_speaks(scored):
    """Where ratios tell who is who, groups are speakers; where they say nothing, each is alone or all are one."""
    perfect = clusters_picture(scored, np.where(scored.same, 20.0, -20.0))
    speakers = len(np.unique(scored.owners))
    assert [row[1:] for row in perfect.numbers.rows] == [(1.0, 1.0, speakers)] * 5
    assert f"{speakers} groups at a prior of 0.1" in perfect.text
    alone = clusters_picture(scored, np.full(len(scored.first), -20.0))
    assert alone.numbers.rows[0][1:] == (0.0, 1.0, len(np.union1d(scored.first, scored.second)))


def test_without_all_pairs_nothing_is_sorted(scored):
    some = replace(scored, first=scored.first[1:], second=scored.second[1:])
    assert clusters_picture(some, np.zeros(len(some.first))) is None
