"""What follows from a recording's fields, on any system."""

import ntpath
import pickle
from pathlib import PurePosixPath, PureWindowsPath
from types import SimpleNamespace

import pytest
from angles import made_up

from corpus.listing import ROOT_NAME, folder_name
from corpus.recording import Recording
from corpus.trials import Utterances

WINDOWS = SimpleNamespace(path=ntpath, sep="\\")


def test_a_cached_utterance_has_the_identity_of_its_recording():
    utterance = made_up("c", "s", "u")
    recording = Recording(*utterance[: len(Recording._fields)])
    assert recording.key == utterance.key == ("c", "s", "u")
    assert recording.origin == utterance.origin == ("/c/s/u.wav", None, None)
    assert recording.path == utterance.path
    assert pickle.loads(pickle.dumps(utterance)) == utterance


def test_one_file_has_one_origin_on_windows_whether_found_in_a_folder_or_named_by_a_manifest(monkeypatch):
    monkeypatch.setattr("corpus.recording.os", WINDOWS)
    in_folder = Recording("c", "s", "u", "", r"C:\data\c", "s/u.wav")
    in_manifest = Recording("m", "s", "u", "", r"C:\data\m.csv", r"C:\data\c\s\u.wav")
    assert in_folder.origin == in_manifest.origin == (r"C:\data\c\s\u.wav", None, None)


def test_a_trial_list_names_a_recording_of_a_manifest_on_windows_by_the_end_of_its_path(monkeypatch):
    monkeypatch.setattr("corpus.trials.os", WINDOWS)
    utterance = made_up("c", "s", "first")._replace(source=r"C:\data\rec\u.wav")
    assert Utterances([utterance]).find("rec/u.wav") == utterance


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (PurePosixPath("/data/my corpus"), "my corpus"),
        (PurePosixPath("/data/a:b\\c"), "a:b\\c"),
        (PurePosixPath("/"), ROOT_NAME),
        (PureWindowsPath("C:\\data\\c"), "c"),
        (PureWindowsPath("D:\\"), "D"),
        (PureWindowsPath("\\\\server\\share\\"), "share"),
    ],
)
def test_a_folder_has_a_name_that_can_stand_before_a_speakers_even_if_it_is_a_root(folder, name):
    assert folder_name(folder) == name
