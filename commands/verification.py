"""Recordings to answers: are two of one speaker, and which of the enrolled speakers is it?"""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from commands.arguments import check_named, network_of, profile_store
from commands.results import print_json
from inference import decisions
from inference.cohort import normalised
from inference.decisions import DIFFERENT, NOT_CALIBRATED, SAME, Comparison, Identification, Policy
from inference.encoder import SpeakerEncoder
from inference.profile_file import ProfileError, Profiles
from inference.recordings import Speech, load_speech, remarks
from inference.repeats import repeats
from inference.speaker_change import speaker_change_remark
from storage.errors import UserError

DIFFERENT_STATUS = 1  # with --exit_verdict
RANKED = ("cosine_distance", "score", "log_likelihood_ratio", "probability", "threshold")  # told of each name

logger = logging.getLogger("cli")


def verify(args: argparse.Namespace) -> int:
    """Say whether two recordings are of one speaker; returns the exit status."""
    check_named(args.verify)
    recordings = [load_speech(name, channel=args.channel) for name in args.verify]
    encoder = network_of(args)
    policy = Policy(args.prior, args.max_false_accept)
    a, b = map(encoder.embed_speech, recordings)
    comparison = encoder.compare(a, b, policy)
    if args.exit_verdict and comparison.verdict is None:
        raise UserError(f"there is no verdict: {NOT_CALIBRATED}")
    warnings = [remark for recording in recordings for remark in _remarks(encoder, recording)]
    warnings += [remark for remark in (_repeat_remark(recordings), comparison.remark) if remark is not None]
    _warn(warnings)
    if args.json:
        files = list(map(_file, recordings))
        print_json({"files": files, **_fields(comparison), **_how(encoder, policy), "remarks": warnings})
    else:
        print(_verdict_line(comparison, policy))
    return DIFFERENT_STATUS if args.exit_verdict and comparison.verdict == DIFFERENT else 0


@dataclass(frozen=True)
class Answer:
    """Who speaks in a recording."""

    file: dict[str, str | float]  # its name and the seconds of speech in it
    identification: Identification
    remarks: list[str]

    def as_json(self) -> dict[str, object]:
        """The answer, with the nearest speakers, the likeliest first."""
        ranking = [
            {"name": name, **{field: getattr(comparison, field) for field in RANKED}}
            for name, comparison in self.identification.ranking
        ]
        fields = ("verdict", "reason", "unknown_probability")
        return {**self.file, **{name: getattr(self.identification, name) for name in fields}, "ranking": ranking}


def identify(args: argparse.Namespace) -> None:
    """Say for each recording which enrolled speaker it is, if any."""
    from commands.identification_table import table
    from commands.recordings import recordings_of  # which walks folders and tells its progress; --verify does neither

    check_named(args.identify)
    store = profile_store(args)
    if not store.read().entries:
        raise ProfileError(f"nobody is enrolled in {store.path}; --enroll NAME FILE does that")
    encoder = network_of(args)
    profiles = store.of_network(encoder.fingerprint, encoder.embedding_size)
    policy = Policy(args.prior, args.max_false_accept)
    statistics = encoder.scoring.statistics(profiles.embeddings)
    recordings = recordings_of(args.identify, args.channel, "identify")
    answers = [_identified(encoder, profiles, statistics, recording, policy) for recording in recordings]
    reasons = (answer.identification.reason for answer in answers)
    warnings = [remark for answer in answers for remark in answer.remarks]
    warnings += [reason for reason in dict.fromkeys(reasons) if reason is not None]
    _warn(warnings)
    if args.json:
        results = [answer.as_json() for answer in answers]
        print_json(
            {"results": results, "profiles": len(profiles.entries), **_how(encoder, policy), "remarks": warnings}
        )
    elif args.full_ranking or len(answers) == 1:
        print("\n".join(_ranking_lines(str(answer.file["file"]), answer.identification) for answer in answers))
    else:
        print(table([(str(answer.file["file"]), answer.identification) for answer in answers]))


def _identified(
    encoder: SpeakerEncoder,
    profiles: Profiles,
    statistics: NDArray[np.float64] | None,
    recording: Speech,
    policy: Policy,
) -> Answer:
    """One recording's answer; `statistics` are those of the profiles' embeddings."""
    embeddings = encoder.embed_utterances([recording.signal])
    cosines = profiles.embeddings @ embeddings[0]
    scores = normalised(cosines, statistics, encoder.scoring.statistics(embeddings))
    seconds = profiles.seconds, recording.seconds
    identification = decisions.identify(cosines, scores, profiles.names, seconds, encoder.calibration, policy)
    return Answer(_file(recording), identification, _remarks(encoder, recording))


def _fields(comparison: Comparison) -> dict[str, object]:
    """All but the remark, which stands among the others."""
    return {name: value for name, value in comparison.as_json().items() if name != "remark"}


def _file(recording: Speech) -> dict[str, str | float]:
    return {"file": recording.name, "speech_seconds": round(recording.seconds, 2)}


def _how(encoder: SpeakerEncoder, policy: Policy) -> dict:
    return {**asdict(policy), "network": {**encoder.origin, "fingerprint": encoder.fingerprint}}


def _repeat_remark(recordings: Sequence[Speech]) -> str | None:
    """What to say of two recordings that are one: that they agree tells nothing of the speaker."""
    if not repeats([recording.signal for recording in recordings]):
        return None
    return f"{recordings[0].name} and {recordings[1].name} hold the same sound: they are one recording, or parts of it"


def _remarks(encoder: SpeakerEncoder, recording: Speech) -> list[str]:
    change = speaker_change_remark(encoder, recording)
    return remarks(recording) + ([] if change is None else [change])


def _warn(warnings: list[str]) -> None:
    for remark in warnings:
        logger.warning(remark)


def _verdict_line(comparison: Comparison, policy: Policy) -> str:
    distance = f"cosine distance {comparison.cosine_distance:.4f}"
    if comparison.verdict is None or comparison.probability is None:
        return f"{distance} ({NOT_CALIBRATED})"
    ratio = f"log-likelihood ratio {comparison.log_likelihood_ratio:+.2f}"
    ratio += _ends(comparison.log_likelihood_ratio_interval, "+.2f")
    share = f"{100 * comparison.probability:.2f} %{_ends(comparison.probability_interval, '.2%')}"
    reason = f"probability of one speaker {share} at a prior of {100 * policy.prior:g} %"
    if policy.max_false_accept is not None:
        share = (
            f"{100 * policy.max_false_accept:g} %{_ends(comparison.false_accept_interval, '.2%')} of different speakers"
        )
        side = "at or above" if comparison.verdict == SAME else "below"
        reason += f"; {side} {comparison.threshold:+.2f}, which {share} reach"
    return f"{comparison.verdict} speaker{'' if comparison.verdict == SAME else 's'}: {distance}, {ratio}, {reason}"


def _ends(interval: tuple[float, float] | None, form: str) -> str:
    """An interval to put behind its value."""
    return "" if interval is None else f" [{', '.join(format(end, form).replace('%', ' %') for end in interval)}]"


def _ranking_lines(file: str, identification: Identification) -> str:
    lines = [f"{file}: {identification.verdict or f'no verdict ({NOT_CALIBRATED})'}"]
    for place, (name, comparison) in enumerate(identification.ranking, start=1):
        line = f"  {place}. {name}  cosine distance {comparison.cosine_distance:.4f}"
        if comparison.probability is not None:
            line += f", log-likelihood ratio {comparison.log_likelihood_ratio:+.2f}"
            line += f", probability {100 * comparison.probability:.2f} %"
        lines.append(line)
    if identification.unknown_probability is not None:
        lines.append(f"  nobody of them: probability {100 * identification.unknown_probability:.2f} %")
    return "\n".join(lines)
