"""Noises, and rooms' impulse responses, that a user has recorded or fetched: MUSAN, RIRS_NOISES, or any folder.

Files of any format, rate and length; of several channels the first. Only their names are kept in memory: what a copy
needs is read when it is made. Names also tell what is what: in RIRS_NOISES noises lie beside responses, and MUSAN has
music, and speech, of which several recordings together make babble.
"""

import hashlib
import logging
import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from audio.decode import SAMPLE_RATE, decode
from audio.errors import UnusableAudioError
from audio.header import NEVER_WRITTEN
from audio.opening import open_recording
from corpus.walk import absolute, audio_files
from storage.digest import file_sha256
from storage.errors import UserError, first_few
from storage.parallel import Workers, parallel_map
from storage.progress import tracked

NOISES, RESPONSES = "noises", "impulse responses"  # what a folder may be asked for
SPEECH, MUSIC, NOISE = "speech", "music", "noise"  # kinds of noises; a folder of that name holds them, or it is noise
LONGEST_RESPONSE = 20.0  # s; halls take 10, and what is longer is no impulse response
RESPONSE_KEPT = 1.5  # s of it after the direct sound
BEFORE_DIRECT = 0.002  # s of it before
NAMES_SHOWN = 3

_SAYS_RESPONSE = re.compile(r"(?<![a-z])rirs?(?![a-z])", re.IGNORECASE)  # RIRS_NOISES/simulated_rirs/...
_SAYS_NOISE = re.compile(r"noise", re.IGNORECASE)  # .../real_rirs_isotropic_noises/RVB2014_type1_noise_....wav

logger = logging.getLogger(__name__)


class SurroundingsError(UserError):
    """A folder of noises or responses can't be used; the message says which and why."""


class Surroundings(NamedTuple):
    """The recordings of a folder, by kind; and what they are, in names and contents, as a SHA-256."""

    kinds: dict[str, list[Path]]  # none of them empty
    sha256: str

    def draw(self, count: int, rng: np.random.Generator) -> tuple[str, tuple[Path, ...]]:
        """A kind, each as probable as another, and so many recordings of it, some of them perhaps the same."""
        kind = str(rng.choice(list(self.kinds)))
        of_kind = self.kinds[kind]
        return kind, tuple(of_kind[number] for number in rng.integers(0, len(of_kind), count))


def find_surroundings(folder: Path, what: str, workers: Workers = 1) -> Surroundings:
    """Look through a folder, at any depth.

    Args:
        what: `NOISES` or `RESPONSES`; recordings whose names say that they are the other are left out.

    Raises:
        SurroundingsError: there is no such folder, or nothing in it that can be used.
    """
    if not folder.is_dir():
        raise SurroundingsError(f"expected a folder of {what}. Received {folder}, which is none")
    everything = audio_files(folder)
    paths = [path for path in everything if _says(path, folder) in (what, None)]
    survey = parallel_map(partial(_survey, what=what), paths, workers)
    answers = dict(zip(paths, tracked(survey, what, len(paths), "file")))
    digests = {path: answer for path, answer in answers.items() if isinstance(answer, bytes)}
    unusable = [f"{path} ({answer})" for path, answer in answers.items() if isinstance(answer, str)]
    if not digests:
        others = f", but {len(everything) - len(paths)} files whose names say otherwise" * (
            len(paths) < len(everything)
        )
        reason = f": {first_few(unusable, NAMES_SHOWN)}" if unusable else ""
        raise SurroundingsError(f"expected {what}. Received {folder}, which holds none that are of use{others}{reason}")
    if unusable:
        logger.warning("%d of the %s are of no use: %s", len(unusable), what, first_few(unusable, NAMES_SHOWN))
    kinds: dict[str, list[Path]] = {}
    for path in digests:
        kinds.setdefault(_kind(path, folder) if what == NOISES else what, []).append(path)
    return Surroundings(kinds, _fingerprint(folder, digests))


def read_noise(path: Path, samples: int, rng: np.random.Generator) -> np.ndarray:
    """A random stretch of a recording, repeated where it is shorter: float32, (samples,), at 8 kHz.

    Raises:
        UnusableAudioError: it can't be read any more; or it is longer than half an hour, and its format does not
            say so before it is decoded.
    """
    wanted = samples / SAMPLE_RATE
    lasts = _seconds(path)
    if lasts is not None and lasts > wanted:
        begin = rng.uniform(0, lasts - wanted)
        return np.resize(decode(path, begin, begin + wanted, channel=1), samples)
    whole = decode(path, channel=1)
    first = int(rng.integers(0, max(len(whole) - samples, 0) + 1))
    return np.resize(whole[first:], samples)


def read_response(path: Path) -> np.ndarray:
    """An impulse response from shortly before the direct sound, which is 1: float32, (taps,), at 8 kHz.

    Raises:
        UnusableAudioError: it can't be read any more, or it is silent.
    """
    response = decode(path, channel=1)
    direct = int(np.abs(response).argmax())
    if not response[direct]:
        raise UnusableAudioError("silent")
    first, last = direct - int(BEFORE_DIRECT * SAMPLE_RATE), direct + int(RESPONSE_KEPT * SAMPLE_RATE)
    return response[max(first, 0) : last] / response[direct]


def _says(path: Path, folder: Path) -> str | None:
    """What a recording is by its name, or that of the innermost folder that says so."""
    for part in reversed((absolute(folder).name, *path.relative_to(folder).parts)):
        noise, response = _SAYS_NOISE.search(part), _SAYS_RESPONSE.search(part)
        if response or noise:
            return RESPONSES if response else NOISES
    return None


def _kind(path: Path, folder: Path) -> str:
    folders = {part.lower() for part in (absolute(folder).name, *path.relative_to(folder).parent.parts)}
    return next((kind for kind in (SPEECH, MUSIC) if kind in folders), NOISE)


def _survey(path: Path, what: str) -> bytes | str:
    """The SHA-256 of a file's content, or why it is of no use."""
    if not path.is_file():
        return "neither a file nor a link to one"  # but a pipe, or a device, which may never end
    try:
        lasts = _seconds(path)
        if lasts == 0:
            return "empty"
        if what == RESPONSES and (lasts or len(decode(path)) / SAMPLE_RATE) > LONGEST_RESPONSE:
            return f"longer than {LONGEST_RESPONSE:g} s, so no impulse response"
        return bytes.fromhex(file_sha256(path))
    except (UnusableAudioError, OSError) as error:
        return str(error)


def _seconds(path: Path) -> float | None:
    """How long a recording is; None where only its end will tell."""
    try:
        with open_recording(path) as file:
            return file.frames / file.samplerate if file.frames < NEVER_WRITTEN else None
    except (RuntimeError, OSError, ValueError, TypeError) as error:  # soundfile's are RuntimeErrors
        raise UnusableAudioError(f"not readable as audio ({error})") from error


def _fingerprint(folder: Path, digests: dict[Path, bytes]) -> str:
    whole = hashlib.sha256()
    for path, digest in digests.items():
        whole.update(str(path.relative_to(folder)).encode(errors="surrogateescape") + b"\0" + digest)
    return whole.hexdigest()
