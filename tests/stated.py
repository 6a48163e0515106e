"""Files whose headers state another length, or another rate, than is true."""

import struct
from pathlib import Path

from conftest import write_tone

from audio.decode import SAMPLE_RATE


def lying_wav(path: Path, claimed: int, payload: bytes, rate: int = SAMPLE_RATE) -> Path:
    header = (
        b"RIFF"
        + struct.pack("<I", claimed + 36)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    )
    path.write_bytes(header + b"data" + struct.pack("<I", claimed) + payload)
    return path


def flac_of_length(path: Path, stated: int) -> Path:
    """A FLAC file of half a second whose header states another number of samples; 0 is what a pipe gets."""
    content = bytearray(write_tone(path).read_bytes())
    content[21:26] = (content[21] >> 4 << 36 | stated).to_bytes(5, "big")  # 4 bits before it are of the sample size
    path.write_bytes(content)
    return path
