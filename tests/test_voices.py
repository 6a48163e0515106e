"""Verify, enrol, identify and embed, as a user calls them."""

import dataclasses
import json
import multiprocessing
import os
import pickle
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from calibrated import COMPLETE
from command_line import PATIENCE, ROOT, fail, succeed
from conftest import VOICES

from inference import SpeakerEncoder
from inference.profile_file import Profile, Profiles, write_profiles
from inference.profiles import ProfileStore
from inference.recordings import RecordingError
from models.onnx_export import with_calibration
from models.onnx_file import BUNDLED, read_exported

A, A_AGAIN, B = (VOICES / name[:4] / f"{name}.flac" for name in ("p225_001", "p225_002", "p226_001"))
NOT_FOR_INFERENCE = "tensorflow keras librosa pandas matplotlib sklearn onnx tf2onnx"
LOADED = f"""
import sys
import cli
status = cli.main()
assert not [name for name in "{NOT_FOR_INFERENCE}".split() if name in sys.modules], sorted(sys.modules)
sys.exit(status)
"""


@pytest.fixture
def store(tmp_path):
    """Arguments for a store with two speakers."""
    where = ("--profiles", tmp_path / "team.npz")
    for path in (A, B):
        succeed("cli.py", "--enroll", path.parent.name, *sorted(path.parent.glob("*_00[1-4].flac")), *where)
    return where


def test_the_interface_of_the_readme():
    encoder = SpeakerEncoder()
    samples, rate = soundfile.read(A)
    a = encoder.embed_utterance(A)
    np.testing.assert_allclose(encoder.embed_utterance(samples, rate), a, atol=1e-3)
    speaker = encoder.embed_speaker([A, str(A_AGAIN)])
    assert speaker.shape == a.shape == (encoder.embedding_size,)
    assert np.linalg.norm(speaker) == pytest.approx(1, abs=1e-5)
    assert encoder.similarity(a, a) == pytest.approx(1, abs=1e-5)
    assert encoder.similarity(a, speaker) > encoder.similarity(a, encoder.embed_utterance(B))
    with pytest.raises(ValueError, match="at least one recording"):
        encoder.embed_speaker([])


def test_one_recording_of_a_speaker_needs_no_list():
    encoder = SpeakerEncoder()
    samples, rate = soundfile.read(A)
    expected = encoder.embed_utterance(A)
    for one in (str(A), A, [A], iter([A])):
        np.testing.assert_allclose(encoder.embed_speaker(one), expected, atol=1e-6)
    for one in (samples, samples.tolist(), [samples], [np.stack([samples, samples])]):
        np.testing.assert_allclose(encoder.embed_speaker(one, rate), expected, atol=1e-3)
    with pytest.raises(RecordingError, match=r"expected a list of recordings\. Received an array of shape \(2, "):
        encoder.embed_speaker(np.stack([samples, samples]), rate)


def embed_twice(encoder: SpeakerEncoder) -> np.ndarray:
    return encoder.embed_speaker([A, A_AGAIN])


def test_an_encoder_is_handed_to_worker_processes(tmp_path):
    network = tmp_path / "a.onnx"
    network.write_bytes(read_exported(BUNDLED))
    encoder = SpeakerEncoder(network)
    network.unlink()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (embedding,) = pool.map(embed_twice, [encoder])
    np.testing.assert_array_equal(embedding, embed_twice(encoder))
    again = pickle.loads(pickle.dumps(encoder))
    assert again.fingerprint == encoder.fingerprint
    assert again.calibration == encoder.calibration


@pytest.fixture
def two_people(tmp_path):
    """A recording of A on one channel and of B on the other."""
    (a, rate), (b, _) = soundfile.read(A), soundfile.read(B)
    length = min(len(a), len(b))
    soundfile.write(tmp_path / "two.wav", np.stack([a[:length], b[:length]], axis=1), rate)
    return tmp_path / "two.wav"


def test_two_people_on_two_channels_are_remarked_on_and_told_apart(two_people, tmp_path, caplog):
    remark = f"{two_people}: its channels have different speech"
    done = succeed("cli.py", "--verify", two_people, A, "--json")
    assert remark in done.stderr
    assert json.loads(done.stdout)["remarks"][0].startswith(remark)
    first, second = (
        json.loads(succeed("cli.py", "--verify", two_people, A, "--json", "--channel", number).stdout)
        for number in ("1", "2")
    )
    assert first["cosine_distance"] < 0.05 < second["cosine_distance"]
    assert ["the same sound" in remark for remark in first["remarks"]] == [True]  # as A is what the first one says
    assert second["remarks"] == []
    where = ("--profiles", tmp_path / "a.npz")
    assert remark in succeed("cli.py", "--enroll", "ann", two_people, *where).stderr
    assert remark in succeed("cli.py", "--identify", two_people, *where).stderr
    assert remark in succeed("cli.py", "--embed", two_people, "--output", tmp_path / "x.csv").stderr
    assert (
        remark not in succeed("cli.py", "--embed", two_people, "--output", tmp_path / "x.csv", "--channel", "1").stderr
    )
    SpeakerEncoder().embed_utterance(two_people)
    assert remark in caplog.text
    assert "expected one of its 2 channels" in fail(2, "cli.py", "--verify", two_people, A, "--channel", "3")
    assert "expected 1, 2, ... or mix" in fail(2, "cli.py", "--verify", A, B, "--channel", "0")
    assert "--channel goes with --verify" in fail(2, "cli.py", "--list_profiles", "--channel", "1")


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes are POSIX's")
def test_names_of_any_bytes_serve_everywhere(tmp_path):
    path = tmp_path / "voices" / os.fsdecode(b"caf\xe9") / os.fsdecode(b"caf\xe9.flac")
    path.parent.mkdir(parents=True)
    shutil.copy(A, path)
    name, cached = os.fsencode(path), ("--cache_output_dir", tmp_path / "cache")
    found = json.loads(succeed("cli.py", "--verify", path, A, "--json").stdout)
    assert os.fsencode(found["files"][0]["file"]) == name
    assert found["cosine_distance"] == pytest.approx(0, abs=1e-5)
    succeed("cli.py", "--embed", path.parent.parent, "--output", tmp_path / "x.csv")
    assert name in (tmp_path / "x.csv").read_bytes()
    succeed("cli.py", "--embed", path, "--output", tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as saved:
        assert [os.fsencode(one) for one in saved["files"]] == [name]
    done = succeed("cli.py", "--regenerate_full_cache", "--audio_dir", path.parent.parent, *cached)
    assert "1 utterance of 1 speaker" in done.stdout + done.stderr
    succeed("cli.py", "--get_embeddings", os.fsdecode(b"caf\xe9"), *cached)


def test_importing_the_interface_loads_next_to_nothing():
    script = "import sys; from inference import __all__; import inference; assert 'numpy' not in sys.modules"
    succeed("-c", script)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--verify", A, B, "--json"),
        ("--enroll", "ann", A, "--profiles", "{}/a.npz"),
        ("--list_profiles", "--profiles", "{}/a.npz"),
        ("--embed", VOICES / "p225", "--output", "{}/x.csv"),
        ("--unseen_speakers", "p225,p226", "--cache_output_dir", "{}"),
        ("--get_embeddings", "p225", "--cache_output_dir", "{}"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_nothing_heavy_is_loaded(arguments, tiny_cache, tmp_path):
    replaced = [tiny_cache.folder if one == "{}" else str(one).format(tmp_path) for one in arguments]
    succeed("-c", LOADED, *replaced)


def test_two_recordings_are_compared():
    same, different = (json.loads(succeed("cli.py", "--verify", A, b, "--json").stdout) for b in (A_AGAIN, B))
    assert same["cosine_distance"] < different["cosine_distance"]
    assert same["log_likelihood_ratio"] > different["log_likelihood_ratio"]
    odds = np.exp(same["log_likelihood_ratio"])
    assert same["probability"] == pytest.approx(odds / (1 + odds))
    assert [file["file"] for file in same["files"]] == [str(A), str(A_AGAIN)]
    assert same["network"]["fingerprint"] == SpeakerEncoder().fingerprint


def test_the_verdict_is_the_exit_status_only_when_asked_for():
    one = succeed("cli.py", "--verify", A, A, "--exit_verdict")
    assert one.stdout.startswith("same speaker: cosine distance 0.0000, log-likelihood ratio +")
    assert "using the bundled network" in one.stderr
    impossible = ("cli.py", "--verify", A, B, "--prior", "1e-12")
    assert succeed(*impossible).stdout.startswith("different speakers: ")
    done = subprocess.run([sys.executable, *map(str, impossible), "--exit_verdict"], cwd=ROOT, capture_output=True)
    assert (done.returncode, done.stdout[:10]) == (1, b"different ")


def test_a_rate_of_false_acceptance_may_decide():
    done = succeed("cli.py", "--verify", A, B, "--max_false_accept", "0.01", "--json")
    found = json.loads(done.stdout)
    assert (found["verdict"] == "same") == (found["log_likelihood_ratio"] >= found["threshold"])
    assert found["max_false_accept"] == 0.01
    assert "rate of false acceptance from" in fail(2, "cli.py", "--verify", A, B, "--max_false_accept", "1e-9")


def test_standard_input_is_a_recording():
    command = [sys.executable, "cli.py", "--verify", "-", str(A), "--json"]
    done = subprocess.run(command, cwd=ROOT, input=A.read_bytes(), capture_output=True, timeout=PATIENCE)
    found = json.loads(done.stdout)
    assert found["cosine_distance"] == pytest.approx(0, abs=1e-5)
    assert found["files"][0]["file"] == "standard input"
    assert "standard input can be read once" in fail(2, "cli.py", "--verify", "-", "-")


def test_an_enrolled_speaker_is_found(store):
    done = succeed("cli.py", "--identify", VOICES / "p225" / "p225_006.flac", *store, "--json")
    (result,) = json.loads(done.stdout)["results"]
    assert [one["name"] for one in result["ranking"]] == ["p225", "p226"]
    assert result["verdict"] in ("p225", "unknown")
    assert 0 < sum(one["probability"] for one in result["ranking"]) < 1


def test_below_the_threshold_nobody_is_named(store):
    done = succeed("cli.py", "--identify", A, B, *store, "--prior", "1e-12")
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["file", "verdict", "likeliest", "probability", "second", "probability", "unknown"]
    assert [line.split()[:2] for line in lines] == [[str(A), "unknown"], [str(B), "unknown"]]
    assert all(line.endswith("100.00 %") for line in lines)
    ranked = succeed("cli.py", "--identify", A, B, *store, "--prior", "1e-12", "--full_ranking").stdout
    assert ranked.splitlines()[0] == f"{A}: unknown"
    assert len(ranked.splitlines()) == 2 * 4


def test_profiles_are_listed_and_removed(store):
    assert [line.split("\t")[0] for line in succeed("cli.py", "--list_profiles", *store).stdout.splitlines()] == [
        "p225",
        "p226",
    ]
    succeed("cli.py", "--remove_profile", "p225", *store)
    listed = json.loads(succeed("cli.py", "--list_profiles", "--json", *store).stdout)
    assert [(one["name"], one["files"]) for one in listed["enrolled"]] == [("p226", 4)]
    assert "nobody of the name 'p225'" in fail(2, "cli.py", "--remove_profile", "p225", *store)


def test_the_default_store_is_in_the_user_s_data_folder(tmp_path):
    data = {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
    succeed("cli.py", "--enroll", "ann", A, **data)
    (path,) = tmp_path.rglob("profiles.npz")
    assert path.parent.name == "deep-speaker"
    assert "1 speaker is enrolled" in succeed("cli.py", "--list_profiles", **data).stderr


def test_enrolment_says_what_is_wrong_with_the_recordings(tmp_path):
    samples, rate = soundfile.read(A)
    loud, short = tmp_path / "loud.wav", tmp_path / "short.wav"
    soundfile.write(loud, np.clip(20 * samples, -1, 1), rate)
    soundfile.write(short, samples[rate // 2 : rate], rate)
    where = ("--profiles", tmp_path / "a.npz")
    assert f"{loud}: clipped" in succeed("cli.py", "--enroll", "loud", loud, *where).stderr
    done = succeed("cli.py", "--enroll", "short", short, *where, "--json")
    assert "s of speech to enrol with" in done.stderr
    assert json.loads(done.stdout)["remarks"] == [line for line in done.stderr.splitlines() if "enrol with" in line]


def test_a_store_of_another_network_is_refused(tmp_path):
    store = ProfileStore(tmp_path / "a.npz")
    store.add(Profile("ann", 1, 5.0, ""), np.eye(8, dtype=np.float32)[0], "b" * 64)
    for action in (("--identify", A), ("--enroll", "bob", A)):
        assert "are of another network (bbbbbbbbbbbb" in fail(2, "cli.py", *action, "--profiles", store.path)
    assert store.read().names == ["ann"]


def test_without_a_calibration_there_are_distances_only(tmp_path, store):
    network = tmp_path / "a.onnx"
    network.write_bytes(with_calibration(read_exported(BUNDLED), None))
    assert "not calibrated" in succeed("cli.py", "--verify", A, B, "--checkpoint", network).stdout
    found = json.loads(succeed("cli.py", "--identify", A, *store, "--checkpoint", network, "--json").stdout)
    assert found["results"][0]["verdict"] is None
    assert "--export_model" in fail(2, "cli.py", "--verify", A, B, "--exit_verdict", "--checkpoint", network)


@pytest.fixture
def complete(tmp_path):
    """The bundled network with a calibration that knows its own worth."""
    calibration = dataclasses.replace(COMPLETE, score_norm=SpeakerEncoder().scoring.norm)
    path = tmp_path / "complete.onnx"
    path.write_bytes(with_calibration(read_exported(BUNDLED), calibration.as_json()))
    return ("--checkpoint", path)


def test_a_verdict_tells_its_intervals(complete):
    found = json.loads(succeed("cli.py", "--verify", A, B, "--json", "--max_false_accept", "0.1", *complete).stdout)
    for name in ("log_likelihood_ratio", "probability"):
        low, high = found[f"{name}_interval"]
        assert low <= found[name] <= high
    assert found["false_accept_interval"][0] < 0.1 < found["false_accept_interval"][1]
    assert found["expected_errors"]["miss"] == {"value": 0.01, "low": 0.0, "high": 0.03}
    line = succeed("cli.py", "--verify", A, B, *complete).stdout
    assert re.search(r"log-likelihood ratio [+-][\d.]+ \[[+-][\d.]+, [+-][\d.]+\], probability of one speaker", line)


def test_a_recording_compared_with_itself_is_told():
    assert "hold the same sound: they are one recording" in succeed("cli.py", "--verify", A, A).stderr
    assert "same sound" not in succeed("cli.py", "--verify", A, A_AGAIN).stderr


def test_the_same_recording_three_times_is_one_recording(tmp_path):
    where = ("--profiles", tmp_path / "a.npz", "--json")
    samples, rate = soundfile.read(A)
    soundfile.write(tmp_path / "quieter.wav", 0.5 * samples, rate)
    soundfile.write(tmp_path / "copy.wav", samples, rate)
    once = json.loads(succeed("cli.py", "--enroll", "once", A, *where).stdout)
    done = succeed("cli.py", "--enroll", "thrice", A, tmp_path / "copy.wav", tmp_path / "quieter.wav", *where)
    thrice = json.loads(done.stdout)
    assert (thrice["files"], once["files"]) == (1, 1)
    assert thrice["seconds"] == pytest.approx(once["seconds"], abs=0.05)
    assert sum("the two count as one" in remark for remark in thrice["remarks"]) == 2


def test_among_ten_thousand_it_is_said_that_nobody_can_be_named(tmp_path, complete):
    encoder = SpeakerEncoder()
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(10_000, encoder.embedding_size)).astype(np.float32)
    embeddings[4711] = encoder.embed_utterance(A)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    entries = tuple(Profile(f"speaker {number}", 1, 5.0, "") for number in range(10_000))
    write_profiles(tmp_path / "many.npz", Profiles(encoder.fingerprint, entries, embeddings))
    where = ("--profiles", tmp_path / "many.npz", *complete)
    for flags, reason in (((), "one of 10000 profiles would have to be 10000 times likelier"),
                          (("--max_false_accept", "0.05"), "can tell no share below 0.01")):  # fmt: skip
        done = succeed("cli.py", "--identify", A, *where, *flags, "--json")
        (found,) = json.loads(done.stdout)["results"]
        assert (found["verdict"], found["ranking"][0]["name"]) == ("unknown", "speaker 4711")
        assert reason in found["reason"]
        assert reason in done.stderr
        assert found["ranking"][0]["probability"] < 0.05


def test_files_and_folders_are_embedded(tmp_path):
    output = tmp_path / "x.npz"
    done = succeed("cli.py", "--embed", A, VOICES / "p226", "--output", output, "--json")
    with np.load(output, allow_pickle=False) as saved:
        assert saved["files"][0] == str(A)
        assert saved["embeddings"].shape == (len(saved["files"]), SpeakerEncoder().embedding_size)
        np.testing.assert_allclose(saved["embeddings"][0], SpeakerEncoder().embed_utterance(A), atol=1e-5)
        assert json.loads(done.stdout) | {"output": "", "size": 0} == {
            "output": "",
            "files": len(saved["files"]),
            "skipped": 0,
            "size": 0,
        }


def bad_recordings(folder):
    """What nobody should get a traceback from."""
    (folder / "text.wav").write_text("this is not audio")
    (folder / "empty.wav").touch()
    soundfile.write(folder / "silent.wav", np.zeros(16_000), 8000)
    soundfile.write(folder / "tenth.wav", np.random.default_rng(0).normal(0, 0.1, 400), 8000)
    soundfile.write(folder / "nan.wav", np.full(8000, np.nan), 8000, subtype="FLOAT")
    (folder / "folder").mkdir()
    return ("text.wav", "empty.wav", "silent.wav", "tenth.wav", "nan.wav", "folder", "missing.wav")


def test_bad_recordings_are_one_line_and_nothing_is_written(tmp_path):
    names = bad_recordings(tmp_path)
    (tmp_path / "out").mkdir()
    for name in names:
        path, out = tmp_path / name, tmp_path / "out"
        assert name in fail(2, "cli.py", "--verify", A, path)
        if name in names[:2]:  # the same loader serves them all
            assert name in fail(2, "cli.py", "--enroll", "ann", A, path, "--profiles", out / "a.npz")
            assert name in fail(2, "cli.py", "--embed", A, path, "--output", out / "x.npz")
        assert not list(out.iterdir())


def test_a_broken_store_is_one_line_and_stays(tmp_path):
    store = tmp_path / "a.npz"
    store.write_bytes(b"PK\x03\x04 torn")
    for action in (("--identify", A), ("--enroll", "ann", A), ("--remove_profile", "ann"), ("--list_profiles",)):
        assert "damaged or not a store of profiles" in fail(2, "cli.py", *action, "--profiles", store)
    assert store.read_bytes() == b"PK\x03\x04 torn"
    assert "nobody is enrolled" in fail(2, "cli.py", "--identify", A, "--profiles", tmp_path / "none.npz")


def test_a_tampered_network_is_one_line(tmp_path):
    content = bytearray(BUNDLED.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.onnx").write_bytes(content)
    assert "a.onnx is damaged" in fail(2, "cli.py", "--verify", A, B, "--checkpoint", tmp_path / "a.onnx")
    assert "no checkpoint or exported network" in fail(2, "cli.py", "--verify", A, B, "--checkpoint", tmp_path / "b")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--verify", A), "expected 2 arguments"),
        (("--enroll", "ann"), "a name and at least one recording"),
        (("--embed", A), "--output"),
        (("--embed", A, "--output", "x.wav"), "to end in .npz or .csv"),
        (("--verify", A, B, "--profiles", "a.npz"), "--profiles goes with --enroll"),
        (("--list_profiles", "--exit_verdict"), "--exit_verdict goes with --verify"),
        (("--verify", A, B, "--prior", "1"), "between 0 and 1"),
        (("--verify", A, B, "--max_false_accept", "nan"), "between 0 and 1"),
        (("--enroll", "a\nb", A), "printable"),
        (("--export_model", "x.pb"), "end in .onnx or .npz"),
    ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path):
    assert message in fail(2, "cli.py", *arguments, CACHE_DIR=str(tmp_path))


def test_a_file_of_results_that_can_not_be_written_is_the_environment_s_fault(tmp_path):
    (tmp_path / "file").touch()
    assert "file" in fail(1, "cli.py", "--embed", A, "--output", tmp_path / "file" / "x.npz")
