"""Numbers go in and come out; whatever else a file asks for is refused, and nothing is run."""

import builtins
import collections
import copyreg
import functools
import io
import os
import pickle
import struct
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from audio.decode import LONGEST, SAMPLE_RATE
from audio.feature_settings import FRAME_STEP, MOST_FILTERS
from batcher.restricted_pickle import (
    DTYPES,
    HEADER_INSTRUCTIONS,
    INSTRUCTIONS,
    LARGEST_RECORD,
    LONGEST_TEXT,
    TEXT,
    UnsafePickleError,
    _ArrayUnpickler,
    read_records,
    write_record,
)

ROOT = Path(__file__).resolve().parents[1]
MEMORY = 5e6  # bytes that reading a small file may take


class Reduced:
    """An object whose pickle is the call that it is made with."""

    def __init__(self, *reduction):
        self.reduction = reduction

    def __reduce__(self):
        return self.reduction


class SubclassedArray(np.ndarray):
    pass


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value.encode())]) + value.encode()


def named(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"  # STACK_GLOBAL


def dtype(code: bytes, *state: bytes) -> bytes:
    """numpy.dtype(code, False, True), and its state where one is given."""
    return named("numpy", "dtype") + code + b"\x89\x88\x87R" + (b"(" + b"".join(state) + b"tb" if state else b"")


def array(kind: bytes, data: bytes, length: int) -> bytes:
    buffer = b"\x96" + struct.pack("<Q", len(data)) + data
    shape = b"J" + struct.pack("<i", length) + b"\x85"
    return named("numpy._core.numeric", "_frombuffer") + b"(" + buffer + kind + shape + text("C") + b"tR"


def field_outside() -> bytes:
    """An array of 8 bytes whose field lies a gigabyte further on, and a number to write there."""
    fields = b"}" + text("a") + b"(" + dtype(text("f8")) + number(2**30) + b"ts"
    state = (number(3), text("|"), b"N", text("a") + b"\x85", fields, number(8), number(1), number(0))
    return array(dtype(text("f8"), *state), bytes(8), 1) + text("a") + b"G" + struct.pack(">d", 1.5) + b"s"


def subarray_outside() -> bytes:
    """An array of 8 bytes whose elements have 80."""
    subarray = b"(" + dtype(text("f8")) + b"(" + number(10) + b"tt"
    state = (number(3), text("|"), subarray, b"NN", number(8), number(1), number(0))
    return array(dtype(text("S8"), *state), bytes(8), 10)


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def laughs(depth: int) -> bytes:
    """A tuple of two of the same tuple of two of … : 2**depth elements in a few bytes; nothing may stand before it."""
    return b")\x94" + b"".join(b"h%c\x86\x94" % index for index in range(depth))  # MEMOIZE; BINGET, TUPLE2, MEMOIZE


def write(folder: Path, content: bytes) -> Path:
    (folder / "records.pkl").write_bytes(content)
    return folder / "records.pkl"


def refused(path: Path, memory: float = MEMORY) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UnsafePickleError):
            list(read_records(path))
        assert tracemalloc.get_traced_memory()[1] < memory
    finally:
        tracemalloc.stop()


def test_arrays_and_plain_containers_come_back(tmp_path):
    rng = np.random.default_rng(0)
    arrays = [(10 * rng.random((7, 39))).astype(kind) for kind in DTYPES]
    arrays += [np.zeros((0, 39), np.float16), np.asfortranarray(rng.normal(size=(3, 4)))]
    plain = {"text": "Zoë", "n": 2**70, "f": 1.5, "none": None, "b": b"\0", "l": [1, (2, [3])], "t": True, "d": {}}
    with open(tmp_path / "records.pkl", "wb") as file:
        for record in (plain, *arrays, {"features": arrays[0]}):
            write_record(file, record)
    records = list(read_records(tmp_path / "records.pkl"))
    assert records[0] == plain
    for read, written in zip(records[1:-1], arrays, strict=True):
        assert (read.dtype, read.shape) == (written.dtype, written.shape)
        np.testing.assert_array_equal(read, written)
    np.testing.assert_array_equal(records[-1]["features"], arrays[0])


def test_records_are_read_one_at_a_time(tmp_path):
    buffer = io.BytesIO()
    write_record(buffer, "first")
    records = read_records(write(tmp_path, buffer.getvalue() + b"rubbish"))
    assert next(records) == "first"
    with pytest.raises(UnsafePickleError):
        next(records)


def test_an_empty_file_holds_no_records_and_a_missing_one_is_an_os_error(tmp_path):
    assert list(read_records(write(tmp_path, b""))) == []
    with pytest.raises(FileNotFoundError):
        list(read_records(tmp_path / "missing"))


def hostile_objects(sentinel: Path) -> list[object]:
    command = f"touch {sentinel}"
    code = f"open({str(sentinel)!r}, 'w')"
    inner = Reduced(os.system, (command,))
    return [
        inner,
        Reduced(builtins.eval, (code,)),
        Reduced(builtins.exec, (code,)),
        Reduced(subprocess.call, (["touch", str(sentinel)],)),
        Reduced(list, (Reduced(map, (os.system, [command])),)),
        Reduced(functools.partial(os.system, command), ()),
        {"features": [1, (2, {"deep": inner})]},
        Reduced(np.dtype, (inner,)),
        Reduced(np.array, ([1, 2],)),
        Reduced(np.load, (str(sentinel),)),
        Reduced(dict, ([("a", inner)],)),
        Reduced(collections.OrderedDict, ()),
        Reduced(copyreg._reconstructor, (Reduced, object, None)),
        Reduced(open, (str(sentinel), "w")),
        np.array([inner, 1], object),
        np.zeros(2, [("a", "f4"), ("b", "O")]),
        np.zeros(2, [("a", "f4")]),
        np.zeros(3).view(SubclassedArray),
        np.ma.masked_array([1, 2], [True, False]),
        np.float32(1),
        np.datetime64("2020-01-01"),
        Path("x"),
        range(3),
        complex(1, 2),
        os.system,
        SubclassedArray,
        slice(1),
        np.dtype("f4"),
        np.zeros(3, ">f4"),
        np.array(["p225"]),
        np.array([b"x"]),
        {1, 2},
        frozenset([1]),
        {4: 1},
    ]


@pytest.mark.parametrize("index", range(len(hostile_objects(Path("x")))))
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_objects_are_refused_and_not_run(tmp_path, index, protocol):
    sentinel = tmp_path / "ran"
    refused(write(tmp_path, pickle.dumps(hostile_objects(sentinel)[index], protocol)))
    assert not sentinel.exists()


def test_the_hostile_collection_does_run_where_nothing_is_restricted(tmp_path):
    for number, hostile in enumerate(hostile_objects(tmp_path / "ran")[:6]):
        pickle.loads(pickle.dumps(hostile))
        assert (tmp_path / "ran").exists(), number
        (tmp_path / "ran").unlink()


HOSTILE_CODE = {
    "global": b"cos\nsystem\n(S'touch {}'\ntR.",
    "inst": b"(S'touch {}'\nios\nsystem\n.",
    "obj": b"(" + named("numpy", "dtype") + b"o.",
    "dotted name": named("numpy", "dtype.__class__") + b".",
    "dotted module": b"cnumpy.core.numeric\n_frombuffer.__globals__\n.",
    "newobj": named("numpy", "dtype") + b")\x81.",
    "newobj_ex": named("numpy", "dtype") + b")}\x92.",
    "persistent id": b"Psecret\n.",
    "binary persistent id": b"N" + b"Q.",
    "ext1": b"\x82\x01.",
    "ext2": b"\x83\x01\x00.",
    "ext4": b"\x84\x01\x00\x00\x00.",
    "binbytes8 of 2**40": b"\x8e" + struct.pack("<Q", 2**40) + b"x.",
    "binunicode8 of 2**40": b"\x8d" + struct.pack("<Q", 2**40) + b"x.",
    "binbytes of 2**31": b"B" + struct.pack("<I", 2**31) + b"x.",
    "binunicode of 2**31": b"X" + struct.pack("<I", 2**31) + b"x.",
    "long4 of 2**30": b"\x8b" + struct.pack("<i", 2**30) + b"x.",
    "negative long4": b"\x8b" + struct.pack("<i", -1) + b"x.",
    "frame of 2**40": b"\x95" + struct.pack("<Q", 2**40) + b"N.",
    "unset back reference": b"j" + struct.pack("<I", 2**31) + b".",
    "buffer out of band": b"\x97.",
    "object array": array(dtype(text("O")), bytes(8), 1) + b".",
    "structured array": array(dtype(text("f4,O")), bytes(12), 1) + b".",
    "array longer than its bytes": array(dtype(text("f8")), bytes(8), 2**30) + b".",
    "array of text of 4 GB": array(dtype(text("U1000000000")), bytes(8), 1) + b".",
    "bytearray of 2**26": b"\x96" + struct.pack("<Q", 2**26) + b"x.",
    "array with a field outside its data": field_outside() + b".",
    "array with elements longer than its data": subarray_outside() + b".",
    "type named by a nested tuple": laughs(40) + named("numpy", "dtype") + b"h\x28\x89\x88\x87R.",
    "state of a nested tuple": laughs(40) + dtype(text("f8")) + b"h\x28b.",
    "key of a nested tuple": laughs(40) + b"}h\x28K\x01s.",
    "keys of nested tuples": laughs(40) + b"}(h\x28K\x01u.",
    "dict of a nested tuple": b"(" + laughs(40) + b"K\x01d.",
    "set of a nested tuple": laughs(40) + b"\x8f(h\x28\x90.",
    "key without a value": b"}(" + text("a") + b"u.",
    "function as a record": named("numpy", "dtype") + b".",
    "function in a record": b"]" + named("numpy", "dtype") + b"a.",
    "function given attributes": named("numpy", "dtype") + b"N}" + text("__doc__") + text("changed") + b"s\x86b.",
    "item of an array": array(dtype(text("f8")), bytes(8), 1) + b"K\x00K\x01s.",
    "items of an array": array(dtype(text("f8")), bytes(8), 1) + b"(K\x00K\x01u.",
    "append to a bytearray": b"\x96" + struct.pack("<Q", 1) + b"xK\x01a.",
    "appends to a bytearray": b"\x96" + struct.pack("<Q", 1) + b"x(K\x01e.",
    "large index of a back reference": b"Nr" + struct.pack("<I", 2**31) + b".",
    "array of the number 0": named("numpy._core.numeric", "_frombuffer") + b"K\x00K\x00K\x00K\x00(tR.",
    "a type turned into objects": array(
        dtype(text("f8"), number(3), text("|"), b"NNN", number(-1), number(-1), number(63)), bytes(8), 1
    )
    + b".",
    "state of plain text": text("x") + b"}" + text("a") + b"K\x01sb.",
    "no stop": b"N",
    "empty stack": b".",
    "protocol 99": b"\x80\x63N.",
}


@pytest.mark.parametrize("name", HOSTILE_CODE)
def test_hostile_instructions_are_refused(tmp_path, name):
    sentinel = tmp_path / "ran"
    refused(write(tmp_path, b"\x80\x05" + HOSTILE_CODE[name].replace(b"{}", os.fsencode(sentinel))))
    assert not sentinel.exists()


@pytest.mark.parametrize(
    "name", ["newobj", "newobj_ex", "inst", "obj", "persistent id", "binary persistent id", "ext1"]
)
def test_instructions_that_build_objects_are_refused_for_what_they_are(tmp_path, name):
    with pytest.raises(UnsafePickleError, match="no file of ours"):
        list(read_records(write(tmp_path, HOSTILE_CODE[name])))


MANY = 300_000  # of an instruction
ENDLESS = {
    "memoize": b"N" + b"\x94" * MANY,
    "none": b"N" * MANY,
    "numbers": b"K\x01" * MANY,
    "lists": b"]" * MANY,
    "lists with their places in the memo": b"]\x94" * MANY,
    "dicts": b"}" * MANY,
    "marks": b"(" * MANY,
    "empty tuples": b")" * MANY,
    "deep tuples": b")" + b"\x85" * MANY,
    "a wide tuple of lists": b"(" + b"]" * MANY + b"t.",
    "back references": b"]\x94" + b"h\x00" * MANY,
    "short texts": b"\x8c\x00\x94" * MANY,
    "wide texts": (b"\x8c\xff" + b"a" * 251 + "😀".encode()) * (MANY // 250),
    "a wide text": b"X" + struct.pack("<I", MANY) + b"a" * (MANY - 4) + "😀".encode(),
    "long numbers": (b"\x8a\xff" + b"\x01" * 255) * (MANY // 250),
    "short bytes": (b"C\xff" + b"\x01" * 255) * (MANY // 250),
    "bytes": (b"B" + struct.pack("<I", MANY // 10) + bytes(MANY // 10)) * 10,
    "bytearrays": (b"\x96" + struct.pack("<Q", MANY // 10) + bytes(MANY // 10)) * 10,
    "functions": named("numpy", "dtype") * (MANY // 10),
    "items of a list": b"]" + b"(NNNNe" * (MANY // 5),
    "items of a dict": b"}" + b"".join(b"\x8c\x04%04xK\x01s" % (i % 65536) for i in range(MANY // 5)),
    "protocols": b"\x80\x05" * MANY,
    "empty frames": (b"\x95" + bytes(8)) * MANY,
}


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize("name", ENDLESS)
def test_no_record_takes_more_than_its_share(tmp_path, monkeypatch, name, framed):
    monkeypatch.setattr("batcher.restricted_pickle.HEADER_INSTRUCTIONS", 2000)
    monkeypatch.setattr("batcher.restricted_pickle.LARGEST_RECORD", 200_000)
    content = b"\x80\x05" + (b"\x95" + struct.pack("<Q", len(ENDLESS[name])) if framed else b"") + ENDLESS[name]
    refused(write(tmp_path, content), memory=1e6)


def test_the_shares_of_a_record_add_up_to_little_memory():
    assert HEADER_INSTRUCTIONS * (150 + TEXT) + LARGEST_RECORD < 150e6  # bytes; an instruction takes up to 150


def test_so_many_instructions_are_run_and_no_more(tmp_path, monkeypatch):
    run = []
    monkeypatch.setitem(_ArrayUnpickler.dispatch, pickle.NONE[0], lambda unpickler: run.append(unpickler))
    for first, expected in ((b"", HEADER_INSTRUCTIONS), (b"K\x01.", INSTRUCTIONS)):
        run.clear()
        with pytest.raises(UnsafePickleError, match="more instructions"):
            list(read_records(write(tmp_path, first + b"N" * (HEADER_INSTRUCTIONS + 1))))
        assert len(run) == expected


def test_so_much_text_is_read_and_no_more(tmp_path):
    def read(*texts: str) -> list:
        with open(tmp_path / "texts.pkl", "wb") as file:
            for record in (None, [*texts]):  # the first, a header, may have more
                write_record(file, record)
        return list(read_records(tmp_path / "texts.pkl"))

    longest = [letter * LONGEST_TEXT for letter in "abcd"]
    assert read(*longest[:3]) == [None, longest[:3]]
    with pytest.raises(UnsafePickleError, match="a text that is longer than any of ours"):
        read(longest[0] + "a")
    with pytest.raises(UnsafePickleError, match="a record of more text than any of ours has"):
        read(*longest)


def test_a_header_of_a_hundred_thousand_speakers_is_read(tmp_path):
    names = [f"a corpus/speaker number {number}" for number in range(100_000)]
    header = {"speakers": names, "held_out": [f"one more corpus/{name}" for name in names[:20_000]]}
    with open(tmp_path / "records.pkl", "wb") as file:
        write_record(file, header)
    assert list(read_records(tmp_path / "records.pkl")) == [header]


def test_the_longest_utterance_of_the_most_filters_is_read(tmp_path):
    frames = LONGEST // round(SAMPLE_RATE * FRAME_STEP)
    log_mel = np.zeros((frames, MOST_FILTERS + 1), np.float16)
    with open(tmp_path / "records.pkl", "wb") as file:
        for record in ("header", {"corpus": "c" * 4096, "log_mel": log_mel}):
            write_record(file, record)
    assert list(read_records(tmp_path / "records.pkl"))[1]["log_mel"].shape == log_mel.shape


def test_an_extension_that_this_process_has_registered_is_refused_too(tmp_path, monkeypatch):
    monkeypatch.setitem(copyreg._extension_cache, 1, os.system)  # found there, it would never pass find_class
    refused(write(tmp_path, b"\x80\x05\x82\x01."))


def test_a_nested_tuple_is_looked_into_once(tmp_path):
    assert len(list(read_records(write(tmp_path, b"\x80\x05" + laughs(60) + b".")))) == 1


def test_every_truncation_of_a_file_is_refused(tmp_path):
    buffer = io.BytesIO()
    write_record(buffer, {"features": np.ones((4, 3), np.float16), "speaker": "p225"})
    whole = buffer.getvalue()
    for length in range(1, len(whole)):
        with pytest.raises(UnsafePickleError):
            list(read_records(write(tmp_path, whole[:length])))


def test_random_bytes_never_raise_anything_else(tmp_path):
    rng = np.random.default_rng(0)
    for _ in range(300):
        content = rng.bytes(rng.integers(1, 200))
        try:
            list(read_records(write(tmp_path, content)))
        except UnsafePickleError as error:
            assert str(error)


def test_every_changed_bit_of_a_file_is_refused_or_changes_a_number(tmp_path):
    buffer = io.BytesIO()
    write_record(buffer, {"features": np.ones((4, 3), np.float16), "speaker": "p225"})
    whole = int.from_bytes(buffer.getvalue())
    refusals = 0
    for bit in range(8 * buffer.tell()):
        try:
            list(read_records(write(tmp_path, (whole ^ 1 << bit).to_bytes(buffer.tell()))))
        except UnsafePickleError as error:
            assert str(error)
            refusals += 1
    assert 500 < refusals < 8 * buffer.tell()
