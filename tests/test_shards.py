"""Training inputs in shards: the same as in one file, whole whatever is killed, and refused once they are not."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from feature_settings import NESTED

import cli
from audio.feature_settings import DEFAULT_FEATURES
from batcher import generate_shards, shard_folder
from batcher.generate import generate_inputs
from batcher.inputs import InputsError, load_inputs, read_ends
from batcher.inputs_file import FrameStatistics, InputsHeader, InputsWriter
from batcher.recipe import Recipe
from batcher.restricted_pickle import read_records, write_record
from batcher.sampling.features import PlainFeatures
from batcher.sampling.sampler import WindowSampler
from batcher.shard_file import ShardWriter
from cache.utterances import UtteranceCache

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    """A shard for each speaker, whatever the size."""
    monkeypatch.setattr("batcher.generate.LARGEST_FILE", 0)
    monkeypatch.setattr("batcher.generate_shards.GROUP", 1)


def generate(cache, path, held_out=("p362",), **options):
    return generate_inputs(cache, path, held_out, **options)


@pytest.fixture
def made(tmp_path, tiny_cache) -> Path:
    generate(tiny_cache, tmp_path / "inputs.pkl")
    return tmp_path / "inputs.pkl"


def shards_of(path: Path) -> list[Path]:
    return [path.with_suffix(".shards") / f"{record['sha256']}.shard" for record in list(read_records(path))[1:-1]]


def contents(path: Path) -> dict[str, bytes]:
    """The file and its shards, by name; `checked.json` differs from one machine to the next."""
    files = [path, *path.with_suffix(".shards").iterdir()]
    return {file.name: file.read_bytes() for file in files if file.name != "checked.json"}


def assert_same(inputs, other) -> None:
    """The same utterances, names and frames, wherever the frames are."""
    for name in ("speakers", "held_out", "feature_settings", "cache_sha256"):
        assert getattr(inputs, name) == getattr(other, name), name
    np.testing.assert_allclose(inputs.mean, other.mean, rtol=1e-6)
    np.testing.assert_allclose(inputs.deviation, other.deviation, rtol=1e-6)
    for side, other_side in ((inputs.train, other.train), (inputs.test, other.test)):
        assert list(side.names) == list(other_side.names)
        for name in ("labels", "lengths", "copy_lengths"):
            np.testing.assert_array_equal(getattr(side, name), getattr(other_side, name))
            assert getattr(side, name).dtype == np.int64
        for row in range(len(side.labels)):
            np.testing.assert_array_equal(side.frames_of(row), other_side.frames_of(row))
        for starts, other_starts, lengths in zip(side.copy_starts, other_side.copy_starts, side.copy_lengths):
            for start, other_start, length in zip(starts, other_starts, lengths):
                copy = other_side.log_mel[other_start : other_start + length]
                np.testing.assert_array_equal(side.log_mel[start : start + length], copy)


@pytest.mark.parametrize("copies", [0, 2])
def test_shards_hold_what_one_file_holds(tmp_path, tiny_cache, monkeypatch, copies):
    recipe = Recipe(copies, seed=3)
    counts = generate(tiny_cache, tmp_path / "inputs.pkl", recipe=recipe)
    assert counts == {"speakers": 2, "train": 8, "test": 2, "held_out": 1, "shards": 2}
    monkeypatch.setattr("batcher.generate.LARGEST_FILE", 1 << 32)
    assert generate(tiny_cache, tmp_path / "one.pkl", recipe=recipe)["shards"] == 0
    assert not (tmp_path / "one.shards").exists()
    sharded, one = load_inputs(tmp_path / "inputs.pkl"), load_inputs(tmp_path / "one.pkl")
    assert_same(sharded, one)
    features = dataclasses.replace(PlainFeatures(DEFAULT_FEATURES), copied=0.5)
    drawn = [
        WindowSampler(inputs.train, (60, 200), features).softmax_batch(np.random.default_rng(1), 100)
        for inputs in (sharded, one)
    ]
    for array, same in zip(*drawn):
        np.testing.assert_array_equal(array, same)


def test_the_same_bytes_for_any_run_and_number_of_workers(tmp_path, tiny_cache, made):
    for workers in (1, 2):
        (tmp_path / str(workers)).mkdir()
        generate(tiny_cache, tmp_path / str(workers) / "inputs.pkl", workers=workers)
        assert contents(tmp_path / str(workers) / "inputs.pkl") == contents(made)


def test_a_shard_has_as_many_speakers_as_fill_it(tmp_path, tiny_cache, monkeypatch):
    one_speaker = sum(entry.samples for entry in tiny_cache.utterances.values() if entry.speaker == "p225") // 80 * 66
    for group, shards in ((one_speaker + 1, 2), (1 << 30, 1)):
        monkeypatch.setattr("batcher.generate_shards.GROUP", group)
        assert generate(tiny_cache, tmp_path / "inputs.pkl", held_out=("p999",))["shards"] == shards
        assert len(load_inputs(tmp_path / "inputs.pkl").speakers) == 3
    monkeypatch.setattr("batcher.generate_shards.GROUP", 1)
    monkeypatch.setattr("batcher.generate_shards.MOST_SHARDS", 1)
    assert generate(tiny_cache, tmp_path / "inputs.pkl", held_out=("p999",))["shards"] == 1


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def exchange(path: Path) -> None:
    path.write_bytes(next(other for other in path.parent.glob("*.shard") if other != path).read_bytes())


DAMAGES = {
    "missing": (lambda path: path.unlink(), "it is missing"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "it is missing"),
    "cut short": (lambda path: os.truncate(path, path.stat().st_size - 1), "expected [0-9]+ bytes"),
    "empty": (lambda path: os.truncate(path, 0), "expected [0-9]+ bytes. Received 0"),
    "grown": (lambda path: path.write_bytes(path.read_bytes() + b"."), "expected [0-9]+ bytes"),
    "a wrong frame": (lambda path: flip(path, 1000), "not what was written, by its SHA-256"),
    "a wrong name": (lambda path: flip(path, path.read_bytes().index(b"_001")), "not what was written"),
    "exchanged": (exchange, "expected|not what was written"),
}


@pytest.mark.parametrize("loaded_before", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_a_line_and_mended_by_making_the_inputs_again(made, tiny_cache, damage, loaded_before):
    as_made = contents(made)
    if loaded_before:  # and found to be whole
        load_inputs(made)
    shard = shards_of(made)[1]
    change, message = DAMAGES[damage]
    change(shard)
    line = rf"^[^\n]*shard inputs.shards/{shard.name} can't be used: [^\n]*({message})[^\n]*--generate_training_inputs$"
    with pytest.raises(InputsError, match=line):
        load_inputs(made)
    if damage in ("missing", "cut short", "empty", "grown", "a folder"):
        with pytest.raises(InputsError, match=line):
            read_ends(made)
    if shard.is_dir():
        shard.rmdir()
    generate(tiny_cache, made)
    assert contents(made) == as_made
    assert len(load_inputs(made).train.names) == 8


def test_a_check_that_was_passed_is_remembered_until_the_file_changes(made, monkeypatch):
    checked = []
    monkeypatch.setattr(
        shard_folder, "check_content", lambda path, shard, size: checked.append(path.name)
    )  # which passes everything
    load_inputs(made)
    assert sorted(checked) == sorted(shard.name for shard in shards_of(made))
    load_inputs(made)
    assert len(checked) == 2
    shard = shards_of(made)[0]
    times = shard.stat()
    flip(shard, 10)
    os.utime(shard, ns=(times.st_atime_ns, times.st_mtime_ns))  # as though nothing had happened
    load_inputs(made)
    assert checked[2:] == [shard.name]
    for content in (b"", b"[]", b'{"a": ', b"[" * 100_000):
        (made.with_suffix(".shards") / "checked.json").write_bytes(content)
        load_inputs(made)
    assert len(checked) == 3 + 4 * 2


def test_a_check_that_fails_does_not_pass_the_second_time(made):
    flip(shards_of(made)[0], 10)
    for _ in range(2):
        with pytest.raises(InputsError, match=shards_of(made)[0].name):
            load_inputs(made)


def test_inputs_on_a_disk_that_may_only_be_read_are_checked_and_read(made, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shard_folder, "write_atomically", refuse)
    assert len(load_inputs(made).train.names) == 8


PLACES = [  # in which a generation is killed
    pytest.param("batcher.shard_file.ShardWriter.finish", marks=pytest.mark.long),
    "batcher.shard_folder.move_to",
    pytest.param("batcher.shard_folder.Receipt.write", marks=pytest.mark.long),
    "batcher.inputs_file.InputsWriter.finish",
    pytest.param("batcher.generate.delete_all_but", marks=pytest.mark.long),
]


@pytest.mark.parametrize("place", PLACES)
def test_a_generation_that_is_killed_leaves_the_inputs_as_they_were(made, tiny_cache, place):
    before = load_inputs(made)
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from unittest import mock
import batcher.generate
from cache.utterances import UtteranceCache

cache, path = map(Path, sys.argv[1:])
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with (mock.patch({place!r}, kill), mock.patch("batcher.generate.LARGEST_FILE", 0),
      mock.patch("batcher.generate_shards.GROUP", 1)):
    batcher.generate.generate_inputs(UtteranceCache.open(cache), path, ("p225",))
"""
    command = [sys.executable, "-c", program, tiny_cache.folder, made]
    killed = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if place != "batcher.generate.delete_all_but":  # by then the new ones are complete
        assert_same(load_inputs(made), before)
    assert load_inputs(made).speakers in (("corpus/p225", "corpus/p226"), ("corpus/p226", "corpus/p362"))
    generate(tiny_cache, made, held_out=("p225",))
    assert len(load_inputs(made).train.names) == 8
    names = {path.name for path in made.with_suffix(".shards").iterdir()}
    assert names == {"checked.json", *(shard.name for shard in shards_of(made))}


def test_a_generation_goes_on_with_the_shards_that_were_finished(made, tiny_cache, monkeypatch):
    generated = []
    as_they_are = generate_shards.versions_of

    def versions_of(plan, *rest):
        generated.append(plan.utterance.utterance)
        if plan.utterance.utterance == fails:
            raise KeyboardInterrupt
        return as_they_are(plan, *rest)

    monkeypatch.setattr(generate_shards, "versions_of", versions_of)
    fails = "p362_005"
    with pytest.raises(KeyboardInterrupt):
        generate(tiny_cache, made, held_out=("p225",))
    assert len(generated) == 10
    assert len(list(made.with_suffix(".shards").glob("*.json"))) == 1  # of p226, whose shard also is in the old set
    assert load_inputs(made).speakers == ("corpus/p225", "corpus/p226")
    assert not list(made.with_suffix(".shards").glob(".tmp*"))

    fails = None
    generated.clear()
    generate(tiny_cache, made, held_out=("p225",))
    assert {name[:4] for name in generated} == {"p362"}
    assert load_inputs(made).speakers == ("corpus/p226", "corpus/p362")

    generated.clear()
    generate(tiny_cache, made, held_out=("p225",))  # nothing is left over of a generation that was finished
    assert len(generated) == 10


@pytest.mark.parametrize("damage", ["receipt", "shard"])
def test_what_is_left_of_a_killed_generation_is_not_trusted(made, tiny_cache, monkeypatch, damage):
    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("batcher.generate.write_sharded", killed)
        generate(tiny_cache, made, held_out=("p225",))
    for path in made.with_suffix(".shards").glob("*.json" if damage == "receipt" else "*.shard"):
        flip(path, path.stat().st_size // 2)
    generate(tiny_cache, made, held_out=("p225",))
    assert load_inputs(made).speakers == ("corpus/p226", "corpus/p362")


def test_only_shards_are_deleted_that_the_file_no_longer_names(made, tiny_cache, monkeypatch):
    folder = made.with_suffix(".shards")
    others = {"notes.txt", "abc.shard", f"{'0' * 64}.txt", ".tmp-mine"}
    for name in others:
        (folder / name).write_text("mine")
    (folder / f"{'0' * 64}.shard").write_text("left over")
    (folder / f".tmp-{'0' * 16}").write_text("left over")
    generate(tiny_cache, made, held_out=("p225",))
    assert {path.name for path in folder.iterdir()} == {*others, *(shard.name for shard in shards_of(made))}
    monkeypatch.setattr("batcher.generate.LARGEST_FILE", 1 << 32)
    generate(tiny_cache, made)
    assert {path.name for path in folder.iterdir()} == others
    for name in others:
        (folder / name).unlink()
    generate(tiny_cache, made)
    assert not folder.exists()


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path, tiny_cache):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "inputs.shards").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputsError, match="is a symbolic link"):
        generate(tiny_cache, tmp_path / "inputs.pkl")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_command_says_how_many_shards_there_are(tiny_cache, monkeypatch, capsys):
    where = ["cli.py", "--generate_training_inputs", "--cache_output_dir", str(tiny_cache.folder)]
    monkeypatch.setattr(sys, "argv", where)
    assert not cli.main()
    assert capsys.readouterr().out.endswith(f"; in 2 shards in {tiny_cache.folder / 'full_inputs.shards'}\n")
    monkeypatch.setattr(sys, "argv", [*where, "--json"])
    assert not cli.main()
    assert json.loads(capsys.readouterr().out)["shards"] == 2


def test_inputs_that_are_open_can_be_made_again(made, tiny_cache):
    inputs = load_inputs(made)
    frames = [inputs.train.frames_of(row) for row in range(8)]
    generate(tiny_cache, made, held_out=("p225", "p999"))
    for row in range(8):
        np.testing.assert_array_equal(inputs.train.frames_of(row), frames[row])


def test_the_ends_of_sharded_inputs_say_how_many_there_are(made):
    header = read_ends(made)
    assert (header.shards, header.utterances, header.speakers) == (2, 10, ("corpus/p225", "corpus/p226"))


@pytest.fixture(scope="module")
def records(tmp_path_factory, cache_template) -> list:
    """Header, shards, footer of inputs with a shard for each speaker; a test changes copies."""
    path = tmp_path_factory.mktemp("sharded") / "inputs.pkl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batcher.generate.LARGEST_FILE", 0)
        patch.setattr("batcher.generate_shards.GROUP", 1)
        generate_inputs(UtteranceCache.open(cache_template), path, ("p362",))
    return list(read_records(path))


@pytest.mark.parametrize("place, change, message", [
    (0, {"shards": 0}, "expected shards from 1 to"),
    (0, {"shards": "2"}, "expected shards as a whole number"),
    (0, {"shards": 3}, "expected a field 'sha256'"),
    (0, {"shards": 1}, "expected a field 'mean'"),
    (0, {"shards": 10**12}, "expected a field 'sha256'"),
    (0, {"format": "deep-speaker-inputs-6"}, "expected no field 'shards'"),
    (0, {"utterances": 11}, "expected shards of 11 utterances"),
    (0, {"copies": 1}, r"can't be used: expected lengths \(9,\) int32. Received \(5,\) int32"),
    (0, {"speakers": ["corpus/p225"]}, "expected speakers whom its header names"),
    (0, {"speakers": ["corpus/p225", "corpus/p226", "c/d"]}, "no training utterances of 1 of the 3 speakers"),
    (1, {"sha256": "../../../etc/passwd"}, "expected the SHA-256 of a shard"),
    (1, {"sha256": NESTED}, "expected sha256 as a text"),
    (1, {"sha256": "0" * 64}, "it is missing"),
    (1, {"bytes": -1}, "expected bytes from 0"),
    (1, {"bytes": 5}, "expected a shard with room for"),
    (1, {"bytes": 10**15}, "expected 1000000000000000 bytes"),
    (1, {"frames": 10**15}, "expected a shard with room for"),
    (1, {"frames": 1}, "can't be used: .*(damaged or not a pickle|no file of ours does|cut short)"),
    (1, {"frames": 0}, "expected frames from 1"),
    (1, {"utterances": 4}, "expected shards of 10 utterances"),
    (1, {"name": "x"}, "expected no field 'name'"),
])  # fmt: skip
def test_records_that_do_not_fit_are_refused_with_the_reason(made, records, place, change, message):
    changed = [*records]
    changed[place] = {**records[place], **change}
    with open(made, "wb") as file:
        for record in changed:
            write_record(file, record)
    with pytest.raises(InputsError, match=f"^[^\n]*is not usable as training inputs: .*{message}[^\n]*$"):
        load_inputs(made)


class _Forged(ShardWriter):
    """Writes a table with changes, and digests it as though it were right."""

    def __init__(self, file, change):
        super().__init__(file)
        self.change = change

    def finish(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("batcher.shard_file.write_record", self.write_changed)
            super().finish()

    def write_changed(self, file, table):
        write_record(file, self.change if isinstance(self.change, str) else {**table, **self.change})


def forged(path: Path, change=(), log_mel=None) -> Path:
    """Inputs in one shard of which everything is right, but for changes to the table or the frames."""
    header = InputsHeader(DEFAULT_FEATURES, (), ("c/a", "c/b"), "", 2, shards=1)
    folder = path.with_suffix(".shards")
    folder.mkdir()
    with open(folder / "made", "wb") as file:
        writer = _Forged(file, dict(change) if change == () else change)
        for label in (0, 1):
            writer.add(label, f"u{label}", "train", [np.zeros((5, 33), np.float16) if log_mel is None else log_mel])
        writer.finish()
    shard = writer.written
    (folder / "made").rename(folder / f"{shard.sha256}.shard")
    with open(path, "wb") as file:
        writer = InputsWriter(file, header)
        writer.add_shard(shard)
        writer.finish(FrameStatistics(np.zeros(60, np.float32), np.ones(60, np.float32)))
    return path


def test_a_forged_shard_without_changes_is_read(tmp_path):
    assert list(load_inputs(forged(tmp_path / "inputs.pkl")).train.names) == ["c/a/u0", "c/b/u1"]


INT = np.int32


@pytest.mark.parametrize("change, message", [
    ("text", "expected an object with named fields"),
    ({"labels": np.array([0, 2], INT)}, "expected speakers whom its header names"),
    ({"labels": np.array([0, -1], INT)}, "expected speakers whom its header names"),
    ({"labels": np.array([0, 1])}, r"expected labels \(2,\) int32. Received \(2,\) int64"),
    ({"labels": np.array([[0, 1]], INT)}, r"expected labels \(2,\)"),
    ({"labels": NESTED}, "expected labels as a ndarray"),
    ({"tests": np.array([0, 1], INT)}, r"expected tests \(2,\) bool"),
    ({"tests": np.array([True, True])}, "no training utterances of 2 of the 2"),
    ({"lengths": np.array([5, 6], INT)}, "expected utterances of 10 frames"),
    ({"lengths": np.array([11, -1], INT)}, "expected utterances of 10 frames"),
    ({"lengths": np.array([10, 0], INT)}, "expected utterances of 10 frames"),
    ({"lengths": np.array([2**31 - 1, 2**31 - 1], INT)}, "expected utterances of 10 frames"),
    ({"letters": np.frombuffer(b"u", np.uint8)}, "expected the letters of all names"),
    ({"letters": np.frombuffer(b"u0\xff\xff", np.uint8)}, "expected the letters|decode"),
    ({"name_lengths": np.array([5, -1], INT)}, "expected the letters of all names"),
    ({"more": 1}, "expected no field 'more'"),
])  # fmt: skip
def test_tables_that_do_not_fit_are_refused_with_the_reason(tmp_path, change, message):
    with pytest.raises(InputsError, match=f"^[^\n]*is not usable as training inputs: .*({message})[^\n]*$"):
        load_inputs(forged(tmp_path / "inputs.pkl", change))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_log_mel_values_that_are_no_numbers_are_refused(tmp_path, value):
    log_mel = np.zeros((5, 33), np.float16)
    log_mel[-1, -1] = value
    with pytest.raises(InputsError, match="log mel values that are NaN or infinite"):
        load_inputs(forged(tmp_path / "inputs.pkl", log_mel=log_mel))


def test_the_writer_refuses_to_finish_with_fewer_shards_than_it_announced(tmp_path):
    with open(tmp_path / "inputs.pkl", "wb") as file:
        writer = InputsWriter(file, InputsHeader(DEFAULT_FEATURES, (), ("p1",), "", utterances=0, shards=2))
        with pytest.raises(ValueError, match=r"as many shards as the header says\. Received -2"):
            writer.finish(FrameStatistics(np.zeros(60, np.float32), np.ones(60, np.float32)))
