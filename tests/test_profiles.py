"""Enrolled speakers come back, whatever happens in between."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from command_line import ROOT

from inference.profile_file import Profile, ProfileError, read_profiles, write_profiles
from inference.profiles import ProfileStore

PRINT, OTHER_PRINT = "a" * 64, "b" * 64
POSITIONS = 80  # of flipped bytes
ENROL_FOR_EVER = """
import itertools, pathlib, sys
import numpy as np
from inference.profiles import Profile, ProfileStore
store = ProfileStore(pathlib.Path(sys.argv[1]))
for number in itertools.count():
    store.add(Profile(str(number), 1, 3.0, ""), np.eye(4, dtype=np.float32)[0], "a" * 64)
    print(number, flush=True)
"""


def embedding(angle=0.0):
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def profile(name="ann"):
    return Profile(name, 2, 7.5, "2026-11-25")


@pytest.fixture
def store(tmp_path):
    made = ProfileStore(tmp_path / "folder" / "team.npz")
    made.add(profile("ann"), embedding(0.1), PRINT)
    made.add(profile("Zoë 王"), embedding(0.2), PRINT)
    return made


def test_what_was_enrolled_comes_back(store):
    profiles = ProfileStore(store.path).of_network(PRINT, 2)
    assert profiles.entries == (profile("ann"), profile("Zoë 王"))
    np.testing.assert_array_equal(profiles.embeddings, [embedding(0.1), embedding(0.2)])
    assert profiles.seconds.tolist() == [7.5, 7.5]


def test_nothing_is_made_by_looking(tmp_path):
    assert ProfileStore(tmp_path / "a.npz").read().entries == ()
    with pytest.raises(ProfileError, match="no profiles at"):
        ProfileStore(tmp_path / "a.npz").remove("ann")
    assert list(tmp_path.iterdir()) == []


def test_a_removed_speaker_is_gone_and_the_others_stay(store):
    store.remove("ann")
    assert store.read().names == ["Zoë 王"]
    np.testing.assert_array_equal(store.read().embeddings, [embedding(0.2)])


def test_an_emptied_store_takes_the_profiles_of_another_network(store):
    for name in store.read().names:
        store.remove(name)
    store.add(profile(), np.array([1, 0, 0], np.float32), OTHER_PRINT)
    assert store.of_network(OTHER_PRINT, 3).embeddings.shape == (1, 3)


def test_an_unknown_name_is_told_with_near_ones(store):
    with pytest.raises(ProfileError, match=r"'anna' is enrolled in .*team\.npz; nearest: ann"):
        store.remove("anna")


def test_an_enrolled_name_is_not_replaced(store):
    before = store.path.read_bytes()
    with pytest.raises(ProfileError, match=r"'ann' is enrolled already; --add .*--remove_profile"):
        store.add(profile("ann"), embedding(), PRINT)
    assert store.path.read_bytes() == before


def test_profiles_of_another_network_are_refused(store):
    adding = partial(store.add, profile("cid"), embedding(), OTHER_PRINT)
    for attempt in (lambda: store.of_network(OTHER_PRINT, 2), adding):
        with pytest.raises(ProfileError, match=r"of another network .*aaaaaaaaaaaa.*--checkpoint.*enrol"):
            attempt()


def test_profiles_of_another_length_are_refused(store):
    longer = np.array([1, 0, 0], np.float32)
    for attempt in (lambda: store.of_network(PRINT, 3), partial(store.add, profile("cid"), longer, PRINT)):
        with pytest.raises(ProfileError, match=r"team\.npz have 2 values each, those of the network 3"):
            attempt()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31m", "x" * 101, "a\u202eb", "\ud800"])
def test_names_that_do_not_print_are_refused(tmp_path, name):
    with pytest.raises(ProfileError, match="printable"):
        ProfileStore(tmp_path / "a.npz").add(profile(name), embedding(), PRINT)
    assert list(tmp_path.iterdir()) == []


def test_a_flipped_byte_is_noticed_or_changes_nothing(store, tmp_path):
    content, expected = store.path.read_bytes(), store.read()
    broken, noticed = ProfileStore(tmp_path / "broken.npz"), 0
    for position in np.random.default_rng(0).integers(0, len(content), POSITIONS):
        changed = bytearray(content)
        changed[position] ^= 0x10
        broken.path.write_bytes(changed)
        try:
            profiles = broken.read()
        except ProfileError as error:
            assert "broken.npz is damaged or not a store of profiles" in str(error)
            noticed += 1
        else:  # one of zip's own fields that nobody reads, such as a date
            assert profiles.entries == expected.entries
            np.testing.assert_array_equal(profiles.embeddings, expected.embeddings)
    assert noticed > POSITIONS / 3


@pytest.mark.parametrize("change", ["embeddings", "description"])
def test_arrays_that_were_changed_after_the_checksum_are_noticed(store, change):
    """The archive's own checks hold here: the file was written anew, with the old checksum."""
    with np.load(store.path) as archive:
        arrays = dict(archive)
    if change == "embeddings":
        arrays["embeddings"] = arrays["embeddings"][::-1]
    else:
        arrays["description"] = np.array(str(arrays["description"]).replace('"ann"', '"bob"'))
    np.savez(store.path, **arrays)
    with pytest.raises(ProfileError, match="its checksum does not hold"):
        store.read()


@pytest.mark.parametrize("content", [b"", b"PK", b"this is a letter", b"\x80\x04K\x01.", None])
def test_other_files_are_refused_and_left_alone(store, tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(store.path.read_bytes()[:-40] if content is None else content)
    before = path.read_bytes()
    for attempt in (ProfileStore(path).read, lambda: ProfileStore(path).add(profile(), embedding(), PRINT)):
        with pytest.raises(ProfileError, match="damaged or not a store"):
            attempt()
    assert path.read_bytes() == before


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(ProfileError, match="damaged or not a store"):
        ProfileStore(tmp_path).read()


def test_pickles_are_not_opened(tmp_path):
    np.savez(tmp_path / "a.npz", embeddings=np.array([{}], object), description=np.array("{}"), sha256=np.array(""))
    with pytest.raises(ProfileError, match="allow_pickle=False"):
        ProfileStore(tmp_path / "a.npz").read()


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("inference.profile_file.LARGEST", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", embeddings=np.zeros((1 << 10, 1 << 9), np.float32))
    assert (tmp_path / "a.npz").stat().st_size < 1 << 14
    with pytest.raises(ProfileError, match="larger than 1 MB"):
        ProfileStore(tmp_path / "a.npz").read()


@pytest.mark.parametrize("change", [{"format": "x"}, {"profiles": [{"nom": 1}]}, {"profiles": []}, {"profiles": 3}])
def test_other_descriptions_under_a_valid_checksum_are_refused(store, change, monkeypatch):
    profiles = store.read()
    about = {"format": "deep-speaker-profiles-1", "fingerprint": PRINT, "profiles": [{"name": "a"}], **change}
    monkeypatch.setattr("inference.profile_file.json.dumps", lambda *_, **__: json.JSONEncoder().encode(about))
    write_profiles(store.path, profiles)
    with pytest.raises(ProfileError, match="damaged or not a store"):
        store.read()


def test_two_at_a_time_lose_nothing(tmp_path):
    store = ProfileStore(tmp_path / "a.npz")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.add(profile(f"{number:02}"), embedding(number), PRINT), range(12)))
    assert sorted(store.read().names) == [f"{number:02}" for number in range(12)]


def test_a_killed_enrolment_leaves_a_whole_store(tmp_path):
    path = tmp_path / "a.npz"
    with subprocess.Popen([sys.executable, "-c", ENROL_FOR_EVER, path], cwd=ROOT, stdout=subprocess.PIPE) as process:
        last = [process.stdout.readline() for _ in range(5)][-1]
        process.send_signal(signal.SIGKILL)
        process.wait()
        rest = process.stdout.read().split()
    count = len(ProfileStore(path).read().entries)
    said = int(rest[-1] if rest else last) + 1
    assert said <= count <= said + 1


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_a_store_that_can_not_be_replaced_stays_as_it_was(store, monkeypatch):
    before = store.path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"No space left.*team\.npz"):
        store.add(profile("cid"), embedding(), PRINT)
    assert store.path.read_bytes() == before
    assert not list(store.path.parent.glob(".tmp-*"))


ONLY_THE_OWNER = """
import os, pathlib, sys
os.umask(int(sys.argv[2], 8))
import numpy as np
from inference.profiles import Profile, ProfileStore
store = ProfileStore(pathlib.Path(sys.argv[1]))
store.add(Profile(sys.argv[3], 1, 3.0, ""), np.eye(4, dtype=np.float32)[0], "a" * 64)
"""


def modes(path):
    return {one.name: oct(one.stat().st_mode & 0o777) for one in (path, path.with_name(f".{path.name}.lock"))}


@pytest.mark.skipif(os.name != "posix", reason="modes")
@pytest.mark.parametrize("mask", ["000", "022", "777"])
def test_a_store_is_its_owner_s_alone_whatever_the_mask(tmp_path, mask):
    path = tmp_path / "new" / "folder" / "team.npz"
    if mask == "777":  # no folder could be made below one without rights
        path.parent.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", ONLY_THE_OWNER, path, mask, "ann"], cwd=ROOT, check=True)
    assert modes(path) == {"team.npz": "0o600", ".team.npz.lock": "0o600"}
    if mask != "777":
        assert [oct(one.stat().st_mode & 0o777) for one in (path.parent, path.parent.parent)] == ["0o700"] * 2


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_a_store_that_others_could_read_is_closed_when_it_is_rewritten(store):
    lock = store.path.with_name(".team.npz.lock")
    for change in (lambda: store.add(profile("cid"), embedding(), PRINT), lambda: store.remove("cid")):
        store.path.chmod(0o644)
        lock.chmod(0o666)
        folder = store.path.parent.stat().st_mode
        change()
        assert set(modes(store.path).values()) == {"0o600"}
        assert store.path.parent.stat().st_mode == folder  # which may hold other things


@pytest.mark.parametrize("shape", [(10**12, 80), (10**20, 10**6), (2, 1)])
def test_a_header_that_states_more_than_there_is_allocates_nothing(tmp_path, shape):
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("embeddings.npy", member.getvalue() + b"1234")
    with pytest.raises(ProfileError, match="does not hold what its header states"):
        read_profiles(tmp_path / "a.npz")


def test_compressed_members_are_not_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", embeddings=np.zeros((9, 3), np.float32))
    with pytest.raises(ProfileError, match="compressed or encrypted"):
        read_profiles(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: replace(p, embeddings=2 * p.embeddings), "not of length 1"),
        (lambda p: replace(p, entries=(replace(p.entries[0], seconds=0.0), *p.entries[1:])), "seconds of speech"),
        (lambda p: replace(p, entries=(replace(p.entries[0], name="a\x1b"), *p.entries[1:])), "that can be printed"),
    ],
)
def test_profiles_without_sense_under_a_valid_checksum_are_refused(store, change, message):
    write_profiles(store.path, change(store.read()))
    with pytest.raises(ProfileError, match=message):
        store.read()
