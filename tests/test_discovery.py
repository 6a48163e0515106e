"""Whose recordings a folder holds: by layouts, folders or a rule. (Empty files will do: only names are looked at.)"""

import os
import re
from pathlib import Path

import pytest

from corpus.discovery import find_recordings
from corpus.recording import CorpusError
from corpus.walk import Walk

SUFFIXES = ("wav", "flac", "mp3", "ogg", "opus", "aiff", "aif", "au", "w64", "caf", "rf64", "sph", "WAV", "Flac",
            "aifc", "oga", "snd", "wave", "m4a", "MP4", "aac", "wma", "webm", "amr", "3gp", "mka",
            "mkv", "mov", "ac3")  # fmt: skip


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(root: Path, *options, **more) -> list[tuple[str, str, str]]:
    """(corpus, speaker, utterance) of each; "." for a corpus that goes by its root's name."""
    listing = find_recordings(root, *options, **more)
    name = root.resolve().name if ".." in root.parts else root.absolute().name
    return [("." if one.corpus == name else one.corpus, one.speaker, one.utterance) for one in listing.recordings]


def speakers(root: Path, **options) -> set[str]:
    return {f"{one.corpus}/{one.speaker}" for one in find_recordings(root, **options).recordings}


@pytest.mark.parametrize(
    "microphone, expected",
    [
        ((), ["p225_001_mic1"]),
        (("mic1",), ["p225_001_mic1"]),
        (("mic2",), ["p225_001_mic2"]),
        (("both",), ["p225_001_mic1", "p225_001_mic2"]),
    ],
)
def test_vctk_0_92_has_two_microphones(tmp_path, microphone, expected):
    make(tmp_path, *(f"wav48_silence_trimmed/p225/p225_001_mic{n}.flac" for n in (1, 2)))
    assert found(tmp_path, *microphone) == [(".", "p225", utterance) for utterance in expected]


def test_a_vctk_speaker_copied_elsewhere_keeps_one_microphone(tmp_path):
    make(tmp_path, *(f"p225/p225_001_mic{n}.flac" for n in (1, 2)), "p225/p225_002_mic2.flac")
    assert found(tmp_path) == [(".", "p225", "p225_001_mic1"), (".", "p225", "p225_002_mic2")]
    assert found(tmp_path, "mic2") == [(".", "p225", "p225_001_mic2"), (".", "p225", "p225_002_mic2")]


def test_a_corpus_with_a_second_microphone_only_is_found(tmp_path):
    make(tmp_path, "alice/meeting_mic2.wav")
    assert found(tmp_path) == [(".", "alice", "meeting_mic2")]


@pytest.mark.parametrize("root", ["", "wav48_silence_trimmed", "wav48_silence_trimmed/p280"])
def test_a_vctk_speaker_without_the_microphone_is_left_out(tmp_path, root):
    make(tmp_path, "wav48_silence_trimmed/p280/p280_001_mic1.flac")
    with pytest.raises(CorpusError, match=r"of 1 recording in .*, none is of mic2; see --microphone"):
        find_recordings(tmp_path / root, "mic2")


def test_speakers_with_the_microphone_are_found_beside_those_without(tmp_path):
    make(tmp_path, *(f"wav48_silence_trimmed/p{n}/p{n}_001_mic{n % 2 + 1}.flac" for n in (224, 225, 226)))
    assert found(tmp_path) == [(".", "p224", "p224_001_mic1"), (".", "p226", "p226_001_mic1")]


def test_libri_like_names_in_other_folders_are_files_of_those_folders(tmp_path):
    make(tmp_path, "alice/1-2-3.wav", "198/19/19-198-0001.flac")
    assert found(tmp_path) == [("198", "19", "19-198-0001"), (".", "alice", "1-2-3")]


@pytest.mark.parametrize("above", ["", "a", "a/b c/d"])
def test_any_depth_will_do(tmp_path, above):
    make(tmp_path, *(str(Path(above, name, f"{name}_1.WAV")) for name in ("alice", "bob")))
    assert found(tmp_path) == [(above or ".", "alice", "alice_1"), (above or ".", "bob", "bob_1")]


def test_corpora_beside_each_other_go_by_their_folders_and_equal_names_are_two_speakers(tmp_path):
    make(tmp_path, *(f"{corpus}/s{n}/{n}.wav" for corpus in ("libri", "so") for n in (1, 2)))
    assert speakers(tmp_path) == {"libri/s1", "libri/s2", "so/s1", "so/s2"}
    assert speakers(tmp_path / "libri") == {"libri/s1", "libri/s2"}


@pytest.mark.parametrize("end", ["", "/", "/.", "/../alice/"])
def test_the_root_may_be_a_speakers_own_folder(tmp_path, end):
    make(tmp_path, "corpus/alice/x.wav")
    (recording,) = find_recordings(Path(f"{tmp_path}/corpus/alice{end}")).recordings
    assert (recording.corpus, recording.speaker, recording.utterance) == ("corpus", "alice", "x")
    assert Path(recording.place).samefile(tmp_path / "corpus")
    assert recording.source == "alice/x.wav"


def test_the_root_may_be_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(make(tmp_path / "corpus" / "alice", "x.wav"))
    assert found(Path()) == [("corpus", "alice", "x")]


@pytest.mark.parametrize("speaker", ["Mary Ann", "J. R. R.", "a_b_c", "Zoë", "王", "wav", "p225.wav", "~", "%2F"])
def test_speakers_may_have_any_name(tmp_path, speaker):
    make(tmp_path, f"{speaker}/one two.3_4.wav")
    assert found(tmp_path) == [(".", speaker, "one two.3_4")]


def test_place_and_source_lead_to_the_file(tmp_path):
    make(tmp_path, "a/bob/bob.wav")
    (recording,) = find_recordings(tmp_path).recordings
    assert (recording.place, recording.source) == (str(tmp_path / "a"), "bob/bob.wav")
    assert recording.path.samefile(tmp_path / "a" / "bob" / "bob.wav")
    assert recording.path.is_absolute()


def test_files_of_one_stem_all_get_their_suffix(tmp_path):
    make(tmp_path, "alice/x.flac", "alice/x.wav", "other/alice/alice.wav", "other/alice/alice.flac", "alice/y.wav")
    assert [one.utterance for one in find_recordings(tmp_path).recordings] == [
        "alice.flac",
        "alice.wav",
        "x.flac",
        "x.wav",
        "y",
    ]


def test_names_that_look_like_a_second_stem_stay_apart(tmp_path):
    make(tmp_path / "alice", "a.flac", "a.wav", "a.wav.flac", "a.wav.wav")
    assert len({one.key for one in find_recordings(tmp_path / "alice").recordings}) == 4


def test_what_shares_a_name_even_with_its_suffix_goes_by_its_path(tmp_path):
    make(tmp_path / "alice", "a.flac", "a.wav", "a.wav.ogg", "b.wav")
    utterances = [utterance for *_, utterance in found(tmp_path / "alice")]
    assert utterances == ["a.flac", "alice/a.wav", "alice/a.wav.ogg", "b"]


def test_the_order_does_not_depend_on_the_order_of_creation(tmp_path):
    names = [f"{speaker}/{number}.wav" for speaker in "abc" for number in range(5)]
    make(tmp_path / "one" / "x", *names)
    make(tmp_path / "two" / "x", *reversed(names))
    assert found(tmp_path / "one" / "x") == found(tmp_path / "two" / "x")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["anna/monday/1", "anna/tuesday/1", "ben/friday/1"], "./anna:monday ./anna:tuesday ./ben:friday"),
        (["anna/Monday/1", "ben/SUNDAY/1", "ben/home/1"], "./anna:Monday ./ben:SUNDAY ./ben:home"),  # two of three
        (["anna/monday/1", "ben/home/1"], "anna/monday: ben/home:"),  # a half is not most
        (["anna/2019-03-01/1", "ben/20190302/1"], "./anna:2019-03-01 ./ben:20190302"),
        (["anna/car/1", "ben/car/1", "ben/home/2", "cid/home/1"], "./anna:car ./ben:car ./ben:home ./cid:home"),
        (["anna/1", "anna/extra/2", "ben/1", "ben/more/2"], "./anna: ./anna:extra ./ben: ./ben:more"),
        (["anna/x/anna_1", "ben/y/ben_1"], "./anna:x ./ben:y"),
        (["c/anna/1", "c/ben/1"], "c/anna: c/ben:"),
        (["c/anna/1", "d/anna/1", "d/ben/1", "d/cid/1", "c/dee/1"], "c/anna: c/dee: d/anna: d/ben: d/cid:"),
        (["anna/day1/day1_1", "ben/day1/day1_1"], "./anna:day1 ./ben:day1"),
        (["anna/anna_mon/anna_mon_1", "ben/ben_tue/ben_tue_1"], "./anna:anna_mon ./ben:ben_tue"),
        (["corp/anna/corp_1", "corp/bob/corp_2"], "corp/anna: corp/bob:"),
        (["train/p225/p225_1", "test/p225/p225_1", "test/anna/1"], "./anna: ./p225:"),
        (["train/p225/p225_1", "test/p226/p226_1"], "test/p226: train/p225:"),
        (["libri/s1/s1_1", "so/s1/s1_1"], "libri/s1: so/s1:"),
        (["c/jo/jo_1", "d/jo/jo_1"], "c/jo: d/jo:"),
        (["c/jo/jo_1", "c/jo/x", "d/jo/jo_1", "d/jo/x"], "./c:jo ./d:jo"),  # not all files are named after jo
        (["c/a/apple", "d/a/ant"], "./c:a ./d:a"),  # one letter proves nothing
        (["c/s1/1", "d/s1/1"], "c/s1: d/s1:"),
        (["c/S1/1", "d/S1/1"], "c/S1: d/S1:"),
    ],
)  # fmt: skip
def test_sessions_are_told_from_corpora(tmp_path, names, expected):
    make(tmp_path, *(f"{name}.wav" for name in names))
    recordings = find_recordings(tmp_path).recordings
    corpora = {tmp_path.name: "."}
    whose = [f"{corpora.get(one.corpus, one.corpus)}/{one.speaker}:{one.session}" for one in recordings]
    assert sorted(set(whose)) == sorted(expected.split())


def test_recordings_of_the_parts_of_a_corpus_are_one_speakers(tmp_path):
    make(tmp_path, "train/p225/1.wav", "test/p225/1.wav")
    assert found(tmp_path) == [(".", "p225", "test/1"), (".", "p225", "train/1")]
    assert "a part of the corpus and a speaker, which makes 1 speaker" in find_recordings(tmp_path).description


@pytest.mark.parametrize(
    "folders", [("part01", "part02"), ("200101", "200102"), ("rec1", "rec2"), ("call-1", "call-2")]
)
def test_a_roots_own_folders_are_speakers_unless_they_are_named_like_days(tmp_path, folders):
    make(tmp_path, *(f"{folder}/1.wav" for folder in folders))
    assert [speaker for _, speaker, _ in found(tmp_path)] == sorted(folders)


def test_a_folder_named_like_vctk_s_alone_makes_no_vctk(tmp_path):
    make(tmp_path, "anna/wav48/day1/1.wav", "anna/wav48/day2/1.wav")
    listing = find_recordings(tmp_path)
    assert {(one.speaker, one.session) for one in listing.recordings} == {("wav48", "day1"), ("wav48", "day2")}
    assert "--speaker_from -1" in listing.description


def test_recordings_of_sessions_are_named_by_them(tmp_path):
    make(tmp_path, "anna/monday/1.wav", "anna/tuesday/1.wav")
    assert found(tmp_path) == [(".", "anna", "monday/1"), (".", "anna", "tuesday/1")]
    assert found(tmp_path / "anna") == [(tmp_path.name, "anna", "monday/1"), (tmp_path.name, "anna", "tuesday/1")]


def test_a_speakers_own_folder_is_known_by_its_sessions_whatever_is_deeper(tmp_path):
    make(tmp_path / "anna", "monday/1.wav", "guests/ben/2.wav")
    assert found(tmp_path / "anna") == [("guests", "ben", "2"), (tmp_path.name, "anna", "monday/1")]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["anna/monday/1", "ben/friday/1"], "a speaker and a session, which makes 2 speakers; --speaker_from -1"),
        (["c/anna/1", "c/ben/1"], "a corpus and a speaker, which makes 2 speakers; --speaker_from -2 makes it 1"),
        (["c/s1/1", "d/s1/1"], "a corpus and a speaker, which makes 2 speakers; --speaker_from -2 makes it 2"),
        (["c/s1/1", "d/s2/1"], ""),
        (["c/anna/anna_1", "c/ben/ben_1"], ""),
        (["anna/x/anna_1", "ben/y/ben_1"], "a speaker and a session, which makes 2 speakers; --speaker_from -1"),
        (["anna/1", "ben/1"], ""),
    ],
)
def test_what_could_be_read_in_two_ways_is_told_in_a_line(tmp_path, names, said):
    make(tmp_path, *(f"{name}.wav" for name in names))
    how = find_recordings(tmp_path).description
    assert f"{len(names)} recordings of {len(names)} speakers, read as a folder per speaker" in how
    assert said in how
    assert ("--speaker_from" in how) == bool(said)
    assert "\n" not in how


def test_recordings_beside_the_inner_folders_are_a_sign_and_no_proof(tmp_path):
    make(tmp_path, "anna/1.wav", "anna/extra/2.wav")
    remark = (
        "anna/extra in .* is taken for a speaker and a session, which makes 1 speaker; --speaker_from -1 makes it 1,"
    )
    assert re.search(remark, find_recordings(tmp_path).description)


@pytest.mark.parametrize(
    ("speaker_from", "expected"),
    [
        (1, "./anna:day1 ./ben:day1"),
        (-2, "./anna:day1 ./ben:day1"),
        (2, "anna/day1: ben/day1:"),
        (-1, "anna/day1: ben/day1:"),
        (re.compile(r"^(?P<speaker>.)"), "./a: ./b:"),
        (re.compile(r"(?P<speaker>[^/]+)/(?P<session>[^/]+)/(?P<utterance>\d)"), "./anna:day1 ./ben:day1"),
        (re.compile(r"(?P<speaker>anna)"), "./anna:"),
        (re.compile(r"(?P<speaker>.*)/"), "{root}/anna/day1: {root}/ben/day1:"),
    ],
)
def test_the_user_decides_who_speaks(tmp_path, speaker_from, expected):
    make(tmp_path, "anna/day1/1.wav", "ben/day1/1.wav")
    listing = find_recordings(tmp_path, speaker_from=speaker_from)
    corpora = {tmp_path.name: "."}
    whose = [f"{corpora.get(one.corpus, one.corpus)}/{one.speaker}:{one.session}" for one in listing.recordings]
    assert whose == expected.format(root=tmp_path.name).split()
    said = speaker_from if isinstance(speaker_from, int) else speaker_from.pattern
    left = " (1 file left out, as it names no speaker of theirs)" if len(whose) == 1 else ""
    assert listing.description.endswith(f"read as --speaker_from {said} says{left}")
    assert all(one.path.is_file() for one in listing.recordings)


@pytest.mark.parametrize(
    ("speaker_from", "expected"),
    [
        (1, (".", "anna", "day1/1.a")),
        (2, ("anna", "day1", "1.a")),
        (re.compile("(?P<speaker>[a-z]+)"), (".", "anna", "anna/day1/1.a")),
        (re.compile(r"(?P<speaker>[a-z]+).*(?P<utterance>\d)"), (".", "anna", "1")),
    ],
)
def test_an_utterance_goes_by_what_follows_the_speaker_or_by_the_path_or_as_the_pattern_says(
    tmp_path, speaker_from, expected
):
    make(tmp_path, "anna/day1/1.a.wav")
    assert found(tmp_path, speaker_from=speaker_from) == [expected]


def test_a_speaker_a_b_of_a_pattern_is_of_the_part_a_which_has_a_place_of_its_own(tmp_path):
    make(tmp_path, "anna/day1/1.wav")
    (recording,) = find_recordings(tmp_path, speaker_from=re.compile("(?P<speaker>.*)/")).recordings
    assert recording[:3] == (f"{tmp_path.name}/anna", "day1", "anna/day1/1")
    assert (recording.place, recording.source) == (str(tmp_path / "anna"), str(tmp_path / "anna" / "day1" / "1.wav"))


@pytest.mark.parametrize("speaker_from", [0, 3, -3, re.compile("(?P<speaker>carl)")])
def test_a_level_or_pattern_that_tells_nobody_is_an_error(tmp_path, speaker_from):
    make(tmp_path, "anna/day1/1.wav", "ben/day1/1.wav")
    with pytest.raises(CorpusError, match=r"2 files left out.*no recording in .* is left"):
        find_recordings(tmp_path, speaker_from=speaker_from)


def test_the_only_corpus_may_be_named(tmp_path):
    make(tmp_path, "libri/19/19_1.wav", "so/s1/s1_1.wav")
    assert speakers(tmp_path / "so", corpus="ocean") == {"ocean/s1"}
    with pytest.raises(CorpusError, match="expected one corpus in"):
        find_recordings(tmp_path, corpus="ocean")


def test_links_that_form_a_loop_are_not_followed(tmp_path):
    make(tmp_path, "alice/x.wav")
    (tmp_path / "alice" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "alice" / "self.wav").symlink_to(tmp_path / "alice" / "self.wav")
    assert found(tmp_path) == [(".", "alice", "self"), (".", "alice", "x")]


def test_a_linked_folder_is_followed_and_one_that_is_there_itself_keeps_its_own_name(tmp_path):
    make(tmp_path, "store/7f3a/x.wav", "corpus/zoe/x.wav")
    (tmp_path / "corpus" / "bob").symlink_to(tmp_path / "store" / "7f3a", target_is_directory=True)
    (tmp_path / "corpus" / "alias").symlink_to(tmp_path / "corpus" / "zoe", target_is_directory=True)
    assert found(tmp_path / "corpus") == [(".", "bob", "x"), (".", "zoe", "x")]


@pytest.mark.parametrize(("names", "is_left_alone"), [
    (["cache.json", "index.jsonl"], True),
    (["cache.json", "index.jsonl", ".lock", "notes.wav"], True),
    (["cache.json"], False),
    (["index.jsonl"], False),
])  # fmt: skip
def test_a_cache_within_the_corpus_is_no_corpus(tmp_path, names, is_left_alone):
    make(tmp_path, "alice/x.wav", "cache/audio/ab/ab12.wav", *(f"cache/{name}" for name in names))
    assert (found(tmp_path) == [(".", "alice", "x")]) == is_left_alone


def test_a_link_to_a_recording_is_the_speakers_whose_folder_holds_it(tmp_path):
    make(tmp_path, "store/blob.wav")
    make(tmp_path, "corpus/alice/x.wav")
    (tmp_path / "corpus" / "alice" / "y.wav").symlink_to(tmp_path / "store" / "blob.wav")
    assert found(tmp_path / "corpus") == [(".", "alice", "x"), (".", "alice", "y")]


def test_a_linked_speakers_folder_keeps_its_own_name(tmp_path):
    make(tmp_path, "store/7f3a/x.wav")
    (tmp_path / "alice").symlink_to(tmp_path / "store" / "7f3a", target_is_directory=True)
    assert found(tmp_path / "alice") == [(tmp_path.name, "alice", "x")]


def test_hidden_files_and_folders_are_left_alone(tmp_path):
    make(tmp_path, "alice/x.wav", "alice/._x.wav", ".trash/bob/y.wav", "alice/.git/z.wav")
    assert found(tmp_path) == [(".", "alice", "x")]


def test_a_folder_below_a_hidden_one_can_be_the_root(tmp_path):
    make(tmp_path, ".data/alice/x.wav")
    assert found(tmp_path / ".data") == [(".", "alice", "x")]


def test_a_folder_named_like_a_recording_is_a_folder(tmp_path):
    make(tmp_path, "alice.wav/x.wav")
    assert found(tmp_path) == [(".", "alice.wav", "x")]


@pytest.mark.skipif(os.name != "posix", reason="there is one root on POSIX")
def test_recordings_in_the_file_systems_root_are_nobodys(monkeypatch):
    monkeypatch.setattr(Walk, "__iter__", lambda walk: iter([(walk.root, ["x.wav"])]))
    with pytest.raises(CorpusError, match=r"no recording in / is left"):
        find_recordings(Path("/"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_whatever_is_read_is_found(tmp_path, suffix):
    make(tmp_path, f"alice/x.{suffix}")
    assert found(tmp_path) == [(".", "alice", "x")]


def test_other_sound_formats_are_counted(tmp_path):
    make(tmp_path, "alice/x.wav", "alice/y.ape", "alice/z.APE", "bob/x.ra", "bob/notes.txt", "bob/.x.ra", "c/x.dsf")
    listing = find_recordings(tmp_path)
    assert len(listing.recordings) == 1
    assert listing.not_read == {".ape": 2, ".ra": 1, ".dsf": 1}


def test_no_recording_is_an_error_that_counts_what_is_not_read(tmp_path):
    make(tmp_path, "alice/x.ape", "alice/wav", "alice/x.raw", "notes.txt", ".hidden/y.wav")
    with pytest.raises(
        CorpusError, match=r"no recording in .*, at any depth; 1 file of formats that are not read \(1 \.ape\)$"
    ):
        find_recordings(tmp_path)


def test_a_missing_folder_and_a_file_are_errors(tmp_path):
    with pytest.raises(CorpusError, match="does not exist"):
        find_recordings(tmp_path / "missing")
    make(tmp_path, "x.wav")
    with pytest.raises(CorpusError, match="is a file"):
        find_recordings(tmp_path / "x.wav")


def test_folders_that_can_not_be_read_are_noted_and_hide_what_is_below_them(tmp_path, monkeypatch):
    make(tmp_path, "alice/x.wav", "bob/y.wav", "carl/y.wav")
    scan = os.scandir

    def scandir(folder):
        if Path(folder).name in ("bob", "carl"):
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    listing = find_recordings(tmp_path)
    assert [one.speaker for one in listing.recordings] == ["alice"]
    assert listing.unreadable == (tmp_path / "bob", tmp_path / "carl")
    seen = {name: listing.could_see(tmp_path / name / "z.wav") for name in ("alice", "bob", "carl", "new", "..")}
    assert seen == {"alice": True, "bob": False, "carl": False, "new": True, "..": True}
    assert not listing.could_see(tmp_path.parent / "a.wav")


@pytest.mark.skipif(os.name != "posix", reason="names of bytes are POSIX's")
def test_a_name_that_is_not_utf_8_is_found(tmp_path):
    (tmp_path / "alice").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/alice/caf\xe9.wav")).touch()
    assert [one.path.exists() for one in find_recordings(tmp_path).recordings] == [True]


@pytest.mark.parametrize("typed", [".", "./", "../corpus", "../corpus/", "s1/..", "../corpus/."])
def test_a_corpus_and_its_description_have_the_folders_name_however_it_is_typed(tmp_path, monkeypatch, typed):
    root = make(tmp_path / "corpus", "s1/s1_1.wav", "s2/s2_1.wav")
    monkeypatch.chdir(root)
    listing = find_recordings(Path(typed))
    assert {recording.corpus for recording in listing.recordings} == {"corpus"}
    assert listing.description == f"{root}: 2 recordings of 2 speakers, read as a folder per speaker"


def test_the_working_folder_of_one_recording_is_described_by_its_name_and_in_the_singular(tmp_path, monkeypatch):
    root = make(tmp_path / "anna", "1.wav")
    monkeypatch.chdir(root)
    listing = find_recordings(Path())
    assert listing.description.startswith(f"{root}: 1 recording of 1 speaker, read as")
    assert listing.recordings[0][:2] == (tmp_path.name, "anna")


def test_by_a_rule_the_corpus_has_the_folders_name_too(tmp_path, monkeypatch):
    root = make(tmp_path / "corpus", "s1/1.wav")
    monkeypatch.chdir(root)
    for rule in (1, re.compile("(?P<speaker>s1)")):
        assert find_recordings(Path(), speaker_from=rule).recordings[0].corpus == "corpus"


@pytest.mark.parametrize(("places", "rest"), [(3, ""), (4, "1 more folder is as ambiguous"), (5, "2 more folders are")])
def test_of_many_ambiguous_folders_three_are_described(tmp_path, places, rest):
    make(tmp_path, *(f"c{place}/{speaker}/x/1.wav" for place in range(places) for speaker in ("ann", "bob")))
    description = find_recordings(tmp_path).description
    assert description.count("is taken for") == 3
    assert rest in description and ("more folder" in description) == bool(rest)
