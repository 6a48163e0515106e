"""Enrolled speakers: a store that a crash or a second process can't spoil."""

import difflib
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from inference.profile_file import Profile, ProfileError, Profiles, read_profiles, write_profiles
from storage.atomic import naming
from storage.lock import file_lock

LONGEST_NAME = 100  # characters
NEAREST_NAMES = 3
SHOWN_DIGITS = 12  # of a fingerprint


class ProfileStore:
    """The store in one file; nothing is created before the first `add`."""

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> Profiles:
        """All profiles; none if there is no file.

        Raises:
            ProfileError: the file is damaged, or not a store.
        """
        return read_profiles(self.path)

    def of_network(self, fingerprint: str, size: int) -> Profiles:
        """All profiles, if they are of the network with that fingerprint, whose embeddings have `size` values.

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
        if profiles.entries and profiles.embeddings.shape[1] != size:
            raise ProfileError(
                f"the profiles in {self.path} have {profiles.embeddings.shape[1]} values each, those of the network "
                f"{size}; restore the file from a copy, or enrol the speakers anew in another file with --profiles"
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
            profiles = self.of_network(fingerprint, len(embedding))
            if profile.name in profiles.names:
                raise ProfileError(f"{profile.name!r} is enrolled already; --remove_profile takes the old profile away")
            rows = [*profiles.embeddings, embedding]
            write_profiles(self.path, Profiles(fingerprint, (*profiles.entries, profile), np.stack(rows)))

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
            write_profiles(self.path, Profiles(profiles.fingerprint, entries, profiles.embeddings[kept]))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with naming(self.path), file_lock(self.path, private=True):
            yield


def check_name(name: str) -> None:
    """Refuse a name that would not survive being printed.

    Raises:
        ProfileError: it is empty, too long, or has characters that do not print.
    """
    if not name.strip() or len(name) > LONGEST_NAME or any(unicodedata.category(one)[0] == "C" for one in name):
        raise ProfileError(f"expected a name of 1 to {LONGEST_NAME} printable characters. Received {name!r}")
