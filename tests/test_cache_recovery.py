"""The cache after crashes, beside other programs, and with two writers."""

import json
import os
from pathlib import Path

import pytest
import soundfile
from conftest import write_noise

from audio.cache import UtteranceCache
from audio.entries import CacheError, read_signal
from audio.mark import SETTINGS, TOOL
from audio.scan import find_recordings


def build(folder: Path, corpus: Path):
    cache = UtteranceCache(folder)
    return cache, cache.update(find_recordings(corpus))


def test_two_writers_keep_each_others_entries(tmp_path, corpus):
    write_noise(tmp_path / "other" / "new" / "x.wav")
    first, second = UtteranceCache(tmp_path / "cache"), UtteranceCache(tmp_path / "cache")
    first.update(find_recordings(corpus))
    second.update(find_recordings(tmp_path / "other"))
    assert UtteranceCache.open(tmp_path / "cache").speakers() == ["new", "p225", "p226"]


def test_a_folder_with_nothing_but_our_lock_is_not_foreign(tmp_path, corpus):
    (tmp_path / "cache").mkdir()  # as is left by a run killed before the mark was written
    (tmp_path / "cache" / ".lock").touch()
    assert build(tmp_path / "cache", corpus)[1].added == 4


def test_a_damaged_wav_is_made_again_as_its_error_says(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    (cache.folder / "audio" / "p225" / "p225_001.wav").write_bytes(b"")  # not flushed before a power cut
    with pytest.raises(CacheError, match="--update_cache makes it again"):
        read_signal(cache.folder, cache.utterances["p225", "p225_001"])
    assert build(cache.folder, corpus)[1].added == 1


@pytest.mark.parametrize("damage", [lambda wav: wav[:5000], lambda wav: wav[:5000] + b"\x55" + wav[5001:]])
def test_a_shortened_or_changed_wav_is_damaged(tmp_path, corpus, damage):
    cache, _ = build(tmp_path / "cache", corpus)
    path = cache.folder / "audio" / "p225" / "p225_001.wav"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CacheError, match="delete it, and"):
        read_signal(cache.folder, cache.utterances["p225", "p225_001"])
    path.unlink()
    assert build(cache.folder, corpus)[1].added == 1


def test_a_repacked_recording_is_the_same_utterance(tmp_path, corpus):
    build(tmp_path / "cache", corpus)
    path = corpus / "p225" / "p225_001.flac"
    signal, rate = soundfile.read(path, dtype="int16")
    soundfile.write(path, signal, rate, compression_level=0.1)
    cache, report = build(tmp_path / "cache", corpus)
    assert (report.added, report.unchanged) == (0, 4)
    assert cache.utterances["p225", "p225_001"].size == path.stat().st_size


def test_an_interrupted_change_of_settings_leaves_no_stale_entries(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    (cache.folder / "cache.json").write_text(json.dumps({"tool": TOOL, "settings": {**SETTINGS, "sample_rate": 16000}}))
    (cache.folder / "audio" / "p225").rename(tmp_path / "aside")
    (cache.folder / "audio" / "p225").touch()  # stands for a full disk: the next run ends with an OSError
    with pytest.raises(OSError):
        build(cache.folder, corpus)
    (cache.folder / "audio" / "p225").unlink()
    (tmp_path / "aside").rename(cache.folder / "audio" / "p225")
    assert build(cache.folder, corpus)[1].unchanged == 0


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029"])
def test_a_line_separator_in_a_name_does_not_tear_the_index(tmp_path, sign):
    write_noise(tmp_path / "corpus" / f"a{sign}b" / "x.wav")
    cache, _ = build(tmp_path / "cache", tmp_path / "corpus")
    assert UtteranceCache(cache.folder).utterances == cache.utterances


def test_another_programs_cache_json_is_foreign(tmp_path, corpus):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cache.json").write_text('{"npm": true}')
    with pytest.raises(CacheError):
        build(folder, corpus)
    assert (folder / "cache.json").read_text() == '{"npm": true}'


def test_another_file_of_that_name_size_and_time_is_another_recording(tmp_path):
    for corpus, inner, seed in (("one", "x", 1), ("two", "y", 2)):
        os.utime(write_noise(tmp_path / corpus / inner / "ann" / "a.wav", seed=seed), ns=(0, 10**9))
    folder = tmp_path / "cache"
    one, two = find_recordings(tmp_path / "one"), find_recordings(tmp_path / "two")
    cache = UtteranceCache(folder)
    cache.update(one)
    report = cache.update(two)
    assert report.added == 1


def test_a_recording_that_went_bad_keeps_what_was_cached_of_it_and_says_so(tmp_path, corpus):
    build(tmp_path / "cache", corpus)
    (corpus / "p225" / "p225_001.flac").write_bytes(b"no longer audio")
    cache, report = build(tmp_path / "cache", corpus)
    assert (report.added, len(report.skipped)) == (0, 1)
    assert report.skipped[0].reason.endswith("what was cached of it before is kept")
    assert ("p225", "p225_001") in cache.utterances


def test_a_look_at_one_corpus_of_several_unlearns_no_names(tmp_path):
    write_noise(tmp_path / "corpora" / "vctk" / "ann" / "a.wav")
    build(tmp_path / "cache", tmp_path / "corpora")
    cache, report = build(tmp_path / "cache", tmp_path / "corpora" / "vctk")
    assert (report.added, report.unchanged) == (0, 1)
    assert cache.known_speakers() == {("ann", "vctk")}
    write_noise(tmp_path / "corpora" / "vctk" / "ann" / "a.wav", seed=5)
    cache, report = build(tmp_path / "cache", tmp_path / "corpora" / "vctk")
    assert report.added == 1
    assert cache.known_speakers() == {("ann", "vctk")}
