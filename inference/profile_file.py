"""The file of enrolled speakers: an npz file with an embedding for each, and what is known of them.

Arrays: `embeddings` (profiles, d) float32; `description`, JSON with the format, the network's fingerprint and what is
known of each profile; `sha256` of both. No pickle.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from storage.errors import UserError
from storage.fields import Fields
from storage.npz import read_npz, write_npz

FORMAT = "deep-speaker-profiles-2"
EARLIER_FORMAT = "deep-speaker-profiles-1"  # without the length of the mean, and without sounds
LARGEST = 1 << 30  # bytes, of a store; a million profiles of 128 values have half of that
LONGEST_MEAN = 1 + 1e-3  # of unit vectors, and what rounding adds
UNREADABLE = (OSError, ValueError, KeyError, RecursionError)


class ProfileError(UserError):
    """A profile or its store can't be used; the message says why and what to do."""


@dataclass(frozen=True)
class Profile:
    """What is known of an enrolled speaker beside the embedding."""

    name: str
    files: int  # recordings it was made of
    seconds: float  # of speech in them
    enrolled: str  # date of the first enrolment
    length: float = 1.0  # of the mean of the recordings' embeddings, before it was scaled to 1; an earlier format's: 1
    sounds: tuple[str, ...] = ()  # SHA-256 of the recordings' samples, see `storage.digest.samples_sha256`

    @classmethod
    def from_json(cls, value: object) -> "Profile":
        """Read what is known of a speaker.

        Raises:
            ValueError: a field is missing, unknown, of another type, or makes no sense.
        """
        fields = Fields(value, {"length": 1.0, "sounds": []})  # which the earlier format did not have
        profile = cls(
            name=fields.take("name", str),
            files=fields.whole("files", 1),
            seconds=fields.finite("seconds"),
            enrolled=fields.take("enrolled", str),
            length=fields.finite("length"),
            sounds=fields.texts("sounds"),
        )
        fields.end()
        if not profile.name.isprintable() or not profile.enrolled.isprintable():
            raise ValueError("expected a name and a date that can be printed")
        if not profile.seconds > 0 or not 0 < profile.length <= LONGEST_MEAN:
            raise ValueError("expected seconds of speech, and a mean that is no longer than what it is of")
        return profile


@dataclass(frozen=True)
class Profiles:
    """The content of a store."""

    fingerprint: str  # of the network that the embeddings are of; "" in an empty store
    entries: tuple[Profile, ...]
    embeddings: np.ndarray  # (profiles, d) float32, rows of length 1

    @property
    def names(self) -> list[str]:
        """In the order of the embeddings."""
        return [entry.name for entry in self.entries]

    @property
    def seconds(self) -> np.ndarray:
        """Speech behind each profile, (profiles,)."""
        return np.array([entry.seconds for entry in self.entries])


NOBODY = Profiles("", (), np.zeros((0, 0), np.float32))


def read_profiles(path: Path) -> Profiles:
    """All profiles of a store; none if there is no file.

    Raises:
        ProfileError: the file is damaged, or not a store.
    """
    if not path.exists():
        return NOBODY
    try:
        arrays = read_npz(path, LARGEST)
        embeddings, text, digest = (arrays[name] for name in ("embeddings", "description", "sha256"))
        return _parse(embeddings, str(text), str(digest))
    except UNREADABLE as error:
        raise ProfileError(
            f"{path} is damaged or not a store of profiles ({error}); restore it from a copy, or enrol anew in another "
            "file with --profiles"
        ) from error


def write_profiles(path: Path, profiles: Profiles) -> None:
    """Replace a store, as a whole or not at all.

    Raises:
        OSError: it can't be written to.
    """
    entries = [asdict(profile) for profile in profiles.entries]
    text = json.dumps({"format": FORMAT, "fingerprint": profiles.fingerprint, "profiles": entries}, allow_nan=False)
    embeddings = np.ascontiguousarray(profiles.embeddings, "<f4")
    digest = _digest(embeddings, text)
    arrays: dict[str, np.ndarray | str] = {"embeddings": embeddings, "description": text, "sha256": digest}
    write_npz(path, arrays, private=True)  # a voice is personal data


def _parse(embeddings: np.ndarray, text: str, digest: str) -> Profiles:
    """Read what `write_profiles` wrote; anything else is a `ValueError`."""
    if digest != _digest(embeddings, text):
        raise ValueError("its checksum does not hold")
    fields = Fields(json.loads(text))
    if fields.take("format", str) not in (FORMAT, EARLIER_FORMAT):
        raise ValueError(f"its format is not {FORMAT}")
    entries = tuple(map(Profile.from_json, fields.objects("profiles")))
    fingerprint = fields.take("fingerprint", str)
    fields.end()
    if embeddings.dtype != np.float32 or embeddings.ndim != 2 or len(embeddings) != len(entries):
        raise ValueError(f"{len(entries)} profiles and embeddings of shape {embeddings.shape}")
    if not np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-2):
        raise ValueError("embeddings that are not of length 1")
    return Profiles(fingerprint, entries, embeddings)


def _digest(embeddings: np.ndarray, text: str) -> str:
    digest = hashlib.sha256(f"{embeddings.dtype.str} {embeddings.shape} {text}".encode())
    digest.update(np.ascontiguousarray(embeddings).tobytes())
    return digest.hexdigest()
