"""The speakers that are known by name: enrol, list, remove."""

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

import numpy as np

from commands.arguments import network_of, profile_store
from inference.decisions import DIFFERENT, compare
from inference.encoder import SpeakerEncoder, mean_embedding
from inference.profile_file import Profile
from inference.profiles import check_name
from inference.recordings import Speech, enrolment_remarks, load_speech
from inference.repeats import repeats
from inference.speaker_change import speaker_change_remark

logger = logging.getLogger("cli")


def enroll(args: argparse.Namespace) -> None:
    """Enrol a speaker by recordings."""
    name, *files = args.enroll
    check_name(name)
    recordings, repeated = without_repeats([load_speech(file, channel=args.channel) for file in files])
    encoder = network_of(args)
    embeddings = encoder.embed_utterances([one.signal for one in recordings])
    seconds = round(sum(one.seconds for one in recordings), 2)
    profile = Profile(name, len(recordings), seconds, date.today().isoformat())
    store = profile_store(args)
    store.add(profile, mean_embedding(embeddings), encoder.fingerprint)
    noted = repeated + enrolment_remarks(recordings) + disagreements(recordings, embeddings, encoder)
    noted += [told for one in recordings if (told := speaker_change_remark(encoder, one)) is not None]
    for remark in noted:
        logger.warning(remark)
    if args.json:
        print(json.dumps({**asdict(profile), "profiles": str(store.path), "remarks": noted}, indent=2))
    else:
        print(f"enrolled {name} by {seconds:.1f} s of speech in {len(recordings)} recordings; kept in {store.path}")


def list_profiles(args: argparse.Namespace) -> None:
    """Print who is enrolled."""
    store = profile_store(args)
    profiles = store.read()
    if args.json:
        about = {"profiles": str(store.path), "fingerprint": profiles.fingerprint}
        print(json.dumps({**about, "enrolled": list(map(asdict, profiles.entries))}, indent=2))
        return
    for one in profiles.entries:
        print(f"{one.name}\t{one.seconds:.1f} s of speech in {one.files} recordings\t{one.enrolled}")
    logger.info("%d speakers are enrolled in %s", len(profiles.entries), store.path)


def remove_profile(args: argparse.Namespace) -> None:
    """Forget a speaker."""
    store = profile_store(args)
    store.remove(args.remove_profile)
    if args.json:
        print(json.dumps({"removed": args.remove_profile, "profiles": str(store.path)}, indent=2))
    else:
        print(f"removed {args.remove_profile} from {store.path}")


def without_repeats(recordings: Sequence[Speech]) -> tuple[list[Speech], list[str]]:
    """The recordings that say something new, and in words, which do not: a copy or a cut tells no more of a voice."""
    found = {one.row: recordings[one.holder].name for one in repeats([one.signal for one in recordings])}
    told = [
        f"{recordings[row].name} holds the same sound as {holder}: the two count as one"
        for row, holder in found.items()
    ]
    return [one for row, one in enumerate(recordings) if row not in found], told


def disagreements(recordings: Sequence[Speech], embeddings: np.ndarray, encoder: SpeakerEncoder) -> list[str]:
    """Which recordings of an enrolment sound like another speaker than the rest of them, in words.

    Args:
        embeddings: (recordings, d), rows of length 1.
        encoder: whose they are.
    """
    if encoder.calibration is None or len(recordings) < 2:
        return []
    found = []
    for row, one in enumerate(recordings):
        rest = [other for other in range(len(recordings)) if other != row]
        others = mean_embedding(embeddings[rest])
        seconds = one.seconds, sum(recordings[other].seconds for other in rest)
        score = encoder.scoring.pair(embeddings[row], others)
        comparison = compare(float(embeddings[row] @ others), score, seconds, encoder.calibration)
        if comparison.verdict == DIFFERENT:
            found.append(
                f"{one.name} sounds like another speaker than the other recordings "
                f"(log-likelihood ratio {comparison.log_likelihood_ratio:+.1f})"
            )
    return found
