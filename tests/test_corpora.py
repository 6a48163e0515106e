"""Whose corpus it is, when folders share names, move, or are looked at from elsewhere."""

import os
import re
import shutil
from pathlib import Path

import pytest
from angles import made_up
from conftest import write_voice

from cache import fill
from cache.corpora import settle_names
from cache.entries import read_signal
from cache.index import write_index
from cache.mark import CacheError
from cache.parts import Index, read_index
from cache.update import CacheReport, regenerate, update
from cache.utterances import UtteranceCache
from commands.cache import _places_above
from corpus.discovery import find_recordings
from corpus.listing import Listing
from corpus.manifest import read_manifest
from corpus.recording import Recording


def speak(folder: Path, *names: str, seed: int = 0, time: int = 10**9) -> Path:
    """Recordings of equal size and time, whose content differs by seed and name."""
    for name in names:
        path = write_voice(folder / f"{name}.wav", seed=[seed, *name.encode()])
        os.utime(path, ns=(0, time))
    return folder


def cached(folder: Path, audio_dir: Path, **options) -> dict[str, bytes]:
    """Update a cache, and what it holds then: samples by corpus, speaker and utterance."""
    cache = UtteranceCache(folder)
    known = _places_above(audio_dir, cache)
    is_manifest = audio_dir.is_file()
    listing = read_manifest(audio_dir, **options) if is_manifest else find_recordings(audio_dir, known=known, **options)
    update(cache, listing)
    assert read_index(folder) == cache.utterances
    return {"/".join(key): read_signal(folder, one).tobytes() for key, one in cache.utterances.items()}


def test_two_corpora_of_equal_names_sizes_and_times_are_two(tmp_path):
    one, two = (speak(tmp_path / place / "corpus", "ann/a", "bob/b", seed=seed) for seed, place in enumerate("xy"))
    held = cached(tmp_path / "cache", one)
    both = cached(tmp_path / "cache", two)
    assert both.keys() == {"corpus/ann/a", "corpus/bob/b", "y/corpus/ann/a", "y/corpus/bob/b"}
    assert held.items() <= both.items()
    assert len(set(both.values())) == 4
    assert cached(tmp_path / "cache", one) == cached(tmp_path / "cache", two) == both


def test_a_root_and_a_folder_below_it_are_two_corpora(tmp_path):
    root = speak(tmp_path / "libri", "ann/ann_a", "more/libri/ann/ann_a")
    assert cached(tmp_path / "cache", root).keys() == {"libri/ann/ann_a", "more/libri/ann/ann_a"}
    assert len(set(cached(tmp_path / "cache", root / "more").values())) == 2


@pytest.mark.parametrize("first, second", [("", "libri/train"), ("libri/train", ""), ("libri", "libri/train/ann")])
def test_a_look_from_above_or_from_within_is_a_look_at_the_same(tmp_path, first, second):
    speak(tmp_path / "corpora", "libri/train/ann/ann_a", "libri/train/bob/bob_b")
    before = cached(tmp_path / "cache", tmp_path / "corpora" / first)
    speak(tmp_path / "corpora", "libri/train/ann/ann_c")
    after = cached(tmp_path / "cache", tmp_path / "corpora" / second)
    assert before.items() <= after.items()
    assert len(after) == 3
    assert len({name.rpartition("/")[0].rpartition("/")[0] for name in after}) == 1


@pytest.mark.parametrize("above", ["", "corpora"])
def test_a_renamed_corpus_goes_by_its_new_name(tmp_path, above):
    root = tmp_path / above
    speak(root / "old", "ann/a", "ann/b", "bob/a")
    before = cached(tmp_path / "cache", root / "old" if not above else root)
    (root / "old" / "ann" / "b.wav").unlink()
    (root / "old").rename(root / "new")
    after = cached(tmp_path / "cache", root / "new" if not above else root)
    assert after == {name.replace("old", "new", 1): samples for name, samples in before.items()}


def test_a_moved_corpus_is_not_decoded_again_twice_and_its_times_do_not_matter(tmp_path):
    speak(tmp_path / "x" / "c", "ann/a", "bob/b")
    before = cached(tmp_path / "cache", tmp_path / "x" / "c")
    shutil.move(tmp_path / "x", tmp_path / "y")
    speak(tmp_path / "y" / "c", "ann/a", "bob/b", time=2 * 10**9)
    assert cached(tmp_path / "cache", tmp_path / "y" / "c") == before
    cache = UtteranceCache(tmp_path / "cache")
    assert {one.place for one in cache.utterances.values()} == {str(tmp_path / "y" / "c")}
    assert update(cache, find_recordings(tmp_path / "y")) == CacheReport(0, 2, 0, (), ())


def test_a_corpus_or_a_recording_that_was_moved_or_renamed_is_not_decoded_into_the_cache_again(tmp_path, monkeypatch):
    speak(tmp_path / "x" / "c", "anna/day1/1", "ben/day1/1")
    cached(tmp_path / "cache", tmp_path / "x" / "c")
    (tmp_path / "x").rename(tmp_path / "y")
    monkeypatch.setattr(fill, "make_entry", lambda *_, **__: pytest.fail("it is decoded"))
    assert cached(tmp_path / "cache", tmp_path / "y" / "c").keys() == {"c/anna/day1/1", "c/ben/day1/1"}
    whose = {"speaker_from": -1}
    assert cached(tmp_path / "cache", tmp_path / "y" / "c", **whose).keys() == {"anna/day1/1", "ben/day1/1"}


def test_a_corpus_of_which_only_a_part_says_the_same_is_another(tmp_path):
    before = cached(tmp_path / "cache", speak(tmp_path / "x" / "c", "ann/a", "bob/b"))
    (tmp_path / "x").rename(tmp_path / "unmounted")
    speak(tmp_path / "y" / "c", "ann/a")
    after = cached(tmp_path / "cache", speak(tmp_path / "y" / "c", "bob/b", seed=1))
    assert before.items() <= after.items()
    assert after.keys() == before.keys() | {"y/c/ann/a", "y/c/bob/b"}


def test_another_corpus_in_the_place_of_one_that_is_not_there_now_is_another(tmp_path):
    before = cached(tmp_path / "cache", speak(tmp_path / "x" / "c", "ann/a", "bob/b"))
    (tmp_path / "x").rename(tmp_path / "unmounted")
    after = cached(tmp_path / "cache", speak(tmp_path / "y" / "c", "ann/a", "bob/b", seed=1))
    assert before.items() <= after.items()
    assert after.keys() == before.keys() | {"y/c/ann/a", "y/c/bob/b"}
    (tmp_path / "unmounted").rename(tmp_path / "x")
    assert cached(tmp_path / "cache", tmp_path / "x" / "c") == after


def test_a_copy_beside_the_original_is_told(tmp_path, caplog):
    cached(tmp_path / "cache", speak(tmp_path / "x" / "c", "ann/a", "bob/b"))
    shutil.copytree(tmp_path / "x" / "c", tmp_path / "copy")
    assert len(cached(tmp_path / "cache", tmp_path / "copy")) == 4
    message = "2 recordings have the same samples as a recording of another speaker, as c/ann/a and copy/ann/a"
    assert message in caplog.text


def test_it_is_told_which_corpora_have_moved_have_other_names_or_were_not_seen(tmp_path, caplog):
    caplog.set_level("INFO", "cache")
    cached(tmp_path / "cache", speak(tmp_path / "x" / "c", "ann/a", "ann/b", "bob/b"))
    (tmp_path / "x").rename(tmp_path / "y")
    cached(tmp_path / "cache", tmp_path / "y" / "c")
    assert caplog.messages == [
        f"the recordings of {tmp_path}/x/c are in {tmp_path}/y/c now",
        "3 utterances have other names now",
    ]
    caplog.clear()
    other = find_recordings(speak(tmp_path / "z" / "c", "ann/a", seed=1))
    regenerate(UtteranceCache(tmp_path / "cache"), other)
    assert caplog.messages == [
        f"the corpus in {tmp_path}/z/c goes by the name of z/c",
        f"3 utterances stay, whose recordings were not seen or not chosen, of {tmp_path}/y/c",
    ]


def test_a_run_that_is_killed_has_given_the_entries_their_new_names(tmp_path, monkeypatch):
    cached(tmp_path / "cache", speak(tmp_path / "old", "ann/a", "bob/b"))
    (tmp_path / "old").rename(tmp_path / "new")
    monkeypatch.setattr("cache.update.fill", lambda *_, **__: pytest.exit("killed"))
    with pytest.raises(pytest.exit.Exception):
        cached(tmp_path / "cache", tmp_path / "new")
    assert read_index(tmp_path / "cache").keys() == {("new", "ann", "a"), ("new", "bob", "b")}


def test_a_name_that_the_user_gives_counts(tmp_path):
    speak(tmp_path / "x" / "c", "ann/a")
    before = cached(tmp_path / "cache", tmp_path / "x" / "c")
    after = cached(tmp_path / "cache", tmp_path / "x" / "c", corpus="mine")
    assert after == {"mine/ann/a": before["c/ann/a"]}
    speak(tmp_path / "y" / "d", "ann/a", seed=1)
    with pytest.raises(CacheError, match=r"mine/ann/a is cached from .*x/c/ann/a\.wav, and .*y/d/ann/a\.wav would"):
        cached(tmp_path / "cache", tmp_path / "y" / "d", corpus="mine")
    (tmp_path / "y" / "d" / "ann" / "a.wav").rename(tmp_path / "y" / "d" / "ann" / "z.wav")
    joined = cached(tmp_path / "cache", tmp_path / "y" / "d", corpus="mine")
    assert joined.keys() == {"mine/ann/a", "mine/ann/z"}  # as the user says: they are of one corpus


def test_a_manifest_elsewhere_gives_the_files_it_describes_the_names_it_says(tmp_path):
    corpora = speak(tmp_path / "x", "c/ann/a", "d/bob/b")
    before = cached(tmp_path / "cache", corpora)
    manifest = tmp_path / "lists" / "m.csv"
    manifest.parent.mkdir()
    manifest.write_text(f"path,speaker,utterance\n{corpora}/c/ann/a.wav,ann,first\n")
    cache = UtteranceCache(tmp_path / "cache")
    update(cache, read_manifest(manifest, corpus="d"))
    assert cache.utterances.keys() == {("d", "ann", "first"), ("d", "bob", "b")}
    assert update(cache, read_manifest(manifest, corpus="c")).skipped == ()
    assert cache.utterances.keys() == {("c", "ann", "first"), ("d", "bob", "b")}
    assert read_signal(cache.folder, cache.utterances["c", "ann", "first"]).tobytes() == before["c/ann/a"]


@pytest.mark.parametrize("taken", [["c"], ["c", "root/c"]])
def test_a_corpus_has_as_much_of_its_path_as_its_name_needs_and_more_can_not_be_had(tmp_path, taken):
    known = [made_up(name, "ann", "a")._replace(place=f"/elsewhere/{name}", sha256="0" * 64) for name in taken]
    write_index(tmp_path, known)
    index = Index(tmp_path)
    listing = Listing(Path("/c"), [Recording("c", "bob", "b", "", "/c", "bob/b.wav")], "")
    if "root/c" not in taken:
        assert settle_names(index, listing)[1] == {"/c": "root/c"}
    else:
        with pytest.raises(CacheError, match="no name is left for the corpus in /c; give it one with --corpus"):
            settle_names(index, listing)


def test_whoever_is_said_to_speak_last_speaks(tmp_path):
    speak(tmp_path / "c", "anna/day1/1", "anna/day2/1", "ben/day1/1")
    sessions = cached(tmp_path / "cache", tmp_path / "c")
    folders = cached(tmp_path / "cache", tmp_path / "c", speaker_from=-1)
    assert sessions.keys() == {"c/anna/day1/1", "c/anna/day2/1", "c/ben/day1/1"}
    assert folders.keys() == {"anna/day1/1", "anna/day2/1", "ben/day1/1"}
    assert set(folders.values()) == set(sessions.values())
    with pytest.raises(
        CacheError, match=r"3 recordings are cached as of other speakers: .* as of anna/day1, and it now"
    ):
        cached(tmp_path / "cache", tmp_path / "c")
    assert cached(tmp_path / "cache", tmp_path / "c", speaker_from=1) == sessions


def test_a_renamed_recording_or_speaker_is_not_cached_twice(tmp_path):
    root = speak(tmp_path / "c", "ann/a", "ann/b", "bob/a")
    before = cached(tmp_path / "cache", root)
    (root / "ann" / "a.wav").rename(root / "ann" / "z.wav")
    (root / "bob").rename(root / "bert")
    after = cached(tmp_path / "cache", root)
    names = {"c/ann/a": "c/ann/z", "c/ann/b": "c/ann/b", "c/bob/a": "c/bert/a"}
    assert after == {names[name]: samples for name, samples in before.items()}


def test_a_recording_that_was_deleted_stays_though_another_one_says_the_same(tmp_path):
    root = speak(tmp_path / "c", "ann/a", "bob/b")
    shutil.copy(root / "ann" / "a.wav", root / "ann" / "copy.wav")
    assert len(cached(tmp_path / "cache", root)) == 3
    (root / "bob" / "b.wav").unlink()
    assert len(cached(tmp_path / "cache", root)) == 3
    (root / "ann" / "a.wav").unlink()
    assert len(cached(tmp_path / "cache", root)) == 3  # its copy has been there before


def test_a_recording_that_is_not_listed_but_there_stays_though_another_one_says_the_same(tmp_path):
    root = speak(tmp_path / "c", "ann/a")
    shutil.copy(root / "ann" / "a.wav", root / "ann" / "copy.wav")
    before = cached(tmp_path / "cache", root)
    only_the_copy = re.compile("(?P<speaker>ann)/(?P<utterance>copy)")
    assert cached(tmp_path / "cache", root, speaker_from=only_the_copy) == before
    (root / "ann" / "a.wav").unlink()
    unseen = find_recordings(root, speaker_from=only_the_copy)
    unseen = Listing(unseen.root, unseen.recordings, "", unreadable=(root / "ann",))
    cache = UtteranceCache(tmp_path / "cache")
    update(cache, unseen)
    assert len(cache.utterances) == 2


def test_a_second_file_of_one_stem_makes_no_third_entry(tmp_path):
    speak(tmp_path / "c", "ann/a")
    cached(tmp_path / "cache", tmp_path / "c")
    write_voice(tmp_path / "c" / "ann" / "a.flac", seed=5)
    both = cached(tmp_path / "cache", tmp_path / "c")
    assert both.keys() == {"c/ann/a.flac", "c/ann/a.wav"}
    (tmp_path / "c" / "ann" / "a.flac").unlink()
    regenerate(UtteranceCache(tmp_path / "cache"), find_recordings(tmp_path / "c"), sure=True)
    assert cached(tmp_path / "cache", tmp_path / "c") == {"c/ann/a": both["c/ann/a.wav"]}


def test_a_part_of_a_corpus_is_understood_as_the_corpus_is(tmp_path):
    speak(tmp_path / "rooms", *(f"{name}/{room}/1" for name in ("anna", "bob") for room in ("kitchen", "garden")))
    before = cached(tmp_path / "cache", tmp_path / "rooms")
    assert before.keys() >= {"rooms/anna/kitchen/1", "rooms/bob/garden/1"}
    assert cached(tmp_path / "cache", tmp_path / "rooms" / "anna") == before
    speak(tmp_path / "rooms", "dora/kitchen/1", "anna/kitchen/2")
    after = cached(tmp_path / "cache", tmp_path / "rooms" / "dora")
    assert after.keys() == before.keys() | {"rooms/dora/kitchen/1"}
    assert cached(tmp_path / "cache", tmp_path / "rooms" / "anna" / "kitchen").keys() == after.keys() | {
        "rooms/anna/kitchen/2"
    }


def test_manifests_in_one_folder_are_corpora_of_their_own(tmp_path):
    for name, seed in (("libri", 1), ("vox", 2)):
        speak(tmp_path / name, "1", "2", seed=seed)
        (tmp_path / f"{name}.csv").write_text(f"path,speaker\n{name}/1.wav,s1\n{name}/2.wav,s1\n")
    libri = cached(tmp_path / "cache", tmp_path / "libri.csv")
    both = cached(tmp_path / "cache", tmp_path / "vox.csv")
    assert libri.items() <= both.items()
    assert both.keys() == {"libri/s1/1", "libri/s1/2", "vox/s1/1", "vox/s1/2"}
    named = cached(tmp_path / "cache", tmp_path / "vox.csv", corpus="mine")
    assert libri.items() <= named.items()
    assert named.keys() == {"libri/s1/1", "libri/s1/2", "mine/s1/1", "mine/s1/2"}


def test_a_manifest_of_what_is_cached_tears_nobody_apart(tmp_path):
    speak(tmp_path / "corp", "anna/1", "anna/2", "bob/1")
    before = cached(tmp_path / "cache", tmp_path / "corp")
    clean = tmp_path / "ls" / "clean.csv"
    clean.parent.mkdir()
    clean.write_text(f"path,speaker\n{tmp_path}/corp/anna/1.wav,anna\n")
    assert cached(tmp_path / "cache", clean) == before
    write_voice(tmp_path / "ls" / "x.wav")
    clean.write_text(clean.read_text() + "x.wav,bob\n")
    with pytest.raises(CacheError, match=r"1 of the manifest's 2 recordings is cached as of corp; say with --corpus"):
        cached(tmp_path / "cache", clean)
    assert cached(tmp_path / "cache", clean, corpus="corp").keys() == before.keys() | {"corp/bob/x"}


def test_a_label_does_not_take_another_recordings_place(tmp_path):
    speak(tmp_path / "corp", "anna/1", "bob/1")
    before = cached(tmp_path / "cache", tmp_path / "corp")
    manifest = tmp_path / "corp" / "m.csv"
    manifest.write_text("path,speaker\nanna/1.wav,bob\n")
    with pytest.raises(CacheError, match=r"corp/bob/1 is cached from .*corp/bob/1\.wav, and .*anna/1\.wav would"):
        cached(tmp_path / "cache", manifest)
    assert cached(tmp_path / "cache", tmp_path / "corp") == before


def test_one_equal_recording_moves_no_corpus(tmp_path):
    speak(tmp_path / "A", "s1/tone", "s1/a", "s2/a")
    speak(tmp_path / "B", "s1/other", "s2/other", seed=9)
    shutil.copy(tmp_path / "A" / "s1" / "tone.wav", tmp_path / "B" / "s1" / "tone.wav")
    before = cached(tmp_path / "cache", tmp_path / "A")
    (tmp_path / "A").rename(tmp_path / "A.off")
    after = cached(tmp_path / "cache", tmp_path / "B")
    assert before.items() <= after.items()
    assert len(after) == len(before) + 3


def test_a_part_that_moves_takes_nobody_with_it(tmp_path):
    speak(tmp_path / "P", "s1/a", "s2/a", "s3/a")
    before = cached(tmp_path / "cache", tmp_path / "P")
    (tmp_path / "Q").mkdir()
    (tmp_path / "P" / "s1").rename(tmp_path / "Q" / "s1")
    assert cached(tmp_path / "cache", tmp_path / "Q") == before | {"Q/s1/a": before["P/s1/a"]}


def test_a_corpus_that_moved_and_changed_a_little_is_the_same(tmp_path):
    speak(tmp_path / "R", *(f"s{n}/{n}" for n in range(8)))
    before = cached(tmp_path / "cache", tmp_path / "R")
    (tmp_path / "R").rename(tmp_path / "R2")
    speak(tmp_path / "R2", "s3/3", seed=7)
    after = cached(tmp_path / "cache", tmp_path / "R2")
    assert after.keys() == {name.replace("R", "R2") for name in before}


def test_a_corpus_that_moved_while_the_settings_changed_is_the_same(tmp_path):
    speak(tmp_path / "R", "s1/1", "s2/2")
    before = cached(tmp_path / "cache", tmp_path / "R")
    entries = UtteranceCache(tmp_path / "cache").utterances.values()
    write_index(tmp_path / "cache", [one._replace(made_with="00000000") for one in entries])
    (tmp_path / "R").rename(tmp_path / "R2")
    assert cached(tmp_path / "cache", tmp_path / "R2").keys() == {name.replace("R", "R2") for name in before}
    assert len(UtteranceCache.open(tmp_path / "cache").utterances) == 2


@pytest.mark.parametrize("real_paths", [True, False], ids=["links are resolved", "another spelling stays one"])
def test_a_link_to_a_corpus_is_that_corpus(tmp_path, monkeypatch, real_paths):
    if not real_paths:  # as on macOS with another case of a letter, of which realpath knows nothing
        monkeypatch.setattr("cache.corpora.os.path.realpath", lambda place: place)
    speak(tmp_path / "c", "ann/a", "bob/b")
    before = cached(tmp_path / "cache", tmp_path / "c")
    (tmp_path / "link").symlink_to(tmp_path / "c")
    assert cached(tmp_path / "cache", tmp_path / "link") == before


def test_places_that_the_user_made_one_corpus_share_no_names(tmp_path):
    for corpus in "AB":
        speak(tmp_path / "j" / corpus, f"s1/{corpus}", seed=ord(corpus))
        before = cached(tmp_path / "cache", tmp_path / "j" / corpus, corpus="X")
    for corpus in "AB":
        speak(tmp_path / "j" / corpus, "s1/9", seed=ord(corpus))
    with pytest.raises(CacheError, match="two recordings of one corpus would be called '9'"):
        cached(tmp_path / "cache", tmp_path / "j")
    assert read_index(tmp_path / "cache").keys() == {tuple(name.split("/")) for name in before}


def test_a_move_into_a_taken_name_costs_nobody_the_entry(tmp_path):
    before = cached(tmp_path / "cache", speak(tmp_path / "A", "s1/1", seed=1), corpus="X")
    before = cached(tmp_path / "cache", speak(tmp_path / "B", "s1/1", seed=2), corpus="Y")
    (tmp_path / "B").rename(tmp_path / "C")
    with pytest.raises(CacheError, match=r"has moved, and would be called X/s1/1 as .*A/s1/1\.wav is"):
        cached(tmp_path / "cache", tmp_path / "C", corpus="X")
    assert cached(tmp_path / "cache", tmp_path / "A") == before


def test_of_two_corpora_one_moves_to_a_place(tmp_path):
    for name, seed in (("o1", 1), ("o2", 2)):
        speak(tmp_path / name, "s1/1", "s1/2", "s1/3")
        before = cached(tmp_path / "cache", speak(tmp_path / name, "s1/x", seed=seed))
    shutil.copytree(tmp_path / "o1", tmp_path / "n")
    (tmp_path / "n" / "s1" / "x.wav").unlink()
    for name in ("o1", "o2"):
        (tmp_path / name).rename(tmp_path / f"{name}.off")
    after = cached(tmp_path / "cache", tmp_path / "n")
    assert sorted(after.values()) == sorted(before.values())


def test_a_speakers_own_folder_makes_no_corpus_of_what_is_beside_it(tmp_path):
    speak(tmp_path / "me", "solo/1", "corpA/anna/1", "corpA/bob/1", "corpB/anna/1", "corpB/bob/1")
    cached(tmp_path / "cache", tmp_path / "me" / "solo")
    after = cached(tmp_path / "cache", tmp_path / "me" / "corpA")
    assert after.keys() == {"me/solo/1", "corpA/anna/1", "corpA/bob/1"}


def test_manifests_of_one_name_in_two_folders_are_two_corpora(tmp_path):
    for folder, seed in (("x", 1), ("y", 2)):
        speak(tmp_path / folder, f"{folder}1", seed=seed)
        (tmp_path / folder / "train.csv").write_text(f"path,speaker\n{folder}1.wav,s1\n")
        both = cached(tmp_path / "cache", tmp_path / folder / "train.csv")
    assert both.keys() == {"train/s1/x1", "y/train.csv/s1/y1"}


def test_a_manifest_may_grow_and_be_read_again(tmp_path):
    speak(tmp_path, "1", "2", "3")
    manifest = tmp_path / "one.csv"
    manifest.write_text("path,speaker\n1.wav,a/s1\n2.wav,b/s1\ngone.wav,s2\n")
    first = cached(tmp_path / "cache", manifest)
    assert first.keys() == {"one/a/s1/1", "one/b/s1/2"}
    assert cached(tmp_path / "cache", manifest) == first
    manifest.write_text(manifest.read_text() + "3.wav,a/s1\n")
    assert cached(tmp_path / "cache", manifest).keys() == {*first, "one/a/s1/3"}


def test_a_manifest_that_described_a_corpus_may_speak_of_other_files_later(tmp_path):
    speak(tmp_path / "c", "s1/1")
    before = cached(tmp_path / "cache", tmp_path / "c")
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,speaker\nc/s1/1.wav,s1\n")
    assert cached(tmp_path / "cache", manifest) == before
    speak(tmp_path / "o", "7", seed=7)
    manifest.write_text("path,speaker\no/7.wav,s1\n")
    assert cached(tmp_path / "cache", manifest).keys() == {*before, "m/s1/7"}


def test_a_name_that_some_of_a_place_have_is_taken(tmp_path):
    speak(tmp_path / "R", "s1/1", "s1/2", "s2/1")
    cached(tmp_path / "cache", tmp_path / "R")
    cached(tmp_path / "cache", tmp_path / "R" / "s2", corpus="Y")
    after = cached(tmp_path / "cache", speak(tmp_path / "o" / "Y", "s2/other", seed=3))
    assert after.keys() == {"R/s1/1", "R/s1/2", "Y/s2/1", "o/Y/s2/other"}
