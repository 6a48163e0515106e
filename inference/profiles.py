"""Enrolled speakers: one npz file with an embedding for each, which a crash or a second process can't spoil.

Arrays: `embeddings` (profiles, d) float32; `description`, JSON with the format, the network's fingerprint and what is
known of each profile; `sha256` of both. No pickle.
"""

import difflib
import hashlib
import io
import json
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from storage.atomic import naming, write_atomically
from storage.errors import UserError
from storage.lock import file_lock

FORMAT = "deep-speaker-profiles-1"
LARGEST = 1 << 30  # bytes, of a store; a million profiles of 128 values have half of that
LONGEST_NAME = 100  # characters
NEAREST_NAMES = 3
SHOWN_DIGITS = 12  # of a fingerprint
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    RecursionError,
    BadZipFile,
    zlib.error,
)


class ProfileError(UserError):
    """A profile or its store can't be used; the message says why and what to do."""


@dataclass(frozen=True)
class Profile:
    """What is known of an enrolled speaker beside the embedding."""

    name: str
    files: int  # recordings it was made of
    seconds: float  # of speech in them
    enrolled: str  # date


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


class ProfileStore:
    """The store in one file; nothing is created before the first `add`."""

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> Profiles:
        """All profiles; none if there is no file.

        Raises:
            ProfileError: the file is damaged, or not a store.
        """
        if not self.path.exists():
            return NOBODY
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                if sum(member.file_size for member in archive.zip.infolist()) > LARGEST:
                    raise ValueError(f"larger than {LARGEST >> 20} MB")
                embeddings, text, digest = (archive[name] for name in ("embeddings", "description", "sha256"))
            return _parse(embeddings, str(text), str(digest))
        except UNREADABLE as error:
            raise ProfileError(
                f"{self.path} is damaged or not a store of profiles ({error}); restore it from a copy, or enrol anew "
                "in another file with --profiles"
            ) from error

    def of_network(self, fingerprint: str) -> Profiles:
        """All profiles, if they are of the network with that fingerprint.

        Raises:
            ProfileError: they are of another one; or as for `read`.
        """
        profiles = self.read()
        if profiles.entries and profiles.fingerprint != fingerprint:
            raise ProfileError(
                f"the profiles in {self.path} are of another network ({profiles.fingerprint[:SHOWN_DIGITS]}; this one "
                f"is {fingerprint[:SHOWN_DIGITS]}), and the two can't be compared: name theirs with --checkpoint, or "
                "enrol the speakers anew in another file with --profiles"
            )
        return profiles

    def add(self, profile: Profile, embedding: np.ndarray, fingerprint: str) -> None:
        """Enrol a speaker.

        Args:
            embedding: (d,), of length 1.
            fingerprint: of the network that made it.

        Raises:
            ProfileError: the name can't be used, or is taken; or as for `of_network`.
            OSError: the store can't be written to.
        """
        check_name(profile.name)
        with self._locked():
            profiles = self.of_network(fingerprint)
            if profile.name in profiles.names:
                raise ProfileError(f"{profile.name!r} is enrolled already; --remove_profile takes the old profile away")
            rows = [*profiles.embeddings, embedding]
            self._write(Profiles(fingerprint, (*profiles.entries, profile), np.stack(rows)))

    def remove(self, name: str) -> None:
        """Forget a speaker.

        Raises:
            ProfileError: nobody of that name is enrolled; or as for `read`.
            OSError: the store can't be written to.
        """
        if not self.path.exists():
            raise ProfileError(f"there are no profiles at {self.path}")
        with self._locked():
            profiles = self.read()
            if name not in profiles.names:
                near = difflib.get_close_matches(name, profiles.names, NEAREST_NAMES, cutoff=0)
                raise ProfileError(
                    f"nobody of the name {name!r} is enrolled in {self.path}; nearest: {', '.join(near)}"
                )
            kept = [row for row, entry in enumerate(profiles.entries) if entry.name != name]
            entries = tuple(profiles.entries[row] for row in kept)
            self._write(Profiles(profiles.fingerprint, entries, profiles.embeddings[kept]))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with naming(self.path), file_lock(self.path):
            yield

    def _write(self, profiles: Profiles) -> None:
        about = {"format": FORMAT, "fingerprint": profiles.fingerprint, "profiles": list(map(asdict, profiles.entries))}
        text = json.dumps(about)
        embeddings = np.ascontiguousarray(profiles.embeddings, "<f4")
        content = io.BytesIO()
        digest = np.array(_digest(embeddings, text))
        np.savez(content, allow_pickle=False, embeddings=embeddings, description=np.array(text), sha256=digest)
        write_atomically(self.path, content.getvalue())


def check_name(name: str) -> None:
    """Refuse a name that would not survive being printed.

    Raises:
        ProfileError: it is empty, too long, or has characters that do not print.
    """
    if not name.strip() or len(name) > LONGEST_NAME or any(unicodedata.category(one)[0] == "C" for one in name):
        raise ProfileError(f"expected a name of 1 to {LONGEST_NAME} printable characters. Received {name!r}")


def _parse(embeddings: np.ndarray, text: str, digest: str) -> Profiles:
    """`ValueError`, `KeyError` or `TypeError` for what was not written here."""
    if digest != _digest(embeddings, text):
        raise ValueError("its checksum does not hold")
    about = json.loads(text)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT}")
    entries = tuple(Profile(**fields) for fields in about["profiles"])
    if embeddings.dtype != np.float32 or embeddings.ndim != 2 or len(embeddings) != len(entries):
        raise ValueError(f"{len(entries)} profiles and embeddings of shape {embeddings.shape}")
    return Profiles(str(about["fingerprint"]), entries, embeddings)


def _digest(embeddings: np.ndarray, text: str) -> str:
    digest = hashlib.sha256(f"{embeddings.dtype.str} {embeddings.shape} {text}".encode())
    digest.update(np.ascontiguousarray(embeddings))
    return digest.hexdigest()
