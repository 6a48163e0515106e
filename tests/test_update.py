"""The utterance cache keeps what is current, redoes what is not, and touches nothing else."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import copy_voices, write_tone, write_voice

from audio.decode import decode
from audio.utterance import utterance_in
from cache import update as update_module
from cache.entries import audio_path, read_signal
from cache.index import Utterance, write_index
from cache.mark import SHARDED, TOOL, CacheError
from cache.parts import read_index
from cache.update import CacheReport, regenerate, update
from cache.utterances import UtteranceCache
from cache.wav_files import wav_files
from corpus.discovery import find_recordings
from corpus.listing import Listing, in_order
from corpus.manifest import read_manifest
from corpus.recording import Speaker
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
    return cache, update(cache, find_recordings(corpus), workers)


def audio_state(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in (folder / "audio").rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def index_lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "index.jsonl").read_text("utf-8").splitlines()]


def test_an_entry_for_each_recording_in_order(tmp_path, corpus):
    cache, report = build(tmp_path / "cache", corpus)
    assert (report.added, report.unchanged, report.skipped) == (4, 0, ())
    assert cache.speakers() == [Speaker("corpus", "p225"), Speaker("corpus", "p226")]
    assert [entry.utterance for entry in cache.of_speaker(Speaker("corpus", "p226"))] == ["p226_001", "p226_002"]
    assert cache.of_speaker(Speaker("other", "p226")) == []
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
    names = {"corpus": "vctk", "speaker": "p225", "utterance": "p225_001", "session": ""}
    names |= {"source": "p225/p225_001.flac", "place": str(tmp_path / "corpora" / "vctk")}
    names |= {"start": None, "end": None, "channel": None}
    assert len(line.pop("made_with")) == 8
    assert line == {**names, "size": source.stat().st_size, "mtime_ns": source.stat().st_mtime_ns}


def test_what_is_cached_is_the_voiced_part_of_the_recording(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    for entry in cache.utterances.values():
        voiced = utterance_in(decode(entry.path))
        signal = read_signal(cache.folder, entry)
        assert signal.dtype == np.int16
        np.testing.assert_array_equal(signal, voiced.signal)
        assert (8 * entry.leading_blank_ms, 8 * entry.trailing_blank_ms) == (voiced.leading, voiced.trailing)


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
    write_voice(corpus / "new" / "x.wav")
    _, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (1, 4)
    assert [line["speaker"] for line in index_lines(cache.folder)] == ["new", "p225", "p225", "p226", "p226"]
    after = audio_state(cache.folder)
    assert {name: after[name] for name in before} == before
    assert len(after) == 5


def test_update_redoes_a_recording_that_changed_and_not_one_that_was_touched(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    before, old = audio_state(cache.folder), cache.utterances["corpus", "p226", "p226_001"]
    path = corpus / "p225" / "p225_001.flac"
    os.utime(path, ns=(0, 1_000_000_000))
    shutil.copyfile(corpus / "p226" / "p226_002.flac", corpus / "p226" / "p226_001.flac")
    cache, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (1, 3)
    assert cache.utterances["corpus", "p225", "p225_001"].mtime_ns == 1_000_000_000
    entries = [cache.utterances["corpus", "p226", f"p226_00{number}"] for number in (1, 2)]
    assert entries[0].sha256 == entries[1].sha256 != old.sha256
    assert audio_state(cache.folder).keys() == before.keys() - {f"audio/{old.sha256[:2]}/{old.sha256}.wav"}


def test_entries_of_another_corpus_stay(tmp_path, corpus):
    build(tmp_path / "cache", corpus)
    write_voice(tmp_path / "other" / "new" / "x.wav")
    cache, report = build(tmp_path / "cache", tmp_path / "other")
    assert (report.added, report.unchanged) == (1, 0)
    assert list(map(str, cache.speakers())) == ["corpus/p225", "corpus/p226", "other/new"]


def test_a_missing_wav_is_made_again(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    entry = cache.utterances["corpus", "p225", "p225_001"]
    path = audio_path(cache.folder, entry.sha256)
    before = path.read_bytes()
    path.unlink()
    with pytest.raises(CacheError, match=rf"of corpus/p225, p225_001\) is gone or .*--audio_dir {corpus} makes"):
        read_signal(cache.folder, entry)
    _, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (1, 3)
    assert path.read_bytes() == before


@pytest.mark.parametrize("torn", TORN_LINES)
def test_a_torn_line_costs_its_own_utterance_only(tmp_path, corpus, torn):
    cache, _ = build(tmp_path / "cache", corpus)
    index = cache.folder / "index.jsonl"
    whole = index.read_bytes()
    index.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]) + torn)
    cache, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (1, 3)
    assert index.read_bytes() == whole


def test_a_line_with_a_channel_that_nobody_can_ask_for_is_damaged(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    first, *others = cache.utterances.values()
    write_index(cache.folder, [first._replace(channel="left"), *(one._replace(channel="mix") for one in others)])
    assert read_index(cache.folder).keys() == {one.key for one in others}


def test_bad_files_are_skipped_with_their_reason(tmp_path, corpus):
    bad = corpus / "bad"
    write_tone(bad / "cut.flac", seconds=1)
    (bad / "cut.flac").write_bytes((bad / "cut.flac").read_bytes()[:1000])
    (bad / "text.wav").write_text("not audio")
    write_tone(bad / "none.wav", seconds=0)
    write_tone(bad / "short.wav", seconds=0.05)
    soundfile.write(bad / "nan.wav", np.full(8000, np.nan), 8000, subtype="FLOAT")
    soundfile.write(bad / "quiet.wav", np.tile(np.array([1, -1], np.int16), 8000), 8000)
    soundfile.write(bad / "constant.wav", np.full(8000, 9000, np.int16), 8000)
    (bad / "dangling.wav").symlink_to(tmp_path / "nowhere.wav")
    (bad / "endless.wav").symlink_to("/dev/zero")
    os.mkfifo(bad / "pipe.wav")
    cache, report = build(tmp_path / "cache", corpus)
    reasons = {skipped.path.name: skipped.reason for skipped in report.skipped}
    assert report.added == 4
    assert Speaker("corpus", "bad") not in cache.speakers()
    words = {"cut.flac": "not readable", "text.wav": "not readable", "none.wav": "empty", "short.wav": "too short: "}
    words |= {
        "nan.wav": "NaN",
        "quiet.wav": "silent",
        "constant.wav": "silent",
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


def test_no_name_reaches_a_path(tmp_path):
    write_voice(tmp_path / "corpus" / "x" / "a.wav")
    (given,) = find_recordings(tmp_path / "corpus").recordings
    speakers = ["..", ".", "/etc", "..\\x", "a\0b", "Zoë", "王 " * 90, "CON", "a%2Fb", "a b", "a\udce9b"]
    triples = [(c, s, u) for c in ("c", "../..", "/") for s in speakers for u in ("..", "../../../up", "/tmp/x")]
    recordings = [given._replace(corpus=c, speaker=s, utterance=u, start=0.0, end=0.7 + n / 1000)
                  for n, (c, s, u) in enumerate(triples) if c == "c"]  # fmt: skip
    cache = UtteranceCache(tmp_path / "deep" / "er" / "cache")
    assert update(cache, Listing(tmp_path / "corpus", in_order(recordings), "")).added == len(recordings)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "corpus" not in path.parts]
    assert all(path.is_relative_to(cache.folder) for path in files)
    written = {path.relative_to(cache.folder).as_posix() for path in cache.folder.rglob("*.wav")}
    assert all(re.fullmatch("audio/([0-9a-f]{2})/\\1[0-9a-f]{62}.wav", name) for name in written)
    assert UtteranceCache.open(cache.folder).utterances.keys() == {one.key for one in recordings}


def test_regenerating_leaves_a_link_that_stands_in_a_lost_entrys_place(tmp_path, tiny_cache, corpus):
    path = audio_path(tiny_cache.folder, tiny_cache.utterances["corpus", "p362", "p362_001"].sha256)
    path.rename(tmp_path / "elsewhere.wav")
    path.symlink_to(tmp_path / "elsewhere.wav")
    regenerate(tiny_cache, without(tiny_cache, "p362"), sure=True)
    assert path.is_symlink()
    assert (tmp_path / "elsewhere.wav").exists()


def test_stored_are_files_of_our_names_in_their_own_folders_and_no_links(tmp_path):
    digests = [f"{front:0<64}" for front in ("ab1", "ab2", "ab3", "abc")]
    path = audio_path(tmp_path, digests[0])
    elsewhere = tmp_path / "elsewhere" / path.name.replace("ab1", "cd0")
    others = (path.with_name("notes.wav"), path.with_name(f"{'ba':0<64}.wav"), tmp_path / f"audio/abc/{digests[3]}.wav")
    for file in (path, elsewhere, *others):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"12345")
    (tmp_path / "audio" / "ef").touch()
    (tmp_path / "audio" / "cd").symlink_to(elsewhere.parent, target_is_directory=True)
    audio_path(tmp_path, digests[1]).symlink_to(elsewhere)
    audio_path(tmp_path, digests[2]).mkdir()
    assert wav_files(tmp_path) == {digests[0]: 5}


def without(cache: UtteranceCache, speaker: str) -> Listing:
    """What the cache's corpus would be listed as, had one of its speakers gone."""
    (place,) = {entry.place for entry in cache.utterances.values()}
    listing = find_recordings(Path(place))
    return Listing(listing.root, [one for one in listing.recordings if one.speaker != speaker], "")


def test_regenerating_makes_everything_anew_and_deletes_lost_entries_and_nothing_else(tiny_cache):
    folder = tiny_cache.folder
    (folder / "staging").mkdir()
    temporary_name(folder / "staging").touch()
    foreign = ["notes.txt", ".tmp-mine", "audio/00/mine.wav", "audio/holiday/mine.wav", "runs/one/last.npz"]
    foreign += ["audio/p225/p225_001.wav"]  # as format 2 named them
    foreign += [f"audio/holiday/{'0' * 64}.wav", f"audio/01/{'0' * 64}.wav"]
    foreign = [folder / name for name in (*foreign, "full_inputs.pkl", "runs/one/.tmp-checkpoint")]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    before = audio_state(folder)
    lost = {entry.sha256 for entry in tiny_cache.of_speaker(Speaker("corpus", "p362"))}
    report = regenerate(tiny_cache, without(tiny_cache, "p362"), sure=True)
    assert (report.added, report.unchanged, report.deleted) == (10, 0, 5)
    after = {name: state for name, state in audio_state(folder).items() if folder / name not in foreign}
    assert len(after) == 10
    assert not [name for name in after if Path(name).stem in lost]
    assert all(content == before[name][1] and changed > before[name][0] for name, (changed, content) in after.items())
    assert all(path.exists() for path in foreign)
    left = {path for path in folder.rglob("*") if path.is_file() and "audio" not in path.parts}
    assert {path.name for path in left.difference(foreign)} == {"cache.json", "index.jsonl", ".lock"}
    assert UtteranceCache(folder).utterances == tiny_cache.utterances


def test_regenerating_leaves_alone_what_it_did_not_look_at(tmp_path, tiny_cache, corpus):
    folder = tiny_cache.folder
    known = dict(tiny_cache.utterances)
    report = regenerate(tiny_cache, find_recordings(corpus), sure=True)
    assert (report.added, report.deleted) == (4, 0)  # of another place, though of equal names
    assert known.items() <= read_index(folder).items()
    (place,) = {entry.place for entry in known.values()}
    report = regenerate(tiny_cache, find_recordings(Path(place) / "p225"), sure=True)
    assert (report.added, report.deleted) == (5, 0)
    assert known.items() <= read_index(folder).items()


def test_what_is_there_and_no_longer_named_is_deleted_only_if_that_is_sure(tmp_path, corpus):
    lines = [f"{path.relative_to(corpus)},{path.parent.name}" for path in sorted(corpus.rglob("*.flac"))]
    manifest = corpus / "m.csv"
    cache = UtteranceCache(tmp_path / "cache")
    for named, sure, kept in ((4, False, 4), (3, False, 4), (3, True, 3)):
        manifest.write_text("\n".join(["path,speaker", *lines[:named]]))
        regenerate(cache, read_manifest(manifest), sure=sure)
        assert len(UtteranceCache(cache.folder).utterances) == kept


@pytest.mark.parametrize("count, gone, refused", [(4, 1, False), (7, 2, True), (5, 3, True)])  # a quarter at most
def test_a_suspiciously_large_share_is_not_deleted_unless_that_is_sure(tmp_path, count, gone, refused):
    corpus = copy_voices(tmp_path / "corpus", ("p225",), count)
    cache, _ = build(tmp_path / "cache", corpus)
    before = audio_state(cache.folder)
    for number in range(gone):
        (corpus / "p225" / f"p225_00{number + 1}.flac").unlink()
    listing = find_recordings(corpus)
    if refused:
        with pytest.raises(
            CacheError, match=rf"{gone} of {count} cached recordings are no longer in {corpus}.*add --yes"
        ):
            regenerate(cache, listing)
        assert audio_state(cache.folder) == before
    assert regenerate(cache, listing, sure=refused) == CacheReport(count - gone, 0, gone, (), ())
    assert len(audio_state(cache.folder)) == count - gone


def test_what_is_in_a_folder_that_can_not_be_read_stays(tmp_path, corpus, monkeypatch):
    cache, _ = build(tmp_path / "cache", corpus)
    known = dict(cache.utterances)
    listing = find_recordings(corpus)
    seen = [one for one in listing.recordings if one.speaker == "p225"]
    hidden = Listing(listing.root, seen, "", unreadable=(corpus / "p226",))
    assert regenerate(cache, hidden, sure=True).deleted == 0
    assert known.keys() == read_index(cache.folder).keys()


def test_a_corpus_with_nothing_left_in_it_stays_whatever_is_said(tmp_path):
    for name in ("vctk", "libri"):
        copy_voices(tmp_path / "corpora" / name, ("p225",), 2)
    cache, _ = build(tmp_path / "cache", tmp_path / "corpora")
    shutil.rmtree(tmp_path / "corpora" / "libri" / "p225")  # as the mount point of a disk
    assert regenerate(cache, find_recordings(tmp_path / "corpora"), sure=True).deleted == 0
    assert len(UtteranceCache(cache.folder).utterances) == 4


def test_a_corpus_that_goes_before_anything_is_deleted_costs_nothing(tmp_path, corpus, monkeypatch):
    cache, _ = build(tmp_path / "cache", corpus)
    (corpus / "p225" / "p225_001.flac").unlink()
    listing = find_recordings(corpus)
    make = update_module.fill

    def fill_and_unmount(*args, **options):
        filled = make(*args, **options)
        shutil.rmtree(corpus)
        corpus.mkdir()
        return filled

    monkeypatch.setattr(update_module, "fill", fill_and_unmount)
    with pytest.raises(FileNotFoundError, match="has gone while it was read"):
        regenerate(cache, listing)
    assert len(read_index(cache.folder)) == 4


@pytest.mark.parametrize("is_left", [True, False])
def test_a_corpus_that_goes_while_it_is_read_is_an_error_and_a_recording_that_does_is_skipped(
    tmp_path, corpus, is_left
):
    cache, _ = build(tmp_path / "cache", corpus)
    write_voice(corpus / "new" / "x.wav")
    listing = find_recordings(corpus)
    shutil.rmtree(corpus / "new" if is_left else corpus)
    corpus.mkdir(exist_ok=True)
    if is_left:
        assert [skipped.path.name for skipped in update(cache, listing).skipped] == ["x.wav"]
    else:
        with pytest.raises(
            FileNotFoundError, match=f"{corpus} has gone while it was read; what was cached so far is kept"
        ):
            update(cache, listing)
    assert len(read_index(cache.folder)) == 4


def test_a_corpus_of_nothing_usable_costs_nobody_the_old_cache(tmp_path, tiny_cache):
    (tmp_path / "bad" / "p225").mkdir(parents=True)
    (tmp_path / "bad" / "p225" / "p225_001.wav").write_text("not audio")
    before = audio_state(tiny_cache.folder)
    with pytest.raises(CacheError, match="of 1 recording, none can be used: not readable as audio"):
        regenerate(tiny_cache, find_recordings(tmp_path / "bad"))
    assert audio_state(tiny_cache.folder) == before
    assert len(UtteranceCache(tiny_cache.folder).utterances) == 15


def test_a_foreign_folder_is_refused_and_stays_as_it_is(tmp_path, corpus):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "index.jsonl").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place in (folder, tmp_path / "file"):
        for action in (update, regenerate):
            with pytest.raises(CacheError, match=r"is a file|not a cache"):
                action(UtteranceCache(place), find_recordings(corpus))
    assert [path.name for path in folder.iterdir()] == ["index.jsonl"]
    assert (folder / "index.jsonl").read_text() == (tmp_path / "file").read_text() == "mine"


def test_entries_of_other_settings_are_made_again_and_those_of_other_corpora_wait(tmp_path, corpus):
    write_voice(tmp_path / "other" / "new" / "x.wav")
    cache, _ = build(tmp_path / "cache", corpus)
    build(cache.folder, tmp_path / "other")
    outdated = [one._replace(made_with="00000000") for one in UtteranceCache(cache.folder).utterances.values()]
    write_index(cache.folder, outdated)
    with pytest.raises(CacheError, match=r"5 of 5 utterances .* with other settings; .*from .*corpus, .*other"):
        UtteranceCache.open(cache.folder)
    _, report = build(cache.folder, corpus)
    assert (report.added, report.unchanged) == (0, 4)  # they say the same, so that only the index changes
    with pytest.raises(CacheError, match=f"1 of 5 utterances .* from {tmp_path / 'other'}$"):
        UtteranceCache.open(cache.folder)
    build(cache.folder, tmp_path / "other")
    assert len(UtteranceCache.open(cache.folder).utterances) == 5


@pytest.mark.parametrize("gap", ["link", "empty folder", "unreadable"])
def test_where_a_disk_may_belong_nothing_is_gone(tmp_path, gap, monkeypatch):
    corpus = copy_voices(tmp_path / "corpus", tuple(f"p2{number}" for number in range(25, 34)), 1)
    cache, _ = build(tmp_path / "cache", corpus)
    shutil.rmtree(corpus / "p225")
    if gap == "link":
        (corpus / "p225").symlink_to(tmp_path / "not mounted")
    elif gap == "empty folder":
        (corpus / "p225").mkdir()
    else:
        lstat = Path.lstat

        def refuse(path):
            if path.parent.name == "p225":
                raise PermissionError(13, "Permission denied", str(path))
            return lstat(path)

        monkeypatch.setattr(Path, "lstat", refuse)
    assert regenerate(cache, find_recordings(corpus)).deleted == 0
    assert len(read_index(cache.folder)) == 9
    monkeypatch.undo()
    if gap != "unreadable":
        path = corpus / "p225"
        path.unlink() if gap == "link" else path.rmdir()
    assert regenerate(cache, find_recordings(corpus)).deleted == 1


def test_another_microphone_leaves_what_was_cached_unless_that_is_to_go(tmp_path):
    for number in (1, 2):
        for utterance in range(3):
            write_voice(tmp_path / "c" / "p225" / f"p225_00{utterance}_mic{number}.wav", seed=10 * number + utterance)
    cache, _ = build(tmp_path / "cache", tmp_path / "c")
    listing = find_recordings(tmp_path / "c", "mic2")
    assert regenerate(cache, listing).deleted == 0
    assert regenerate(cache, listing, sure=True).deleted == 3
    assert {one.utterance[-4:] for one in cache.utterances.values()} == {"mic2"}


def test_a_cache_of_a_newer_version_is_left_alone(tmp_path, corpus):
    cache, _ = build(tmp_path / "cache", corpus)
    mark = json.loads((cache.folder / "cache.json").read_text())
    (cache.folder / "cache.json").write_text(json.dumps({**mark, "format": SHARDED + 1}))
    before = audio_state(cache.folder)
    with pytest.raises(CacheError, match=r"made by a newer version of this tool, of format 5; use that"):
        build(cache.folder, corpus)
    with pytest.raises(CacheError, match="made by another version"):
        UtteranceCache.open(cache.folder)
    assert audio_state(cache.folder) == before


def test_an_earlier_cache_of_two_folders_is_not_made_again_from_one(tmp_path, corpus):
    folder = tmp_path / "cache"
    old = folder / "audio" / "s9" / "x.wav"
    old.parent.mkdir(parents=True)
    old.touch()
    (folder / "index.jsonl").write_text(json.dumps({"speaker": "s9", "utterance": "x"}) + "\n")
    roots = [str(corpus / "p225"), str(tmp_path / "unmounted")]
    (folder / "cache.json").write_text(json.dumps({"tool": TOOL, "settings": {"format": 2}, "filled_from": roots}))
    (tmp_path / "unmounted").mkdir()  # as its mount point
    for looked_at in (corpus, tmp_path):
        with pytest.raises(CacheError, match=f"and from {tmp_path / 'unmounted'} too, which would be lost"):
            build(folder, looked_at)
    assert old.exists()
    assert update(UtteranceCache(folder), find_recordings(corpus), sure=True).added == 4
    assert not old.exists()


def test_a_cache_of_the_format_before_is_made_again_and_the_command_says_so(tmp_path, corpus, caplog):
    folder = tmp_path / "cache"
    (folder / "audio" / "J%2E%20R").mkdir(parents=True)
    longest, longer = "u" * 120, "u" * 121
    short = f"{longest}-{hashlib.sha256(longer.encode()).hexdigest()[:16]}"
    old = [folder / "audio" / "J%2E%20R" / f"{name}.wav" for name in ("x%2Fy", longest, short)]
    mine = folder / "audio" / "J%2E%20R" / "mine.wav"
    emptied = folder / "audio" / "Kim"
    emptied.mkdir()
    for path in (*old, mine, emptied / "x.wav"):
        path.touch()
    line = {"speaker": "J. R", "utterance": "x/y", "corpus": "", "source": "x", "size": 1, "mtime_ns": 1}
    lines = [json.dumps({**line, "utterance": name}) for name in ("x/y", longest, longer)]
    lines += ["[1]", "{}", '{"speaker": 1, "utterance": []}', json.dumps({**line, "speaker": "Kim", "utterance": "x"})]
    (folder / "index.jsonl").write_bytes(b"\xff\xfe\n" + "\n".join(lines).encode())
    (folder / "cache.json").write_text(json.dumps({"tool": TOOL, "settings": {"format": 2}, "filled_from": []}))
    with pytest.raises(CacheError, match=r"by another version of this tool; --update_cache makes it again"):
        UtteranceCache.open(folder)
    cache, report = build(folder, corpus)
    assert report.added == 4
    assert "every utterance is done again" in caplog.text
    assert not any(path.exists() for path in (*old, emptied))
    assert mine.exists()
    assert UtteranceCache.open(folder).utterances == cache.utterances
    assert len(index_lines(folder)) == 4


@pytest.mark.skipif(os.name != "posix", reason="names of bytes are POSIX's")
def test_a_name_that_is_not_utf_8_is_cached_and_comes_back(tmp_path, corpus):
    path = Path(os.fsdecode(os.fsencode(corpus) + b"/p\xe9/caf\xe9.wav"))
    path.parent.mkdir()
    write_voice(tmp_path / "x.wav").rename(path)
    cache, report = build(tmp_path / "cache", corpus)
    assert (report.added, report.skipped) == (5, ())
    entry = UtteranceCache.open(cache.folder).utterances["corpus", "p\udce9", "caf\udce9"]
    assert os.fsencode(entry.path) == os.fsencode(path)
    assert build(cache.folder, corpus)[1].unchanged == 5
