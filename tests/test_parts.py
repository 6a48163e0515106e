"""Large indexes, in parts: the same answers as a small one's, the same bytes whatever happened before, and no loss."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from conftest import copy_voices, write_voice

import storage.atomic
from cache import parts
from cache.entries import is_whole
from cache.index import INDEX, index_line, write_index
from cache.mark import FORMAT, SHARDED, read_mark
from cache.parts import PARTS_FOLDER, Index, forgotten_line, read_index
from cache.update import regenerate, update
from cache.utterances import UtteranceCache
from corpus.discovery import find_recordings
from corpus.recording import Speaker

SPEAKERS = ("p225", "p226", "p362")
FEW, MANY = 3, 1 << 20  # utterances up to which an index is one file


@pytest.fixture
def corpus(tmp_path) -> Path:
    return copy_voices(tmp_path / "corpus", SPEAKERS, 3)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(parts, "LARGE", FEW)


def build(folder: Path, corpus: Path, **options) -> UtteranceCache:
    cache = UtteranceCache(folder)
    update(cache, find_recordings(corpus), **options)
    return cache


def contents(folder: Path) -> dict[str, str]:
    """A digest of each file, by its path; but for the lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".lock"))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def part_files(folder: Path) -> list[Path]:
    return sorted((folder / PARTS_FOLDER).iterdir())


def test_a_large_cache_holds_what_a_small_one_does_in_parts_that_are_sorted(tmp_path, corpus, monkeypatch):
    cache = build(tmp_path / "large", corpus)
    monkeypatch.setattr(parts, "LARGE", MANY)
    small = build(tmp_path / "small", corpus)
    assert UtteranceCache.open(cache.folder).utterances == small.utterances
    assert [read_mark(one.folder).format for one in (cache, small)] == [SHARDED, FORMAT]
    assert not (small.folder / PARTS_FOLDER).exists()
    assert (cache.folder / INDEX).read_bytes() == b""
    lines = [path.read_text().splitlines() for path in part_files(cache.folder)]
    assert all(of_part == sorted(of_part) for of_part in lines)
    assert sum(map(len, lines)) == len(cache) == len(small) == 9
    assert cache.speakers() == small.speakers() == [Speaker("corpus", name) for name in SPEAKERS]
    for speaker in small.speakers():
        assert UtteranceCache(cache.folder).of_speaker(speaker) == small.of_speaker(speaker)
        assert sum(any(f'"{speaker.name}"' in line for line in of_part) for of_part in lines) == 1
    assert cache.of_speakers(set(small.speakers())) == sorted(small.utterances.values())
    assert cache.of_speaker(Speaker("corpus", "nobody")) == []


def test_the_bytes_depend_on_neither_history_nor_workers(tmp_path, corpus):
    at_once = build(tmp_path / "at-once", corpus, workers=2)
    for name in SPEAKERS:
        shutil.copytree(corpus / name, tmp_path / "grown" / "corpus" / name)
        grown = build(tmp_path / "cache", tmp_path / "grown" / "corpus")
    for folder in (at_once.folder, grown.folder):
        for path in part_files(folder):  # all but where the recordings are, and when they changed
            lines = map(json.loads, path.read_text().splitlines())
            same = [{**line, "place": "", "mtime_ns": 0} for line in lines]
            path.write_text(json.dumps(same))
    assert contents(grown.folder) == contents(at_once.folder)


def test_an_update_writes_the_parts_that_it_changes_and_no_others(tmp_path, corpus):
    cache = build(tmp_path / "cache", corpus)
    numbers = {cache.index.number_of(Speaker("corpus", name)) for name in SPEAKERS}
    assert len(numbers) == len(SPEAKERS)
    before = {path: path.stat().st_ino for path in (*part_files(cache.folder), cache.folder / INDEX)}
    build(cache.folder, corpus)
    assert {path: path.stat().st_ino for path in before} == before
    (corpus / "p226" / "p226_001.flac").write_bytes((corpus / "p362" / "p362_001.flac").read_bytes())
    build(cache.folder, corpus)
    changed = [path for path in part_files(cache.folder) if path.stat().st_ino != before[path]]
    assert [path.stem for path in changed] == [f"{cache.index.number_of(Speaker('corpus', 'p226')):02x}"]


def test_an_index_of_one_file_that_is_long_is_read_by_parts_and_written_in_parts(tmp_path, corpus, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(parts, "LARGE", MANY)
        small = build(tmp_path / "cache", corpus)
        expected = dict(small.utterances)
    lines = (small.folder / INDEX).read_text().splitlines(keepends=True)
    earlier = index_line(small.utterances["corpus", "p225", "p225_001"]._replace(size=1))
    (small.folder / INDEX).write_text("".join([earlier, "{torn\n", *reversed(lines), "\n"]))
    index = Index(small.folder)
    assert (len(index.numbers), index.is_sharded) == (parts.PARTS, False)
    assert read_index(small.folder) == expected
    assert (index.summary.count, index.summary.damaged) == (9, 1)
    assert UtteranceCache(small.folder).of_speaker(Speaker("corpus", "p225"))[0].size != 1
    cache = build(small.folder, corpus)
    assert cache.index.is_sharded
    assert read_index(small.folder) == expected


@pytest.mark.parametrize("damage", ["{torn\n", "[1, 2]\n", "\udcff", '{"speaker": "x"}\n'])
def test_a_damaged_line_of_a_part_costs_that_line(tmp_path, corpus, damage):
    cache = build(tmp_path / "cache", corpus)
    expected, before = read_index(cache.folder), contents(cache.folder)
    path = part_files(cache.folder)[0]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], damage, *lines[2:]]), errors="surrogateescape")
    assert len(read_index(cache.folder)) >= len(expected) - 2
    build(cache.folder, corpus)
    assert (read_index(cache.folder), contents(cache.folder)) == (expected, before)


def test_lines_beside_the_parts_count_for_more_and_can_take_back(tmp_path, corpus):
    cache = build(tmp_path / "cache", corpus)
    first, second, *_ = read_index(cache.folder).values()
    lines = [index_line(first._replace(size=1)), forgotten_line(second.key)]
    (cache.folder / INDEX).write_text("".join(lines))
    entries = read_index(cache.folder)
    assert (len(entries), entries[first.key].size) == (8, 1)
    assert second.key not in entries
    assert [one.size for one in UtteranceCache(cache.folder).of_speaker(first.whose)][:1] == [1]


def test_a_cache_that_has_become_small_is_one_file_again(tmp_path, corpus, monkeypatch):
    cache = build(tmp_path / "cache", corpus)
    for name in SPEAKERS[1:]:
        shutil.rmtree(corpus / name)
    regenerate(cache, find_recordings(corpus), sure=True)
    assert [one.speaker for one in read_index(cache.folder).values()] == ["p225"] * 3
    monkeypatch.setattr(parts, "LARGE", MANY)
    assert contents(build(tmp_path / "small", corpus).folder) == contents(cache.folder)


def grow(cache: Path, corpus: Path) -> None:
    build(cache, corpus)


def change(cache: Path, corpus: Path) -> None:
    content = (corpus / "p362" / "p362_002.flac").read_bytes()
    for name in SPEAKERS[:2]:
        path = corpus / name / f"{name}_001.flac"
        if path.read_bytes() != content:  # else its time would change
            path.write_bytes(content)
    build(cache, corpus)


def rename(cache: Path, corpus: Path) -> None:
    update(UtteranceCache(cache), find_recordings(corpus, corpus="other"))


def shrink(cache: Path, corpus: Path) -> None:
    for name in SPEAKERS[1:]:
        shutil.rmtree(corpus / name, ignore_errors=True)
    regenerate(UtteranceCache(cache), find_recordings(corpus), sure=True)


class Killed(BaseException):
    """Ends a run where it is."""


@pytest.mark.parametrize(
    ("run", "is_before"),
    [
        *((grow, True), (shrink, False)),
        *(pytest.param(*case, marks=pytest.mark.long) for case in ((grow, False), (change, True), (change, False))),
        *(pytest.param(*case, marks=pytest.mark.long) for case in ((rename, True), (rename, False), (shrink, True))),
    ],
)
def test_a_run_that_ends_before_or_after_any_file_gets_its_name_loses_nothing(
    tmp_path, corpus, monkeypatch, run, is_before
):
    with monkeypatch.context() as patch:
        patch.setattr(parts, "LARGE", MANY if run is grow else FEW)
        earlier = build(tmp_path / "earlier", corpus)
    old = read_index(earlier.folder)
    if run is grow:
        write_index(earlier.folder, [entry for entry in old.values() if entry.speaker == "p225"])
        old = read_index(earlier.folder)
    shutil.copytree(earlier.folder, tmp_path / "undisturbed")
    run(tmp_path / "undisturbed", corpus)
    new, complete = read_index(tmp_path / "undisturbed"), contents(tmp_path / "undisturbed")
    assert new != old
    for count in range(1000):
        cache = Path(shutil.copytree(earlier.folder, tmp_path / "killed"))
        with monkeypatch.context() as patch:
            was_killed = kill_at(count, is_before, patch)
            try:
                run(cache, corpus)
            except Killed:
                assert was_killed
        entries = read_index(cache)
        assert entries.items() <= old.items() | new.items()
        assert run is shrink or old.keys() <= entries.keys() or new.keys() <= entries.keys()
        assert new.keys() <= entries.keys() or run in (grow, rename)
        assert all(is_whole(cache, entry) for entry in entries.values())
        run(cache, corpus)
        assert (read_index(cache), contents(cache)) == (new, complete)
        shutil.rmtree(cache)
        if not was_killed:
            break
    assert 2 < count < 999


def kill_at(count: int, is_before: bool, patch) -> list[Path]:
    """Let the process die as the file of that number gets its name; returns what tells whether it did."""
    publish, named, killed = storage.atomic.publish, [], []

    def publish_or_die(temporary: Path, path: Path) -> None:
        named.append(path)
        if len(named) > count and not killed and is_before:
            killed.append(path)
            raise Killed
        publish(temporary, path)
        if len(named) > count and not killed:
            killed.append(path)
            raise Killed

    patch.setattr(storage.atomic, "publish", publish_or_die)
    return killed


def test_parts_that_a_killed_run_has_left_beside_a_small_index_are_deleted(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(parts, "LARGE", MANY)
    cache = build(tmp_path / "cache", corpus)
    before = contents(cache.folder)
    (cache.folder / PARTS_FOLDER).mkdir()
    stray = index_line(cache.utterances["corpus", "p225", "p225_001"]._replace(speaker="stray"))
    (cache.folder / PARTS_FOLDER / "00.jsonl").write_text(stray)
    assert len(read_index(cache.folder)) == 9
    build(cache.folder, corpus)
    assert contents(cache.folder) == before


def test_a_new_corpus_beside_a_large_one_leaves_that_as_it_is(tmp_path, corpus):
    cache = build(tmp_path / "cache", corpus)
    before = dict(cache.utterances)
    write_voice(tmp_path / "other" / "new" / "x.wav")
    build(cache.folder, tmp_path / "other")
    assert read_index(cache.folder).items() - before.items() == {
        (("other", "new", "x"), UtteranceCache(cache.folder).of_speaker(Speaker("other", "new"))[0])
    }
