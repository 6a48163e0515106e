"""A thousand damaged files, most WAV and FLAC: each is taken or skipped with a reason, in little time and memory.

A case is a function of its number. To see how one ends: PYTHONPATH=.:tests python -c "from test_fuzz_audio import *;
print(outcome(Path('/tmp/fuzz'), case(417)))"
"""

import contextlib
import functools
import io
import multiprocessing
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import VOICES

from audio.decode import decode
from audio.reader import UnusableAudioError
from audio.utterance import MINIMUM_SPEECH
from cache.entries import HEADER_SIZE, Skipped, make_entry
from cache.staging import STAGING_FOLDER
from corpus.recording import Recording

CASES = 1000
CASES_PER_PROCESS = 500
PATIENCE = 10  # s for a case, which takes a few ms
MEMORY = 64 << 20  # bytes that a process may take beside what it has after its first file
PART = (0.1, 0.4)  # s
SPEECH = slice(8000, 16000)  # samples of a recording at 16 kHz: half a second

ORIGINALS = (  # container, subtype, channels
    *(("WAV", subtype, 1) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW")),
    *(("WAV", subtype, 1) for subtype in ("IMA_ADPCM", "MS_ADPCM", "GSM610")),
    *(("WAVEX", "PCM_16", 6), ("WAVEX", "FLOAT", 2), ("RF64", "PCM_16", 1), ("W64", "PCM_16", 1)),
    *((container, "PCM_16", 1) for container in ("AIFF", "AU", "CAF", "NIST")),
    *(("FLAC", "PCM_S8", 1), ("FLAC", "PCM_16", 1), ("FLAC", "PCM_16", 2), ("FLAC", "PCM_24", 6)),
)
FIELDS = {  # marker: (offset from it, bytes) of what a header states: sizes, format tag, channels, rate, bits, length
    b"RIFF": ((4, 4),),
    b"fmt ": ((4, 4), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2), (22, 2), (24, 2), (26, 2), (28, 4)),
    b"fact": ((4, 4), (8, 4)),
    b"ds64": ((4, 4), (8, 8), (16, 8), (24, 8)),
    b"data": ((4, 4), (16, 8)),
    b"COMM": ((4, 4), (8, 2), (10, 4), (14, 2)),
    b"SSND": ((4, 4), (8, 4)),
    b".snd": ((4, 4), (8, 4), (12, 4), (16, 4), (20, 4)),
    b"caff": ((12, 8), (20, 8), (32, 4), (36, 4), (40, 4), (44, 4)),
    b"fLaC": ((4, 4), (8, 2), (10, 2), (12, 3), (15, 3), (18, 2), (20, 1), (21, 1), (22, 4)),
}
BIG_ENDIAN = {b"COMM", b"SSND", b".snd", b"caff", b"fLaC"}
STATED = (
    *(0, 1, 2, 3, 6, 7, 8, 17, 24, 32, 49, 64, 255, 1024, 2000, 8000, 44_100, 65_534, 768_000),
    *(2**31 - 1, 2**31, 3 << 30, 2**40, 2**63, 2**64 - 1),
)


def pick(rng: np.random.Generator, options):
    return options[rng.integers(len(options))]


@functools.cache
def originals() -> tuple[bytes, ...]:
    """Half a second of speech in every format."""
    files = []
    for (container, subtype, channels), voice in zip(ORIGINALS, 2 * sorted(VOICES.glob("*/*_001.flac"))):
        speech, rate = soundfile.read(voice)
        buffer = io.BytesIO()
        soundfile.write(buffer, np.tile(speech[SPEECH, None], channels), rate, format=container, subtype=subtype)
        files.append(buffer.getvalue())
    assert len(files) == len(ORIGINALS)
    return tuple(files)


def state_otherwise(rng: np.random.Generator, content: bytes) -> bytes:
    """Give a field of a header another value."""
    marker = pick(rng, [marker for marker in FIELDS if marker in content] or [b""])
    offset, size = pick(rng, FIELDS.get(marker, ((0, 4),)))
    value = pick(rng, STATED) if rng.random() < 0.7 else int.from_bytes(rng.bytes(size))
    stated = (value % 2 ** (8 * size)).to_bytes(size, "big" if marker in BIG_ENDIAN else "little")
    start = content.find(marker) + offset
    return content[:start] + stated + content[start + size :]


def flip_bits(rng: np.random.Generator, content: bytes) -> bytes:
    """Flip up to eight bits; half the time, they are the header's."""
    flipped = bytearray(content)
    for place in rng.integers(pick(rng, (len(content), min(len(content), 100))), size=rng.integers(1, 9)):
        flipped[place] ^= 1 << rng.integers(8)
    return bytes(flipped)


def replace_run(rng: np.random.Generator, content: bytes) -> bytes:
    """Put other bytes, more or fewer, in the place of some: overwrite, insert, remove, repeat, or splice two files."""
    start, end, again = (int(place) for place in rng.integers(len(content) + 1, size=3))
    length = int(2 ** rng.uniform(0, 12))
    other, filling = pick(rng, originals()), pick(rng, (b"\0", b"\xff")) * length
    new = pick(rng, (rng.bytes(length), filling, b"", content[again : again + length], other[again:]))
    return content[:start] + new + content[max(start, pick(rng, (start, start + length, end))) :]


def cut(rng: np.random.Generator, content: bytes) -> bytes:
    """Keep the first bytes; half the time, not even the whole header."""
    return content[: rng.integers(pick(rng, (len(content), min(len(content), 100))))]


def case(number: int) -> bytes:
    """One of the originals, damaged once to three times."""
    rng = np.random.default_rng(number)
    content = pick(rng, originals())
    for _ in range(rng.integers(1, 4)):
        damage = pick(rng, (state_otherwise, state_otherwise, flip_bits, flip_bits, replace_run, replace_run, cut))
        content = damage(rng, content) if content else content
    return content


def outcome(folder: Path, content: bytes) -> str:
    """Why the cache skips a recording of that content, or "taken"; a part of it is decoded or refused, too."""
    (folder / STAGING_FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / "x.wav").write_bytes(content)
    with contextlib.suppress(UnusableAudioError):
        assert len(decode(folder / "x.wav", *PART))
    made = make_entry(folder, (Recording("corpus", "speaker", "x", "", str(folder), "x.wav"), None))
    if isinstance(made, Skipped):
        assert made.reason.strip()
        return made.reason
    utterance, staged, _ = made
    assert utterance.samples >= MINIMUM_SPEECH
    assert staged.stat().st_size == HEADER_SIZE + 2 * utterance.samples
    staged.unlink()
    return "taken"


def run_cases(numbers: range, folder: Path, journal: Path) -> None:
    """Note how each case ends, in a process of its own: little memory, an alarm, and warnings are errors."""
    import resource  # Windows has none

    warnings.simplefilter("error")
    assert outcome(folder, originals()[0]) == "taken"
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY, resource.RLIM_INFINITY))
    with open(journal, "w", encoding="utf-8") as file:
        for number in numbers:
            file.write(f"{number}: ")
            file.flush()  # so that a process that is killed leaves the number
            signal.alarm(PATIENCE)
            file.write(f"{outcome(folder, case(number))!r}\n")


@pytest.mark.skipif(sys.platform != "linux", reason="a process's memory is measured and bounded as Linux does it")
@pytest.mark.parametrize(
    "first",
    [0, *(pytest.param(first, marks=pytest.mark.long) for first in range(CASES_PER_PROCESS, CASES, CASES_PER_PROCESS))],
)
def test_no_damage_crashes_hangs_or_takes_memory(tmp_path, first):
    journal = tmp_path / "journal"
    numbers = range(first, first + CASES_PER_PROCESS)
    process = multiprocessing.get_context("spawn").Process(target=run_cases, args=(numbers, tmp_path, journal))
    process.start()
    process.join()
    lines = journal.read_text("utf-8").splitlines()
    how = f"{process.exitcode} (1: an exception, {-signal.SIGALRM}: too slow)"
    assert process.exitcode == 0, f"the process ended with {how} in case {lines[-1]}"
    endings = [line.partition(": ")[2] for line in lines]
    assert len(endings) == CASES_PER_PROCESS
    assert 0.2 < endings.count("'taken'") / len(endings) < 0.75
    assert len(set(endings)) > 20  # the other reasons are many
