"""Enrolled speakers: add, list, remove."""

import argparse
import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from commands.arguments import check_named, network_of, profile_store
from commands.recordings import recordings_of
from commands.results import print_json
from inference.encoder import SpeakerEncoder
from inference.enrolment import disagreements, disagreements_with, profile_of, without_known, without_repeats
from inference.profile_file import Profile, ProfileError, Profiles
from inference.profiles import ProfileStore, check_name, taken
from inference.recordings import Speech, enrolment_remarks
from inference.speaker_change import speaker_change_remark
from storage.counting import counted

SHOWN = ("name", "files", "seconds", "enrolled")  # of a profile, to people and programs

logger = logging.getLogger("cli")


def enroll(args: argparse.Namespace) -> None:
    """Enrol a speaker by recordings, or with --add, add them to one who is enrolled."""
    name, *named = args.enroll
    check_name(name)
    check_named(named)
    store = profile_store(args)
    profiles = store.read()
    if not args.add and name in profiles.names:
        raise ProfileError(taken(name))
    earlier = store.row_of(name, profiles) if args.add else None
    recordings, remarks = without_repeats(list(recordings_of(named, args.channel, "enrol")))
    if earlier is not None:
        recordings, known = without_known(recordings, profiles.entries[earlier])
        remarks += known
    encoder = network_of(args)
    store.of_network(encoder.fingerprint, encoder.embedding_size)
    embeddings = encoder.embed_utterances([recording.signal for recording in recordings])
    remarks += _remarks(recordings, embeddings, encoder, profiles, earlier)
    profile, embedding = profile_of(name, recordings, embeddings)
    if earlier is None:
        store.add(profile, embedding, encoder.fingerprint)
    for remark in remarks:
        logger.warning(remark)
    if earlier is None:
        _print(profile, f"enrolled {name} by {_made_of(profile)}", store, remarks, args.json)
    else:
        whole = store.extend(profile, embedding, encoder.fingerprint)
        how = f"added {_made_of(profile)} to {name}, who is enrolled by {_made_of(whole)} now"
        _print(whole, how, store, remarks, args.json)


def _remarks(
    recordings: Sequence[Speech],
    embeddings: NDArray[np.float32],
    encoder: SpeakerEncoder,
    profiles: Profiles,
    earlier: int | None,
) -> list[str]:
    """What makes the profile less to be trusted; `earlier` is the row of the one that is added to."""
    seconds = 0.0 if earlier is None else profiles.entries[earlier].seconds
    remarks = enrolment_remarks(recordings, seconds) + disagreements(recordings, embeddings, encoder)
    if earlier is not None:
        profile, embedding = profiles.entries[earlier], profiles.embeddings[earlier]
        remarks += disagreements_with(recordings, embeddings, profile, embedding, encoder)
    changes = (speaker_change_remark(encoder, recording) for recording in recordings)
    return remarks + [remark for remark in changes if remark is not None]


def _print(profile: Profile, how: str, store: ProfileStore, remarks: list[str], as_json: bool) -> None:
    if as_json:
        print_json({**_shown(profile), "profiles": str(store.path), "remarks": remarks})
    else:
        print(f"{how}; kept in {store.path}")


def _made_of(profile: Profile) -> str:
    return f"{profile.seconds:.1f} s of speech in {counted(profile.files, 'recording')}"


def _shown(profile: Profile) -> dict[str, str | int | float]:
    return {field: getattr(profile, field) for field in SHOWN}


def list_profiles(args: argparse.Namespace) -> None:
    """Print who is enrolled."""
    store = profile_store(args)
    profiles = store.read()
    if args.json:
        description = {"profiles": str(store.path), "fingerprint": profiles.fingerprint}
        print_json({**description, "enrolled": list(map(_shown, profiles.entries))})
        return
    for profile in profiles.entries:
        print(f"{profile.name}\t{_made_of(profile)}\t{profile.enrolled}")
    count = len(profiles.entries)
    logger.info("%s %s enrolled in %s", counted(count, "speaker"), "is" if count == 1 else "are", store.path)


def remove_profile(args: argparse.Namespace) -> None:
    """Forget a speaker."""
    store = profile_store(args)
    store.remove(args.remove_profile)
    if args.json:
        print_json({"removed": args.remove_profile, "profiles": str(store.path)})
    else:
        print(f"removed {args.remove_profile} from {store.path}")
