"""The page of a report as a file: whole, safe, small, and the same each time. `test_report_browser` opens it."""

import base64
import hashlib
import io
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import soundfile
from command_line import ROOT
from scored import crowd, evaluated, made_set, results_of

from cache.entries import audio_path, read_signal
from cache.mark import CacheError
from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from evaluation.report import page as page_module
from evaluation.report.page import DETAILS, MOST_BYTES, ReportError, write_report
from evaluation.report.views import setting
from inference.estimate import Estimate

HISTORIES = sorted((ROOT / "models" / "pretrained").glob("*.history.csv"))
HOSTILE = "<script>alert(1)</script>\"'&{{ 7*7 }}$x$\u202e\x00\udcff"
VOID = {"meta", "link", "br", "img"}


class Reader(HTMLParser):
    """Reads a page strictly: each element is closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.elements, self.ids, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def cache(cache_template):
    return UtteranceCache.open(cache_template)


@pytest.fixture(scope="module")
def evaluation(cache):
    return evaluated(cache)


@pytest.fixture(scope="module")
def sets(evaluation):
    return evaluation.sets


@pytest.fixture(scope="module")
def written(tmp_path_factory, cache, evaluation):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(
        path, evaluation.sets, evaluation.results, {"score_norm": "as", "left_out": ["a", "b"]}, cache, HISTORIES
    )
    return path


@pytest.fixture(scope="module")
def read(written):
    return Reader(written.read_text(encoding="utf-8"))


def test_no_two_elements_have_the_same_id(read):
    assert len(set(read.ids)) == len(read.ids)


def test_every_link_inside_leads_somewhere(read):
    links = [a["href"] for a in read.all("a")] + [use["xlink:href"] for use in read.all("use")]
    assert {link[1:] for link in links if link.startswith("#")} <= set(read.ids)
    assert all(link.startswith("#") for link in links)


def test_nothing_is_loaded_from_anywhere(written, read):
    loaded = [value for _, attributes in read.elements for name, value in attributes.items() if name in ("src", "data")]
    loaded += [link["href"] for link in read.all("link")] + [image["xlink:href"] for image in read.all("image")]
    assert loaded and all(value.startswith("data:") for value in loaded)
    assert not re.search(r"url\((?!#)|@import|<iframe|<object|<base|\bon\w+=\"", written.read_text(encoding="utf-8"))


def test_the_policy_lets_our_script_run_and_no_other(written, read):
    text = written.read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = (meta["content"] for meta in read.all("meta") if "http-equiv" in meta)
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy


def test_every_picture_has_a_text_and_its_numbers(written):
    figures = re.findall(
        r'<figure id="[\w-]+" class="picture.*?</figure>', written.read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(figures) == 4 + 7  # of the corpus, whose three speakers have no ratios, and panels of two stages
    for figure in figures:
        assert len(re.search("<figcaption>(.*?)</figcaption>", figure, re.DOTALL)[1]) > 20
        assert "<tbody>\n<tr>" in figure and 'role="img" aria-label="' in figure


def test_what_is_played_is_what_was_compared(read, cache, sets):
    signals = {tuple(read_signal(cache.folder, utterance)[:800]) for utterance in cache.utterances.values()}
    players = read.all("audio")
    assert len(players) == 20
    for player in players:
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(player["src"].partition(",")[2])), dtype="int16")
        assert rate == 8000 and tuple(samples[:800]) in signals
        assert len(samples) <= DETAILS[0].seconds * rate


def test_it_is_the_owner_s_alone(written):
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


def test_it_is_the_same_each_time(tmp_path, written, cache, evaluation):
    again = tmp_path / "again.html"
    write_report(
        again, evaluation.sets, evaluation.results, {"score_norm": "as", "left_out": ["a", "b"]}, cache, HISTORIES
    )
    dated = re.compile(rb"\d{4}-\d\d-\d\d")
    assert dated.sub(b"", again.read_bytes()) == dated.sub(b"", written.read_bytes())


def test_without_audio_it_holds_no_recording_and_says_so(tmp_path, cache, sets):
    path = tmp_path / "silent.html"
    write_report(path, sets[:1], results_of(sets[0]), {}, cache, audio=False)
    text = path.read_text(encoding="utf-8")
    assert "data:audio" not in text and "<audio" not in text and "and no recordings" in text
    assert "This page holds recordings" not in text


def test_it_says_at_the_top_that_it_holds_voices(written):
    text = written.read_text(encoding="utf-8")
    assert text.index("This page holds recordings of people's voices") < text.index("<nav")


def test_hostile_names_are_words_and_nothing_else(tmp_path, cache, sets):
    whole = sets[0]
    renamed = replace(
        whole,
        source=HOSTILE,
        speakers=tuple(Speaker(HOSTILE, f"{HOSTILE}{n}") for n in range(len(whole.speakers))),
        utterances=tuple(u._replace(utterance=f"{HOSTILE}{n}") for n, u in enumerate(whole.utterances)),
    )
    stage = tmp_path / "<img src=x onerror=alert(1)>"
    stage.mkdir()
    (stage / "history.csv").write_text("step,train_loss\n1,2\n2,1\n")
    path = tmp_path / "hostile.html"
    write_report(path, [renamed], results_of(renamed), {HOSTILE: [HOSTILE]}, cache, [stage / "history.csv"])
    read = Reader(path.read_text(encoding="utf-8"))
    assert len(read.all("script")) == 1 and not read.all("img")
    assert any("<script>alert(1)</script>" in words and "{{ 7*7 }}" in words for words in read.words)
    assert not set("\u202e\x00") & set(path.read_text(encoding="utf-8"))


@pytest.mark.long
def test_many_speakers_of_many_corpora_with_long_names_stay_below_the_limit(tmp_path, cache):
    crowds = [crowd(cache, f"corpus {number} {'x' * 200}", 60, 4) for number in range(8)]
    made = [made_set(f"{number} {'y' * 300}", each=2) for number in range(60)]
    path = tmp_path / "large.html"
    results = results_of(*crowds, *made)
    left_out = [f"{number}{'z' * 100}" for number in range(5000)]
    write_report(path, [*crowds, *made], results, {"left_out": left_out}, cache, HISTORIES)
    assert path.stat().st_size < MOST_BYTES
    text = path.read_text(encoding="utf-8")
    assert text.count("<audio") == 20 and "In these tables only" in text and "and 4950 more" in text


def test_a_page_that_would_be_too_large_holds_less(tmp_path, monkeypatch, written, cache, sets):
    rich = written.stat().st_size
    monkeypatch.setattr(page_module, "MOST_BYTES", rich // 2)
    monkeypatch.setattr(page_module, "DETAILS", (DETAILS[0], DETAILS[-1]))
    path = tmp_path / "less.html"
    write_report(path, sets[:1], results_of(sets[0]), {}, cache)
    assert path.stat().st_size < rich // 2


def test_a_page_that_can_not_be_small_enough_is_not_written(tmp_path, monkeypatch, cache, sets):
    monkeypatch.setattr(page_module, "MOST_BYTES", 1000)
    monkeypatch.setattr(page_module, "DETAILS", DETAILS[-1:])
    with pytest.raises(ReportError, match="larger than"):
        write_report(tmp_path / "none.html", sets[:1], results_of(sets[0]), {}, cache)
    assert not list(tmp_path.iterdir())


def test_a_damaged_recording_ends_it_in_words(tmp_path, tiny_cache, sets):
    for utterance in tiny_cache.utterances.values():
        audio_path(tiny_cache.folder, utterance.sha256).write_bytes(b"")
    with pytest.raises(CacheError, match="gone or damaged"):
        write_report(tmp_path / "none.html", sets[:1], results_of(sets[0]), {}, tiny_cache)


def test_estimates_that_the_table_does_not_know_and_those_that_do_not_exist_are_shown(tmp_path, cache, sets):
    result = replace(results_of(sets[0])[0], estimates={"new_measure": Estimate(0.5, float("nan"), float("nan"))})
    path = tmp_path / "new.html"
    write_report(path, sets[:1], [result], {}, cache)
    assert 'data-measure="new_measure" data-value="0.5">0.5000</td>' in path.read_text(encoding="utf-8")


def test_settings_are_told_in_words():
    assert setting({"a": None, "b": [1, "x"], "c": []}) == "a: none; b: 1, x; c: none"
