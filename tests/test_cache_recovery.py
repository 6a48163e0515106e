"""The cache after crashes, beside other programs, and with two writers."""

import json
from pathlib import Path

import pytest
import soundfile
from conftest import write_voice

from cache import fill, parts
from cache import update as update_module
from cache.entries import audio_path, read_signal
from cache.index import index_line, write_index
from cache.mark import CURRENT, TOOL, CacheError, CacheMark, read_mark
from cache.parts import read_index
from cache.update import update
from cache.utterances import UtteranceCache
from corpus.discovery import find_recordings


def build(folder: Path, corpus: Path):
    cache = UtteranceCache(folder)
    return cache, update(cache, find_recordings(corpus))


def stored(cache: UtteranceCache, *key: str) -> Path:
    return audio_path(cache.folder, cache.utterances[key].sha256)


def test_two_writers_keep_each_others_entries(tmp_path, corpus):
    write_voice(tmp_path / "other" / "new" / "x.wav")
    first, second = UtteranceCache(tmp_path / "cache"), UtteranceCache(tmp_path / "cache")
    assert second.utterances == {}  # what was read before the other one wrote
    update(first, find_recordings(corpus))
    update(second, find_recordings(tmp_path / "other"))
    found = map(str, UtteranceCache.open(tmp_path / "cache").speakers())
    assert list(found) == ["corpus/p225", "corpus/p226", "other/new"]


def test_a_folder_with_nothing_but_our_lock_is_not_foreign(tmp_path, corpus):
    (tmp_path / "cache").mkdir()  # as is left by a run killed before the mark was written
    (tmp_path / "cache" / ".lock").touch()
    assert build(tmp_path / "cache", corpus)[1].added == 4


def test_a_damaged_wav_is_made_again_as_its_error_says(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    stored(cache, "corpus", "p225", "p225_001").write_bytes(b"")  # not flushed before a power cut
    with pytest.raises(CacheError, match=r"--update_cache --audio_dir .* makes it again"):
        read_signal(cache.folder, cache.utterances["corpus", "p225", "p225_001"])
    assert build(cache.folder, corpus)[1].added == 1


@pytest.mark.parametrize("damage", [lambda wav: wav[:5000], lambda wav: wav[:5000] + b"\x55" + wav[5001:]])
def test_a_shortened_or_changed_wav_is_damaged(tmp_path, corpus, damage):
    cache, _ = build(tmp_path / "cache", corpus)
    path = stored(cache, "corpus", "p225", "p225_001")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CacheError, match="delete it, and"):
        read_signal(cache.folder, cache.utterances["corpus", "p225", "p225_001"])
    path.unlink()
    assert build(cache.folder, corpus)[1].added == 1


def test_a_wav_of_another_length_than_the_index_says_is_damaged(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    entry = cache.utterances["corpus", "p225", "p225_001"]
    with pytest.raises(CacheError, match="is damaged"):
        read_signal(cache.folder, entry._replace(samples=entry.samples - 1))


def test_a_repacked_recording_is_the_same_utterance(tmp_path, corpus):
    build(tmp_path / "cache", corpus)
    path = corpus / "p225" / "p225_001.flac"
    signal, rate = soundfile.read(path, dtype="int16")
    soundfile.write(path, signal, rate, compression_level=0.1)
    cache, report = build(tmp_path / "cache", corpus)
    assert (report.added, report.unchanged) == (0, 4)
    assert cache.utterances["corpus", "p225", "p225_001"].size == path.stat().st_size


def test_what_no_entry_names_is_deleted_by_the_next_run(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    entries = cache.utterances.values()
    write_index(cache.folder, [one for one in entries if one.speaker == "p225"])  # as when killed before the lines
    (corpus / "p226").rename(tmp_path / "aside")
    build(cache.folder, corpus)
    left = {path.stem for path in cache.folder.rglob("*.wav")}
    assert left == {one.sha256 for one in entries if one.speaker == "p225"}


def test_an_utterance_whose_file_and_recording_are_both_gone_is_told_and_forgotten(tmp_path, corpus, caplog):
    cache, _ = build(tmp_path / "cache", corpus)
    stored(cache, "corpus", "p225", "p225_001").unlink()
    (corpus / "p225" / "p225_001.flac").unlink()
    stored(cache, "corpus", "p225", "p225_002").unlink()
    cache, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (1, 2)
    assert "1 utterance is lost, with both file and recording gone: corpus/p225/p225_001" in caplog.text
    assert len(cache.utterances) == 3


def test_an_utterance_whose_file_alone_is_gone_waits_for_its_corpus(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    stored(cache, "corpus", "p225", "p225_001").unlink()
    write_voice(tmp_path / "other" / "new" / "x.wav")
    assert len(build(cache.folder, tmp_path / "other")[0].utterances) == 5
    assert build(cache.folder, corpus)[1].added == 1


def test_an_utterance_whose_recording_alone_is_gone_stays(tmp_path, corpus):
    build(tmp_path / "cache", corpus)
    (corpus / "p225" / "p225_001.flac").unlink()
    assert len(build(tmp_path / "cache", corpus)[0].utterances) == 4


def test_a_line_that_was_torn_does_not_tear_the_next_one(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    index = cache.folder / "index.jsonl"
    lines = index.read_text().splitlines(keepends=True)
    index.write_text("".join(lines[:2]) + lines[2][:40])

    def die(*_, **__):
        raise SystemExit  # as when killed before the index is replaced

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("cache.update._end", die)
        build(cache.folder, corpus)
    assert len(read_index(cache.folder)) == 4


@pytest.mark.parametrize("digest", ["../../../outside", "a" * 63, "A" * 64, "", "0" * 63 + "\n"])
def test_a_line_whose_digest_is_none_leads_nowhere(tmp_path, corpus, digest):
    cache, _ = build(tmp_path / "cache", corpus)
    entry = cache.utterances["corpus", "p225", "p225_001"]
    (cache.folder / "index.jsonl").write_text(index_line(entry._replace(sha256=digest)))
    assert read_index(cache.folder) == {}


@pytest.mark.parametrize(
    "field",
    [{"samples": "100"}, {"size": None}, {"start": "0"}, {"source": 5}, {"sha256": 5}, {"leading_blank_ms": ""}],
)
def test_a_line_with_a_field_of_another_type_is_ignored(tmp_path, corpus, field):
    cache, _ = build(tmp_path / "cache", corpus)
    entry = cache.utterances["corpus", "p225", "p225_001"]
    (cache.folder / "index.jsonl").write_text(index_line(entry) + index_line(entry._replace(utterance="x", **field)))
    assert read_index(cache.folder) == {entry.key: entry}


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029"])
def test_a_line_separator_in_a_name_does_not_tear_the_index(tmp_path, sign):
    write_voice(tmp_path / "corpus" / f"a{sign}b" / "x.wav")
    cache, _ = build(tmp_path / "cache", tmp_path / "corpus")
    assert UtteranceCache(cache.folder).utterances == cache.utterances


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        ({"format": 3, "settings": {"a": 1}}, CacheMark(TOOL, 3, {"a": 1})),
        ({"settings": {"format": 2}}, CacheMark(TOOL, 2, {"format": 2})),
        ({"format": "3", "settings": [3]}, CacheMark(TOOL, 0, {})),
        ({}, CacheMark(TOOL, 0, {})),
    ],
)
def test_what_a_mark_says_is_read_and_nonsense_in_it_is_another_version(tmp_path, said, mark):
    (tmp_path / "cache.json").write_text(json.dumps({"tool": TOOL, **said}))
    assert read_mark(tmp_path) == mark
    assert mark.is_current == (mark.format == 3)


def test_a_mark_is_written_once(tmp_path, corpus):
    build(tmp_path / "cache", corpus)
    assert read_mark(tmp_path / "cache") == CURRENT
    written = (tmp_path / "cache" / "cache.json").stat().st_mtime_ns
    build(tmp_path / "cache", corpus)
    assert (tmp_path / "cache" / "cache.json").stat().st_mtime_ns == written


def test_a_folder_with_our_lock_and_something_else_is_foreign(tmp_path, corpus):
    (tmp_path / "thesis").mkdir()
    for name in (".lock", "chapter.txt"):
        (tmp_path / "thesis" / name).touch()
    with pytest.raises(CacheError, match="holds files but is not a cache of this tool"):
        build(tmp_path / "thesis", corpus)


def test_another_programs_cache_json_is_foreign(tmp_path, corpus):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cache.json").write_text('{"npm": true}')
    with pytest.raises(CacheError):
        build(folder, corpus)
    assert (folder / "cache.json").read_text() == '{"npm": true}'


def test_a_recording_that_went_bad_keeps_what_was_cached_of_it_and_says_so(tmp_path, corpus):
    build(tmp_path / "cache", corpus)
    (corpus / "p225" / "p225_001.flac").write_bytes(b"no longer audio")
    cache, report = build(tmp_path / "cache", corpus)
    assert (report.added, len(report.skipped)) == (0, 1)
    assert report.skipped[0].reason.endswith("what was cached of it before is kept")
    assert ("corpus", "p225", "p225_001") in cache.utterances


def test_files_and_their_names_are_on_the_disk_before_the_index_and_the_old_ones_go(tmp_path, corpus, monkeypatch):
    build(tmp_path / "cache", corpus)
    (corpus / "p225" / "p225_001.flac").write_bytes((corpus / "p226" / "p226_001.flac").read_bytes())
    write_voice(corpus / "new" / "x.wav")
    done = []
    modules = ((fill, ["publish"]), (update_module, ["sync_folder", "delete_files"]), (parts, ["write_index"]))
    for module, names in modules:
        for name in names:
            original = getattr(module, name)
            monkeypatch.setattr(
                module, name, lambda *args, name=name, call=original: (done.append(name), call(*args))[1]
            )
    build(tmp_path / "cache", corpus)
    assert done[:2] == ["publish", "publish"]
    assert set(done[2:-2]) == {"sync_folder"}
    assert done[-2:] == ["write_index", "delete_files"]
