"""The utterance cache keeps what is current, redoes what is not, and touches nothing else."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import copy_voices, write_noise, write_tone

from audio.cache import UtteranceCache
from audio.decode import decode
from audio.entries import CacheError, Utterance, read_signal
from audio.scan import find_recordings
from storage.atomic import temporary_name

TORN_LINES = (
    b'{"speaker": "p226", "utt',
    b"\xff\xfe",
    b"[1, 2]\n",
    b'{"speaker": "x"}\n',
    b"\n\n",
    b"[" * 99_999,
    json.dumps(dict.fromkeys(Utterance._fields, 1)).encode(),
)


def build(folder: Path, corpus: Path, workers: int = 1):
    cache = UtteranceCache(folder)
    return cache, cache.update(find_recordings(corpus), workers)


def audio_state(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in (folder / "audio").rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def index_lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "index.jsonl").read_text("utf-8").splitlines()]


def test_an_entry_for_each_recording_in_order(tmp_path, corpus):
    cache, report = build(tmp_path / "cache", corpus)
    assert (report.added, report.unchanged, report.skipped) == (4, 0, ())
    assert cache.speakers() == ["p225", "p226"]
    assert [entry.utterance for entry in cache.of_speaker("p226")] == ["p226_001", "p226_002"]
    assert cache.of_speaker("p999") == []
    names = [line["utterance"] for line in index_lines(tmp_path / "cache")]
    assert names == ["p225_001", "p225_002", "p226_001", "p226_002"]


def test_a_line_of_the_index_says_all_there_is_to_say(tmp_path):
    source = copy_voices(tmp_path / "corpora" / "vctk", ("p225",), 1) / "p225" / "p225_001.flac"
    cache, _ = build(tmp_path / "cache", tmp_path / "corpora")
    (line,) = index_lines(cache.folder)
    length = len(decode(source))
    blank = (line.pop("leading_blank_ms"), line.pop("trailing_blank_ms"))
    digest = line.pop("sha256")
    assert line.pop("samples") / 8 + sum(blank) == pytest.approx(length / 8, abs=1e-9)  # ms
    assert all(50 < one < 1500 for one in blank)  # the voice begins and ends in 0.1 to 0.4 s of noise
    assert len(digest) == 64
    names = {"speaker": "p225", "utterance": "p225_001", "corpus": "vctk", "source": "vctk/p225/p225_001.flac"}
    assert line == {**names, "size": source.stat().st_size, "mtime_ns": source.stat().st_mtime_ns}
    assert cache.known_speakers() == {("p225", "vctk")}


def test_what_is_cached_is_the_voiced_part_of_the_recording(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    for entry in cache.utterances.values():
        start = round(entry.leading_blank_ms * 8)
        signal = read_signal(cache.folder, entry)
        assert signal.dtype == np.int16
        np.testing.assert_array_equal(signal, decode(corpus / entry.source)[start : start + entry.samples])


def test_a_reopened_cache_is_the_same(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    assert UtteranceCache.open(cache.folder).utterances == cache.utterances


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()])
def test_opening_what_is_no_cache_is_an_error_and_makes_nothing(tmp_path, make):
    make(tmp_path / "cache")
    before = list(tmp_path.rglob("*"))
    with pytest.raises(CacheError, match="no cached utterances"):
        UtteranceCache.open(tmp_path / "cache")
    assert list(tmp_path.rglob("*")) == before


def test_update_adds_what_is_new_and_leaves_the_rest_alone(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    before = audio_state(cache.folder)
    write_noise(corpus / "new" / "x.wav")
    _, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (1, 4)
    after = audio_state(cache.folder)
    assert {name: after[name] for name in before} == before
    assert len(after) == 5


def test_update_redoes_a_recording_that_changed_and_not_one_that_was_touched(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    before = audio_state(cache.folder)
    path = corpus / "p225" / "p225_001.flac"
    os.utime(path, ns=(0, 1_000_000_000))
    shutil.copyfile(corpus / "p226" / "p226_002.flac", corpus / "p226" / "p226_001.flac")
    cache, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (1, 3)
    assert cache.utterances["p225", "p225_001"].mtime_ns == 1_000_000_000
    after = {name: content for name, (_, content) in audio_state(cache.folder).items()}
    assert after["audio/p226/p226_001.wav"] == after["audio/p226/p226_002.wav"] != before["audio/p226/p226_001.wav"][1]


def test_entries_of_another_corpus_stay(tmp_path, corpus):
    build(tmp_path / "cache", corpus)
    write_noise(tmp_path / "other" / "new" / "x.wav")
    cache, report = build(tmp_path / "cache", tmp_path / "other")
    assert (report.added, report.unchanged) == (1, 0)
    assert cache.speakers() == ["new", "p225", "p226"]


def test_a_missing_wav_is_made_again(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    before = (cache.folder / "audio" / "p225" / "p225_001.wav").read_bytes()
    (cache.folder / "audio" / "p225" / "p225_001.wav").unlink()
    with pytest.raises(CacheError, match="gone or damaged"):
        read_signal(cache.folder, cache.utterances["p225", "p225_001"])
    _, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (1, 3)
    assert (cache.folder / "audio" / "p225" / "p225_001.wav").read_bytes() == before


@pytest.mark.parametrize("torn", TORN_LINES)
def test_a_torn_line_costs_its_own_utterance_only(tmp_path, corpus, torn):
    cache, _ = build(tmp_path / "cache", corpus)
    index = cache.folder / "index.jsonl"
    whole = index.read_bytes()
    index.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]) + torn)
    cache, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (1, 3)
    assert index.read_bytes() == whole


def test_bad_files_are_skipped_with_their_reason(tmp_path, corpus):
    bad = corpus / "bad"
    write_tone(bad / "cut.flac", seconds=1)
    (bad / "cut.flac").write_bytes((bad / "cut.flac").read_bytes()[:1000])
    (bad / "text.wav").write_text("not audio")
    write_tone(bad / "none.wav", seconds=0)
    write_tone(bad / "short.wav", seconds=0.05)
    soundfile.write(bad / "nan.wav", np.full(8000, np.nan), 8000, subtype="FLOAT")
    soundfile.write(bad / "quiet.wav", np.tile(np.array([31, -31], np.int16), 8000), 8000)
    soundfile.write(bad / "constant.wav", np.full(8000, 9000, np.int16), 8000)
    (bad / "dangling.wav").symlink_to(tmp_path / "nowhere.wav")
    (bad / "endless.wav").symlink_to("/dev/zero")
    os.mkfifo(bad / "pipe.wav")
    cache, report = build(tmp_path / "cache", corpus)
    reasons = {skipped.path.name: skipped.reason for skipped in report.skipped}
    assert report.added == 4
    assert "bad" not in cache.speakers()
    words = {"cut.flac": "not readable", "text.wav": "not readable", "none.wav": "empty", "short.wav": "too short: "}
    words |= {
        "nan.wav": "NaN",
        "quiet.wav": "silent",
        "constant.wav": "too short: 0 ms",
        "dangling.wav": "No such file",
        "endless.wav": "neither a file",
        "pipe.wav": "neither a file",
    }
    assert reasons.keys() == words.keys()
    assert all(word in reasons[name] for name, word in words.items()), reasons
    assert len(audio_state(cache.folder)) == 4


def test_two_workers_write_the_bytes_of_one(tmp_path):
    corpus = copy_voices(tmp_path / "corpus", ("p225", "p226"), 10)  # 20 recordings are more than a chunk
    for workers in (1, 2):
        build(tmp_path / f"cache{workers}", corpus, workers)
    one, two = (tmp_path / "cache1", tmp_path / "cache2")
    assert (one / "index.jsonl").read_bytes() == (two / "index.jsonl").read_bytes()
    contents = [{name: content for name, (_, content) in audio_state(folder).items()} for folder in (one, two)]
    assert contents[0] == contents[1]
    assert len(contents[0]) == 20


def test_hostile_and_odd_names_stay_inside_the_folder(tmp_path):
    write_noise(tmp_path / "corpus" / "x" / "a.wav")
    given = find_recordings(tmp_path / "corpus")[0]
    speakers = ["..", ".", "a/b", "/etc", "..\\x", "a\0b", "Zoë", "王 " * 90, "CON", "a%2Fb", "a b"]
    pairs = [(speaker, utterance) for speaker in speakers for utterance in ("..", "../../../up", "x", "/tmp/x")]
    recordings = [given._replace(speaker=speaker, utterance=utterance) for speaker, utterance in pairs]
    cache = UtteranceCache(tmp_path / "deep" / "er" / "cache")
    assert cache.update(recordings).added == len(pairs)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "corpus" not in path.parts]
    assert all(path.is_relative_to(cache.folder) for path in files)
    written = list((cache.folder / "audio").rglob("*.wav"))
    assert len(written) == len(pairs)
    assert {len(path.relative_to(cache.folder).parts) for path in written} == {3}
    assert UtteranceCache.open(cache.folder).utterances.keys() == set(pairs)
    assert cache.regenerate([given]).deleted == len(pairs)
    assert [path.name for path in (cache.folder / "audio").rglob("*")] == ["x", "a.wav"]


def test_long_names_that_begin_alike_are_two_files(tmp_path):
    for end in "ab":
        write_noise(tmp_path / "corpus" / ("speaker " * 25 + end) / ("x" * 200 + end + ".wav"))
    cache, report = build(tmp_path / "cache", tmp_path / "corpus")
    assert report.added == len(audio_state(cache.folder)) == 2


def test_regenerating_leaves_a_link_that_stands_in_a_lost_entrys_place(tmp_path, tiny_cache, corpus):
    path = tiny_cache.folder / "audio" / "p362" / "p362_001.wav"
    path.rename(tmp_path / "elsewhere.wav")
    path.symlink_to(tmp_path / "elsewhere.wav")
    tiny_cache.regenerate(find_recordings(corpus))
    assert path.is_symlink()
    assert (tmp_path / "elsewhere.wav").exists()


def test_regenerating_makes_everything_anew_and_deletes_lost_entries_and_nothing_else(tiny_cache, corpus):
    folder = tiny_cache.folder
    (folder / "staging").mkdir()
    temporary_name(folder / "staging").touch()
    foreign = ["notes.txt", ".tmp-mine", "audio/p362/mine.wav", "audio/holiday/mine.wav", "runs/one/last.npz"]
    foreign = [folder / name for name in (*foreign, "full_inputs.pkl", "runs/one/.tmp-checkpoint")]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    before = audio_state(folder)
    report = tiny_cache.regenerate(find_recordings(corpus))
    assert (report.added, report.unchanged, report.deleted) == (4, 0, 11)
    after = {name: state for name, state in audio_state(folder).items() if "mine" not in name}
    assert len(after) == 4
    assert all(content == before[name][1] and changed > before[name][0] for name, (changed, content) in after.items())
    assert all(path.exists() for path in foreign)
    left = {path for path in folder.rglob("*") if path.is_file() and "audio" not in path.parts}
    assert {path.name for path in left.difference(foreign)} == {"cache.json", "index.jsonl", ".lock"}
    assert UtteranceCache(folder).utterances == tiny_cache.utterances


def test_a_corpus_of_nothing_usable_costs_nobody_the_old_cache(tmp_path, tiny_cache):
    (tmp_path / "bad" / "p225").mkdir(parents=True)
    (tmp_path / "bad" / "p225" / "p225_001.wav").write_text("not audio")
    before = audio_state(tiny_cache.folder)
    with pytest.raises(CacheError, match="none of the 1 recordings can be used: not readable as audio"):
        tiny_cache.regenerate(find_recordings(tmp_path / "bad"))
    assert audio_state(tiny_cache.folder) == before
    assert len(UtteranceCache(tiny_cache.folder).utterances) == 15


def test_a_foreign_folder_is_refused_and_stays_as_it_is(tmp_path, corpus):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "index.jsonl").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place in (folder, tmp_path / "file"):
        for action in (UtteranceCache.update, UtteranceCache.regenerate):
            with pytest.raises(CacheError, match=r"is a file|not a cache"):
                action(UtteranceCache(place), find_recordings(corpus))
    assert [path.name for path in folder.iterdir()] == ["index.jsonl"]
    assert (folder / "index.jsonl").read_text() == (tmp_path / "file").read_text() == "mine"


def test_other_settings_mean_that_everything_is_done_again(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    mark = json.loads((cache.folder / "cache.json").read_text())
    other = {**mark, "settings": {**mark["settings"], "sample_rate": 16000}}
    (cache.folder / "cache.json").write_text(json.dumps(other))
    with pytest.raises(CacheError, match="made with other settings"):
        UtteranceCache.open(cache.folder)
    _, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (4, 0)
    assert json.loads((cache.folder / "cache.json").read_text()) == mark


@pytest.mark.skipif(os.name != "posix", reason="names of bytes are POSIX's")
def test_a_file_name_that_is_not_utf_8_does_not_end_the_run(tmp_path, corpus):
    path = Path(os.fsdecode(os.fsencode(corpus) + b"/p225/caf\xe9.flac"))
    path.write_bytes((corpus / "p225" / "p225_001.flac").read_bytes())
    _, report = build(tmp_path / "cache", corpus)
    assert report.added >= 4
    assert report.added + len(report.skipped) == 5
