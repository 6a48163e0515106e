"""Wrong verdicts on recordings as people make them: with pauses, clicks, noise, an offset, a second channel.

    python benchmarks/altered_recordings.py CACHE [--test_speakers_file FILE ...] [--network FILE]

Takes `SPEAKERS` held-out speakers of those with enough long recordings, from each corpus in turn, and judges all pairs
of their recordings within a corpus as `cli.py --verify` does at even odds: both recordings altered in one way, and only
one of the two. Prints who they are, then a JSON line for each alteration and either of these: how many pairs of two
speakers were accepted, and how many of one rejected; how many recordings were refused, and pairs without a verdict for
that; the rates in %, of the pairs with a verdict, and how far each is above that of the unaltered recordings, with an
interval from drawing speakers anew. The last line names the alterations with a rate more than `ALLOWED` points above.
A table goes to stderr.
"""

import argparse
from dataclasses import dataclass
from itertools import islice, zip_longest

import held_out
import numpy as np
from alterations import ALTERATIONS, Alteration, unaltered
from measure import progress, report, show_table

from cache.index import Utterance
from evaluation.jackknife import Kind, estimates
from inference.decisions import SAME, compare
from inference.encoder import SpeakerEncoder
from inference.recordings import RecordingError, load_speech

SPEAKERS = 24
RECORDINGS = 5  # of each, at most; the first that are long enough
FEWEST_RECORDINGS = 3
SHORTEST = 2.0  # s of speech in a recording
ALLOWED = 2.0  # points above the unaltered recordings' rates
SEED = 1

Voice = tuple[np.ndarray, float]  # an embedding, and the seconds of speech behind it


@dataclass(frozen=True)
class Verdicts:
    """Pairs judged."""

    first: np.ndarray  # (pairs,) number of the first recording's speaker
    second: np.ndarray  # (pairs,)
    is_known: np.ndarray  # (pairs,) bool, both recordings were taken
    is_wrong: np.ndarray  # (pairs,) bool
    refused: int  # recordings

    @property
    def is_target(self) -> np.ndarray:
        """Whether one speaker speaks in both, (pairs,)."""
        return self.first == self.second

    def rates(self, kept: np.ndarray) -> np.ndarray:
        """Shares of wrong acceptances and wrong rejections, (2,), among the pairs of speakers who are kept."""
        counted = kept[self.first] & kept[self.second] & self.is_known
        groups = (counted & ~self.is_target, counted & self.is_target)
        return np.array([self.is_wrong[own].mean() if own.any() else np.nan for own in groups])


def main() -> None:
    """Alter, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    held_out.add_arguments(parser)
    args = parser.parse_args()
    encoder = SpeakerEncoder(args.network)
    if encoder.calibration is None:
        parser.error("expected a calibrated network, as cli.py --export_model writes it")
    speakers = chosen(held_out.held_out(args, encoder, utterances=None))
    corpora = [name.rpartition("/")[0] for name in speakers]
    counts = {corpus: corpora.count(corpus) for corpus in dict.fromkeys(corpora)}
    recordings = sum(map(len, speakers.values()))
    report("altered_recordings", speakers=list(speakers), corpora=counts, recordings=recordings)
    plain = voices_of(encoder, speakers, unaltered)
    usual, rows = judged(encoder, speakers, plain, plain), []
    for name, alteration in ALTERATIONS.items():
        progress(name)
        voices = voices_of(encoder, speakers, alteration)
        for altered, others in {"both": voices, "one": plain}.items():
            verdicts = judged(encoder, speakers, voices, others)
            rows.append({"alteration": name, "altered": altered, **compared(verdicts, usual, len(speakers))})
            report("altered_recordings", **rows[-1])
    report("altered_recordings", alterations=len(ALTERATIONS), points_allowed=ALLOWED, **summary(rows))
    show_table([as_text(row) for row in rows])


def summary(rows: list[dict]) -> dict[str, list[str]]:
    """The alterations with a rate too far above the unaltered recordings', and those with more refusals than these."""
    above = [row for row in rows if max(row["false_accepts_above"], row["misses_above"]) > ALLOWED]
    refused = [row for row in rows if row["refused"] > rows[0]["refused"]]
    return {
        name: list(dict.fromkeys(row["alteration"] for row in some))
        for name, some in (("above", above), ("refused_more", refused))
    }


def chosen(corpora: held_out.Corpora) -> dict[str, list[np.ndarray]]:
    """Recordings (samples of full scale 1, and rate) of the first speakers with enough, from each corpus in turn."""
    able = []
    for speakers in corpora.values():
        own = {str(one[0].whose): long_recordings(one) for one in speakers.values()}
        able.append([(name, found) for name, found in own.items() if len(found) >= FEWEST_RECORDINGS])
    able = [own for own in able if len(own) > 1]
    in_turn = [one for turn in zip_longest(*able) for one in turn if one is not None][:SPEAKERS]
    return dict(sorted(in_turn))


def long_recordings(utterances: list[Utterance]) -> list[tuple[np.ndarray, int]]:
    """The first recordings with enough speech, which are the same whatever the tool takes for speech."""
    recordings = (held_out.recorded(one) for one in utterances)
    return list(islice((one for one in recordings if loud_seconds(*one) >= SHORTEST), RECORDINGS))


def loud_seconds(samples: np.ndarray, rate: int) -> float:
    """Frames of 20 ms within 30 dB of the loud ones, in s."""
    count = max(50 * len(samples) // rate, 1)
    powers = np.array([np.square(frame).mean() for frame in np.array_split(samples, count)])
    return float((powers >= 1e-3 * np.percentile(powers, 95)).sum() / 50)


def voices_of(encoder: SpeakerEncoder, speakers: dict[str, list], alteration: Alteration) -> list[Voice | None]:
    """All recordings altered, as files of 16 bits, and heard."""
    rng = np.random.default_rng(SEED)
    return [
        heard(encoder, held_out.to_pcm(alteration(samples, rate, rng)), rate)
        for own in speakers.values()
        for samples, rate in own
    ]


def judged(
    encoder: SpeakerEncoder, speakers: dict[str, list], voices: list[Voice | None], others: list[Voice | None]
) -> Verdicts:
    """Each of `voices` with the later ones of `others` within its corpus, as `cli.py --verify` judges two files.

    Where the others are not the same, with the earlier ones, too: either of the two may be the altered one.
    """
    owners = np.repeat(np.arange(len(speakers)), list(map(len, speakers.values())))
    corpora = np.array([name.rpartition("/")[0] for name in speakers])[owners]
    inside = corpora[:, None] == corpora
    first, second = np.nonzero(np.triu(inside, k=1) if voices is others else inside & ~np.eye(len(owners), dtype=bool))
    verdicts = [verdict(encoder, voices[a], others[b]) for a, b in zip(first, second)]
    is_known = np.array([one is not None for one in verdicts])
    is_wrong = is_known & (np.array([one == SAME for one in verdicts]) != (owners[first] == owners[second]))
    return Verdicts(owners[first], owners[second], is_known, is_wrong, sum(one is None for one in voices))


def heard(encoder: SpeakerEncoder, samples: np.ndarray, rate: int) -> Voice | None:
    """A recording's embedding and its seconds of speech; None if it is refused."""
    try:
        speech = load_speech(samples, rate)
    except RecordingError:
        return None
    return encoder.embed_utterances([speech.signal])[0], speech.seconds


def verdict(encoder: SpeakerEncoder, one: Voice | None, other: Voice | None) -> str | None:
    """Whether two are one speaker, at even odds; None if there is nothing to compare."""
    if one is None or other is None:
        return None
    cosine, score = encoder.similarity(one[0], other[0]), encoder.scoring.pair(one[0], other[0])
    return compare(cosine, score, (one[1], other[1]), encoder.calibration).verdict


def compared(verdicts: Verdicts, usual: Verdicts, speakers: int) -> dict:
    """Counts, rates, and how far the rates are above those of the unaltered recordings."""
    known = {same: verdicts.is_known & (verdicts.is_target == same) for same in (False, True)}
    kinds = [Kind.SHARE, Kind.SHARE, Kind.NUMBER, Kind.NUMBER]
    found = estimates(lambda kept: _with_excess(verdicts.rates(kept), usual.rates(kept)), speakers, kinds)
    row = {
        "pairs_of_two": int(known[False].sum()),
        "accepted": int((known[False] & verdicts.is_wrong).sum()),
        "pairs_of_one": int(known[True].sum()),
        "rejected": int((known[True] & verdicts.is_wrong).sum()),
        "refused": verdicts.refused,
        "no_verdict": int((~verdicts.is_known).sum()),
    }
    for name, figure in zip(("false_accepts", "misses", "false_accepts_above", "misses_above"), found):
        row |= {name: 100 * figure.value, f"{name}_low": 100 * figure.low, f"{name}_high": 100 * figure.high}
    return row


def _with_excess(rates: np.ndarray, usual: np.ndarray) -> np.ndarray:
    return np.concatenate([rates, rates - usual])


def as_text(row: dict) -> dict[str, object]:
    """A row of the table."""
    shown = {"alteration": row["alteration"], "of two": row["altered"]}
    for heading, name, counts in (
        ("accepted wrongly", "false_accepts", ("accepted", "pairs_of_two")),
        ("rejected wrongly", "misses", ("rejected", "pairs_of_one")),
    ):
        wrong, pairs = (row[count] for count in counts)
        above, low, high = (row[f"{name}_above{end}"] for end in ("", "_low", "_high"))
        shown[heading] = f"{row[name]:.1f} % ({wrong} of {pairs})" if pairs else "no verdict"
        shown[f"{heading}, above unaltered"] = f"{above:+.1f} [{low:+.1f}, {high:+.1f}]" if pairs else ""
    return shown | {"refused": row["refused"]}


if __name__ == "__main__":
    main()
