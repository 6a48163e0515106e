"""What the restricted pickle does not yet refuse: each of these is a bug to fix, and then an ordinary test."""

import struct
import subprocess
import sys

import pytest
from test_restricted_pickle import ROOT, array, dtype, laughs, named, number, refused, text, write

from batcher.restricted_pickle import UnsafePickleError, read_records

PROTOCOL = b"\x80\x05"
PLAIN = text("|"), b"N"  # byte order, no subarray
READ = """
import pathlib, sys
from batcher.restricted_pickle import UnsafePickleError, read_records
try:
    list(read_records(pathlib.Path(sys.argv[1])))
except UnsafePickleError:
    print("refused")
"""


def bug(reason):
    return pytest.mark.xfail(strict=True, reason=reason)


def read_apart(path) -> str:
    """Read in a process of its own, which may die of it."""
    done = subprocess.run([sys.executable, "-B", "-c", READ, path], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"the process ended with {done.returncode}"
    return done.stdout


@bug("BUILD hands numpy.dtype.__setstate__ the file's state: a field at any offset, and SETITEM writes there (SIGSEGV)")
def test_a_field_outside_the_array_is_refused(tmp_path):
    fields = b"}" + text("a") + b"(" + dtype(text("f8")) + number(2**30) + b"ts"
    kind = dtype(text("f8"), number(3), *PLAIN, text("a") + b"\x85", fields, number(8), number(1), number(0))
    assign = text("a") + b"G" + struct.pack(">d", 1.5) + b"s"
    path = write(tmp_path, PROTOCOL + array(kind, bytes(8), 1) + assign + b".")
    assert read_apart(path) == "refused\n"


@bug("the same door: a subarray type of 80 bytes over 8 bytes of data, and the array shows memory behind its data")
def test_a_subarray_longer_than_its_bytes_is_refused(tmp_path):
    subarray = b"(" + dtype(text("f8")) + b"(" + number(10) + b"tt"
    kind = dtype(text("S8"), number(3), text("|"), subarray, b"NN", number(8), number(1), number(0))
    assert read_apart(write(tmp_path, PROTOCOL + array(kind, bytes(8), 10) + b".")) == "refused\n"


@bug("BUILD on a function that find_class returned sets its attributes, for the rest of the process")
def test_our_own_functions_are_not_changed(tmp_path):
    state = b"N" + b"}" + text("__doc__") + text("changed") + b"s" + b"\x86b"
    path = write(tmp_path, PROTOCOL + named("numpy", "dtype") + state + b".")
    code = READ + "from batcher import restricted_pickle\nprint(restricted_pickle._plain_dtype.__doc__)\n"
    done = subprocess.run([sys.executable, "-B", "-c", code, path], cwd=ROOT, capture_output=True, text=True)
    assert "changed" not in done.stdout


@bug("a record can be one of the two admitted functions")
def test_a_function_is_no_record(tmp_path):
    with pytest.raises(UnsafePickleError):
        list(read_records(write(tmp_path, PROTOCOL + named("numpy", "dtype") + b".")))


@bug("the interpreter makes bytearray(length) before it reads, so _BoundedFile is asked too late")
def test_a_bytearray_that_is_not_there_costs_no_memory(tmp_path):
    refused(write(tmp_path, PROTOCOL + b"\x96" + struct.pack("<Q", 2**26) + b"x."))


@bug("str(code) spells out a nested tuple: 60 bytes of file make 2**20 pairs of brackets")
def test_a_type_named_by_a_nested_tuple_costs_no_memory(tmp_path):
    refused(write(tmp_path, PROTOCOL + dtype(laughs(20)) + b"."))
