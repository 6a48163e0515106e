"""Trial lists: what they may say, and the figures of what they say."""

import numpy as np
import pytest
from angles import AngleEncoder, cache_of

from evaluation.cuts import CUTS
from evaluation.evaluate import evaluate
from evaluation.held_out_speakers import held_out_trials
from evaluation.trial_list import TrialListError, read_trials
from storage.errors import UserError

ANGLES = {"vctk/ann": [0, 20, 60], "vctk/bob": [90, 100], "libri/dee lee": [30, 50]}
LIST = """# label, then two utterances
1 ann/000 vctk/ann/001

0 ann/000 bob/001   # a comment
0\tann/002\tlibri/dee lee/000
1 vctk/bob/000\tbob/001
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    return cache_of(tmp_path / "cache", ANGLES, monkeypatch)


@pytest.fixture
def read(tmp_path, cache):
    def from_text(text, trained_on=(), encoding="utf-8"):
        path = tmp_path / "trials.txt"
        path.write_text(text, encoding=encoding)
        return read_trials(path, cache, trained_on)

    return from_text


def keys(trials):
    return [(*trials.utterances[a].key[1:], *trials.utterances[b].key[1:]) for a, b in zip(trials.first, trials.second)]


def results_of(trials, cache, encoder=None, cuts=(None,)):
    return evaluate(encoder or AngleEncoder(), cache, [trials], cuts=cuts, distances=False).results


def test_a_list_is_read(read):
    text = LIST.replace("1 vctk/bob/000\t", "1 vctk/bob/000 ")
    assert keys(read(text)) == [
        ("ann", "000", "ann", "001"),
        ("ann", "000", "bob", "001"),
        ("ann", "002", "dee lee", "000"),
        ("bob", "000", "bob", "001"),
    ]


def test_windows_line_ends_and_byte_order_marks_do_no_harm(read):
    text = "1 ann/000 ann/001\r\n0 ann/000 bob/001\r\n"
    assert keys(read(text, encoding="utf-8-sig")) == [("ann", "000", "ann", "001"), ("ann", "000", "bob", "001")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 ann/000 bob/00l", r"line 2: the cache holds no utterance 'bob/00l'; nearest: .*bob/001"),
        ("0 libri/ann/000 bob/001", "line 2: the cache holds no utterance 'libri/ann/000'; nearest: "),
        ("0 ann bob", "line 2: the cache holds no utterance 'ann'"),
        ("1 ann/000 bob/001", r"line 2: says one speaker, but they are vctk/ann and vctk/bob"),
        ("0 ann/000 vctk/ann/001", r"line 2: says two speakers, but they are vctk/ann and vctk/ann"),
        ("ann/000 bob/001 target", r"line 2: says one speaker, but they are vctk/ann and vctk/bob"),
        ("1 ann/000 vctk/ann/000", "line 2: ann/000 is compared with itself"),
        ("0 ann/000 dee lee/001", "line 2: expected '1 A B'"),
        ("0 000 bob/001", "line 2: '000' is the name of 3 utterances: libri/dee lee/000, vctk/ann/000"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(read, line, message):
    with pytest.raises(TrialListError, match=message) as caught:
        read(f"# first line\n{line}\n1 ann/000 ann/001\n0 ann/000 bob/001\n")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UserError)


def test_two_people_of_one_name_are_two(tmp_path, monkeypatch):
    cache = cache_of(tmp_path / "cache", {"libri/s1": [0, 10], "so/s1": [90, 100]}, monkeypatch)
    path = tmp_path / "trials.txt"
    path.write_text("0 libri/s1/000 so/s1/000\n1 so/s1/000 so/s1/001\n")
    trials = read_trials(path, cache, ["libri/s2"])
    (result,) = results_of(trials, cache)
    assert (result.speakers, result.targets, result.nontargets) == (2, 1, 1)
    path.write_text("0 s1/000 so/s1/000\n1 so/s1/000 so/s1/001\n")
    with pytest.raises(TrialListError, match="'s1/000' is the name of 2 utterances: libri/s1/000, so/s1/000"):
        read_trials(path, cache, ())
    path.write_text("0 libri/s1/000 so/s1/000\n1 so/s1/000 so/s1/001\n")
    with pytest.raises(TrialListError, match="the network was trained on libri/s1"):
        read_trials(path, cache, ["libri/s1"])


def test_speakers_of_the_training_are_refused(read):
    with pytest.raises(TrialListError, match="line 4: the network was trained on vctk/bob"):
        read(LIST, trained_on=["bob"])


@pytest.mark.parametrize("text", ["", "# nothing\n", "1 ann/000 ann/001\n", "0 ann/000 bob/001\n"])
def test_a_list_without_both_kinds_is_refused(read, text):
    with pytest.raises(TrialListError, match="expected trials of one speaker"):
        read(text)


def test_a_list_that_is_no_text_is_refused(tmp_path, cache):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing", tmp_path / "binary", tmp_path):
        with pytest.raises(UserError, match="expected a text file of trials"):
            read_trials(path, cache, ())


def test_figures_by_hand(read, cache):
    # targets 20 and 10 degrees apart, non-targets 5 and 100: one of two passes wherever no target is missed
    cache_angles = "1 ann/000 ann/001\n1 bob/000 bob/001\n0 ann/000 bob/001\n0 ann/002 bob/000\n"
    (result,) = results_of(read(cache_angles), cache)
    assert (result.source, result.cut, result.speakers, result.utterances) == ("trials.txt", None, 2, 5)
    assert (result.targets, result.nontargets, result.long_enough) == (2, 2, 5)
    assert list(result.estimates) == ["eer", "min_dcf_0.01", "min_dcf_0.05"]
    assert [figure.value for figure in result.estimates.values()] == [0, 0, 0]


def test_errors_by_hand(read, cache):
    # targets 60 and 10 degrees apart, non-targets 30 and 40: at 50 the one is missed, at 35 one non-target passes
    text = "1 ann/000 ann/002\n1 bob/000 bob/001\n0 ann/002 bob/000\n0 ann/002 bob/001\n"
    (result,) = results_of(read(text), cache)
    assert [figure.value for figure in result.estimates.values()] == pytest.approx([0.5, 0.5, 0.5])


def test_the_order_of_utterances_and_trials_does_not_matter(read, cache):
    lines = "1 ann/000 ann/002\n1 bob/000 bob/001\n0 ann/002 bob/000\n0 bob/001 ann/002\n".splitlines()
    one, other = (results_of(read("\n".join(some)), cache, cuts=CUTS) for some in (lines, lines[::-1]))
    assert one == other


def test_only_what_is_named_is_embedded_once_whole_and_cut(read, cache):
    encoder = AngleEncoder()
    results = results_of(read("1 ann/000 ann/001\n0 ann/000 bob/001\n" * 3), cache, encoder, CUTS)
    assert [(result.cut, result.long_enough) for result in results] == [(None, 3), (5, 0), (2, 3), (1, 3)]
    assert sorted(encoder.lengths) == [8_000] * 3 + [16_000] * 3 + [24_000] * 3


def test_all_pairs_as_a_list_give_what_evaluate_gives(tmp_path, monkeypatch):
    angles = {name: np.random.default_rng(5).integers(0, 360, 6).tolist() for name in ("vctk/a", "vctk/b", "vctk/c")}
    angles["vctk/b"] = [value // 2 for value in angles["vctk/a"]]
    cache = cache_of(tmp_path, angles, monkeypatch)
    names = list(cache.utterances)
    lines = [f"{int(a[1] == b[1])} {a[1]}/{a[2]} {b[1]}/{b[2]}" for n, a in enumerate(names) for b in names[n + 1 :]]
    (tmp_path / "all.txt").write_text("\n".join(lines))
    listed = results_of(read_trials(tmp_path / "all.txt", cache, ()), cache, cuts=CUTS)
    trials, _ = held_out_trials([AngleEncoder()], cache, ["a", "b", "c"])
    unseen = evaluate(AngleEncoder(), cache, trials).results
    for one, other in zip(listed, unseen):
        assert (one.targets, one.nontargets) == (other.targets, other.nontargets)
        assert one.estimates == {name: other.estimates[name] for name in one.estimates}
