"""Enrolled speakers: a store that a crash or a second process can't spoil."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.profile_file import Profile, ProfileError, Profiles, read_profiles, write_profiles
from storage.atomic import naming
from storage.lock import file_lock
from storage.nearest_names import nearest

LONGEST_NAME = 100  # characters
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

    def add(self, profile: Profile, embedding: NDArray[np.float32], fingerprint: str) -> None:
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
                raise ProfileError(taken(profile.name))
            rows = [*profiles.embeddings, embedding]
            write_profiles(self.path, Profiles(fingerprint, (*profiles.entries, profile), np.stack(rows)))

    def extend(self, addition: Profile, embedding: NDArray[np.float32], fingerprint: str) -> Profile:
        """Add recordings to an enrolled speaker, as if they had been there from the beginning; return the new profile.

        Args:
            addition: of the new recordings alone, with the speaker's name.
            embedding: (d,), of length 1, of the new recordings alone.
            fingerprint: of the network that made it.

        Raises:
            ProfileError: nobody of that name is enrolled, or with one of these recordings; or as for `of_network`.
            OSError: the store can't be written to.
        """
        with self._locked():
            profiles = self.of_network(fingerprint, len(embedding))
            row = self.row_of(addition.name, profiles)
            earlier = profiles.entries[row]
            if set(earlier.sounds) & set(addition.sounds):
                raise ProfileError(f"the profile of {addition.name!r} holds one of these recordings already")
            profile, mean = _together((earlier, profiles.embeddings[row]), (addition, embedding))
            entries = (*profiles.entries[:row], profile, *profiles.entries[row + 1 :])
            embeddings = profiles.embeddings.copy()
            embeddings[row] = mean
            write_profiles(self.path, Profiles(fingerprint, entries, embeddings))
        return profile

    def row_of(self, name: str, profiles: Profiles) -> int:
        """Where an enrolled speaker stands among the store's profiles.

        Raises:
            ProfileError: nobody of that name is enrolled; the message has the nearest names.
        """
        if name not in profiles.names:
            raise ProfileError(self._unknown(name, profiles))
        return profiles.names.index(name)

    def _unknown(self, name: str, profiles: Profiles) -> str:
        near = nearest(name, profiles.names)
        return f"nobody of the name {name!r} is enrolled in {self.path}" + (f"; {near}" if near else "")

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
            gone = self.row_of(name, profiles)
            kept = [row for row in range(len(profiles.entries)) if row != gone]
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


def taken(name: str) -> str:
    """What to say of a name that is enrolled already."""
    return f"{name!r} is enrolled already; --add adds recordings to the profile, --remove_profile takes it away"


Enrolled = tuple[Profile, NDArray[np.float32]]  # and its embedding (d,), of length 1


def _together(earlier: Enrolled, addition: Enrolled) -> Enrolled:
    """The profile of all recordings of both: the mean of their embeddings, as both state its sum.

    Raises:
        ProfileError: the two cancel each other out.
    """
    (old, _), (new, _) = earlier, addition
    sums = [profile.files * profile.length * embedding.astype(np.float64) for profile, embedding in (earlier, addition)]
    total = sums[0] + sums[1]
    files = old.files + new.files
    length = float(np.linalg.norm(total)) / files
    if length == 0:
        raise ProfileError(f"the recordings to add say the opposite of the profile of {old.name!r}")
    merged = replace(
        old,
        files=files,
        seconds=round(old.seconds + new.seconds, 2),
        length=length,
        sounds=old.sounds + new.sounds,
    )
    return merged, (total / (files * length)).astype(np.float32)
