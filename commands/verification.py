"""Recordings to answers: are two of one speaker, and which of the enrolled speakers is it?"""

import argparse
import json
import logging
from dataclasses import asdict

import numpy as np

from audio.channels import Wanted
from commands.arguments import network_of, profile_store
from inference import decisions
from inference.cohort import normalised
from inference.decisions import DIFFERENT, NOT_CALIBRATED, SAME, Comparison, Policy
from inference.encoder import SpeakerEncoder
from inference.profile_file import ProfileError, Profiles
from inference.recordings import Speech, load_speech, remarks
from inference.repeats import repeats
from inference.sources import STANDARD_INPUT
from inference.speaker_change import speaker_change_remark
from storage.errors import UserError

DIFFERENT_STATUS = 1  # with --exit_verdict
RANKED = ("cosine_distance", "score", "log_likelihood_ratio", "probability", "threshold")  # told of each name

logger = logging.getLogger("cli")


def verify(args: argparse.Namespace) -> int:
    """Say whether two recordings are of one speaker; returns the exit status."""
    recordings = _load(args.verify, args.channel)
    encoder = network_of(args)
    policy = Policy(args.prior, args.max_false_accept)
    a, b = map(encoder.embed_speech, recordings)
    found = encoder.compare(a, b, policy)
    if args.exit_verdict and found.verdict is None:
        raise UserError(f"there is no verdict: {NOT_CALIBRATED}")
    noted = _tell_remarks(encoder, recordings, [_repeat_remark(recordings), found.remark])
    if args.json:
        about = {"files": _files(recordings), **_fields(found), **_how(encoder, policy), "remarks": noted}
        print(json.dumps(about, indent=2))
    else:
        print(_verdict_line(found, policy))
    return DIFFERENT_STATUS if args.exit_verdict and found.verdict == DIFFERENT else 0


def identify(args: argparse.Namespace) -> None:
    """Rank the enrolled speakers for each recording."""
    recordings = _load(args.identify, args.channel)
    encoder = network_of(args)
    store = profile_store(args)
    profiles = store.of_network(encoder.fingerprint, encoder.embedding_size)
    if not profiles.entries:
        raise ProfileError(f"nobody is enrolled in {store.path}; --enroll NAME FILE does that")
    policy = Policy(args.prior, args.max_false_accept)
    statistics = encoder.scoring.statistics(profiles.embeddings)
    answers = [_identified(encoder, profiles, statistics, one, policy) for one in recordings]
    noted = _tell_remarks(encoder, recordings, list(dict.fromkeys(answer["reason"] for answer in answers)))
    if args.json:
        about = {"results": answers, "profiles": len(profiles.entries), **_how(encoder, policy), "remarks": noted}
        print(json.dumps(about, indent=2))
    else:
        print("\n".join(map(_ranking_lines, answers)))


def _load(names: list[str], channel: Wanted) -> list[Speech]:
    if names.count(STANDARD_INPUT) > 1:
        raise UserError("standard input can be read once; name files for the others")
    return [load_speech(name, channel=channel) for name in names]


def _identified(
    encoder: SpeakerEncoder, profiles: Profiles, statistics: np.ndarray | None, recording: Speech, policy: Policy
) -> dict:
    """One recording's answer; `statistics` are those of the profiles' embeddings."""
    embeddings = encoder.embed_utterances([recording.signal])
    cosines = profiles.embeddings @ embeddings[0]
    scores = normalised(cosines, statistics, encoder.scoring.statistics(embeddings))
    seconds = profiles.seconds, recording.seconds
    found = decisions.identify(cosines, scores, profiles.names, seconds, encoder.calibration, policy)
    ranking = [
        {"name": name, **{field: getattr(comparison, field) for field in RANKED}} for name, comparison in found.ranking
    ]
    return {**_files([recording])[0], "verdict": found.verdict, "reason": found.reason, "ranking": ranking}


def _fields(found: Comparison) -> dict:
    """All but the remark, which stands among the others."""
    return {name: value for name, value in found.as_json().items() if name != "remark"}


def _files(recordings: list[Speech]) -> list[dict]:
    return [{"file": one.name, "speech_seconds": round(one.seconds, 2)} for one in recordings]


def _how(encoder: SpeakerEncoder, policy: Policy) -> dict:
    return {**asdict(policy), "network": {**encoder.origin, "fingerprint": encoder.fingerprint}}


def _repeat_remark(recordings: list[Speech]) -> str | None:
    """What to say of two recordings that are one: that they agree tells nothing of the voice."""
    if not repeats([one.signal for one in recordings]):
        return None
    return f"{recordings[0].name} and {recordings[1].name} hold the same sound: they are one recording, or parts of it"


def _tell_remarks(encoder: SpeakerEncoder, recordings: list[Speech], others: list[str | None]) -> list[str]:
    told = [remark for one in recordings for remark in (*remarks(one), speaker_change_remark(encoder, one))]
    noted = [remark for remark in (*told, *others) if remark is not None]
    for remark in noted:
        logger.warning(remark)
    return noted


def _verdict_line(found: Comparison, policy: Policy) -> str:
    distance = f"cosine distance {found.cosine_distance:.4f}"
    if found.verdict is None:
        return f"{distance} ({NOT_CALIBRATED})"
    ratio = (
        f"log-likelihood ratio {found.log_likelihood_ratio:+.2f}{_ends(found.log_likelihood_ratio_interval, '+.2f')}"
    )
    share = f"{100 * found.probability:.2f} %{_ends(found.probability_interval, '.2%')}"
    reason = f"probability of one speaker {share} at a prior of {100 * policy.prior:g} %"
    if policy.max_false_accept is not None:
        share = f"{100 * policy.max_false_accept:g} %{_ends(found.false_accept_interval, '.2%')} of different speakers"
        side = "at or above" if found.verdict == SAME else "below"
        reason += f"; {side} {found.threshold:+.2f}, which {share} reach"
    return f"{found.verdict} speaker{'' if found.verdict == SAME else 's'}: {distance}, {ratio}, {reason}"


def _ends(interval: tuple[float, float] | None, form: str) -> str:
    """An interval to put behind its value."""
    return "" if interval is None else f" [{', '.join(format(end, form).replace('%', ' %') for end in interval)}]"


def _ranking_lines(answer: dict) -> str:
    verdict = answer["verdict"] or f"no verdict ({NOT_CALIBRATED})"
    lines = [f"{answer['file']}: {verdict}"]
    for place, one in enumerate(answer["ranking"], start=1):
        line = f"  {place}. {one['name']}  cosine distance {one['cosine_distance']:.4f}"
        if one["probability"] is not None:
            line += f", log-likelihood ratio {one['log_likelihood_ratio']:+.2f}"
            line += f", probability {100 * one['probability']:.2f} %"
        lines.append(line)
    return "\n".join(lines)
