"""Every layout of a corpus names its speakers."""

import os
from pathlib import Path

import pytest

from audio.scan import CorpusError, find_recordings


def make(root: Path, *names: str) -> Path:
    """Empty files: the scan looks at names only."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(root: Path, *options: str) -> list[tuple[str, str, str]]:
    return [(found.speaker, found.utterance, found.corpus) for found in find_recordings(root, *options)]


def test_vctk_0_80(tmp_path):
    make(tmp_path / "VCTK-Corpus", "wav48/p226/p226_001.wav", "wav48/p225/p225_002.wav", "wav48/p225/p225_001.wav")
    make(tmp_path / "VCTK-Corpus", "txt/p225/p225_001.txt", "speaker-info.txt")
    names = [("p225", "p225_001"), ("p225", "p225_002"), ("p226", "p226_001")]
    assert found(tmp_path / "VCTK-Corpus") == [(*name, "") for name in names]
    assert found(tmp_path / "VCTK-Corpus" / "wav48") == [(*name, "") for name in names]
    assert found(tmp_path) == [(*name, "VCTK-Corpus") for name in names]


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
    assert found(tmp_path, *microphone) == [("p225", utterance, "") for utterance in expected]


def test_a_libri_speaker_is_the_folder_above_the_chapter(tmp_path):
    make(tmp_path, "train-clean-100/19/198/19-198-0001.flac", "train-clean-100/19/227/19-227-0000.flac")
    make(tmp_path, "train-clean-100/19/198/19-198.trans.txt", "SPEAKERS.TXT")
    expected = [("19", "19-198-0001", "train-clean-100"), ("19", "19-227-0000", "train-clean-100")]
    assert found(tmp_path) == expected
    assert found(tmp_path / "train-clean-100") == [(*name, "") for *name, _ in expected]
    assert found(tmp_path / "train-clean-100" / "19") == [(*name, "") for *name, _ in expected]
    assert found(tmp_path / "train-clean-100" / "19" / "227") == [("19", "19-227-0000", "")]


def test_libri_like_names_in_other_folders_are_files_of_those_folders(tmp_path):
    make(tmp_path, "alice/1-2-3.wav", "198/19/19-198-0001.flac")
    assert found(tmp_path) == [("19", "19-198-0001", "198"), ("alice", "1-2-3", "")]


@pytest.mark.parametrize("above", ["", "a", "a/b c/d"])
def test_any_depth_will_do(tmp_path, above):
    make(tmp_path, str(Path(above, "alice", "x.WAV")), str(Path(above, "bob", "y.Flac")))
    assert found(tmp_path) == [("alice", "x", above), ("bob", "y", above)]


@pytest.mark.parametrize("end", ["", "/", "/.", "/../alice/"])
def test_the_root_may_be_a_speakers_own_folder(tmp_path, end):
    make(tmp_path, "alice/x.wav")
    assert found(Path(f"{tmp_path}/alice{end}")) == [("alice", "x", "")]


def test_the_root_may_be_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(make(tmp_path / "alice", "x.wav"))
    assert found(Path()) == [("alice", "x", "")]


@pytest.mark.parametrize("speaker", ["Mary Ann", "J. R. R.", "a_b_c", "Zoë", "王", "wav", "p225.wav", "~", "%2F"])
def test_speakers_may_have_any_name(tmp_path, speaker):
    make(tmp_path, f"{speaker}/one two.3_4.wav")
    assert found(tmp_path) == [(speaker, "one two.3_4", "")]


def test_source_and_path_lead_to_the_file(tmp_path):
    make(tmp_path, "a/b/x.wav")
    recording = find_recordings(tmp_path)[0]
    assert recording.source == "a/b/x.wav"
    assert recording.path.samefile(tmp_path / "a" / "b" / "x.wav")
    assert recording.path.is_absolute()


def test_two_files_with_one_stem_are_two_utterances(tmp_path):
    make(tmp_path, "alice/x.flac", "alice/x.wav", "other/alice/x.wav")
    recordings = find_recordings(tmp_path)
    assert [recording.utterance for recording in recordings] == ["x", "alice/x.wav", "other/alice/x.wav"]
    assert [recording.source for recording in recordings] == ["alice/x.flac", "alice/x.wav", "other/alice/x.wav"]


def test_names_that_look_like_a_second_stem_stay_apart(tmp_path):
    make(tmp_path / "alice", "a.flac", "a.wav", "a.wav.flac", "a.wav.wav")
    recordings = find_recordings(tmp_path / "alice")
    assert len({(recording.speaker, recording.utterance) for recording in recordings}) == 4


def test_one_stem_with_two_speakers_is_no_clash(tmp_path):
    make(tmp_path, "alice/x.wav", "bob/x.wav")
    assert found(tmp_path) == [("alice", "x", ""), ("bob", "x", "")]


def test_the_order_does_not_depend_on_the_order_of_creation(tmp_path):
    names = [f"{speaker}/{number}.wav" for speaker in "abc" for number in range(5)]
    make(tmp_path / "one" / "x", *names)
    make(tmp_path / "two" / "x", *reversed(names))
    assert found(tmp_path / "one" / "x") == found(tmp_path / "two" / "x")


def test_links_that_form_a_loop_are_not_followed(tmp_path):
    make(tmp_path, "alice/x.wav")
    (tmp_path / "alice" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "alice" / "self.wav").symlink_to(tmp_path / "alice" / "self.wav")
    assert ("alice", "x", "") in found(tmp_path)
    assert {speaker for speaker, _, _ in found(tmp_path)} == {"alice"}


def test_a_link_to_a_recording_is_the_speakers_whose_folder_holds_it(tmp_path):
    make(tmp_path, "store/blob.wav")
    make(tmp_path, "corpus/alice/x.wav")
    (tmp_path / "corpus" / "alice" / "y.wav").symlink_to(tmp_path / "store" / "blob.wav")
    assert found(tmp_path / "corpus") == [("alice", "x", ""), ("alice", "y", "")]


def test_hidden_files_and_folders_are_left_alone(tmp_path):
    make(tmp_path, "alice/x.wav", "alice/._x.wav", ".trash/bob/y.wav", "alice/.git/z.wav")
    assert found(tmp_path) == [("alice", "x", "")]


def test_a_folder_below_a_hidden_one_can_be_the_root(tmp_path):
    make(tmp_path, ".data/alice/x.wav")
    assert found(tmp_path / ".data") == [("alice", "x", "")]


def test_a_folder_named_like_a_recording_is_a_folder(tmp_path):
    make(tmp_path, "alice.wav/x.wav")
    assert found(tmp_path) == [("alice.wav", "x", "")]


def test_no_recording_is_an_error(tmp_path):
    make(tmp_path, "alice/x.mp3", "alice/wav", "notes.txt", ".hidden/y.wav")
    with pytest.raises(CorpusError, match="no WAV or FLAC file"):
        find_recordings(tmp_path)


def test_a_missing_folder_and_a_file_are_errors(tmp_path):
    with pytest.raises(CorpusError, match="does not exist"):
        find_recordings(tmp_path / "missing")
    make(tmp_path, "x.wav")
    with pytest.raises(CorpusError, match="is a file"):
        find_recordings(tmp_path / "x.wav")


def test_a_linked_speakers_folder_keeps_its_own_name(tmp_path):
    make(tmp_path, "store/7f3a/x.wav")
    (tmp_path / "alice").symlink_to(tmp_path / "store" / "7f3a", target_is_directory=True)
    assert found(tmp_path / "alice") == [("alice", "x", "")]


def test_a_corpus_with_a_second_microphone_only_is_found(tmp_path):
    make(tmp_path, "alice/meeting_mic2.wav")
    assert found(tmp_path) == [("alice", "meeting_mic2", "")]


def test_a_vctk_speaker_copied_elsewhere_keeps_one_microphone(tmp_path):
    make(tmp_path, *(f"p225/p225_001_mic{n}.flac" for n in (1, 2)), "p225/p225_002_mic2.flac")
    assert found(tmp_path) == [("p225", "p225_001_mic1", ""), ("p225", "p225_002_mic2", "")]
    assert found(tmp_path, "mic2") == [("p225", "p225_001_mic2", ""), ("p225", "p225_002_mic2", "")]


@pytest.mark.parametrize("root", ["", "wav48_silence_trimmed", "wav48_silence_trimmed/p280"])
def test_a_vctk_speaker_without_the_microphone_is_left_out(tmp_path, root):
    make(tmp_path, "wav48_silence_trimmed/p280/p280_001_mic1.flac")
    with pytest.raises(CorpusError, match=r"none of the 1 recordings .* is of mic2; see --microphone"):
        find_recordings(tmp_path / root, "mic2")


def test_a_folder_that_can_not_be_read_is_warned_of(tmp_path, monkeypatch, caplog):
    make(tmp_path, "alice/x.wav", "bob/y.wav")
    scan = os.scandir

    def scandir(folder):
        if Path(folder).name == "bob":
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert found(tmp_path) == [("alice", "x", "")]
    assert f"{tmp_path / 'bob'} (Permission denied)" in caplog.text


@pytest.mark.skipif(os.name != "posix", reason="names of bytes are POSIX's")
def test_a_name_that_is_not_utf_8_is_found(tmp_path):
    (tmp_path / "alice").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/alice/caf\xe9.wav")).touch()
    assert [recording.path.exists() for recording in find_recordings(tmp_path)] == [True]
