"""Wrong verdicts on recordings as people make them: with pauses, clicks, noise, an offset, a second channel.

    python benchmarks/altered_recordings.py CACHE [--test_speakers_file FILE] [--network FILE]

Takes `SPEAKERS` held-out speakers of those with enough long recordings, from each corpus in turn, and judges all pairs
of their recordings within a corpus as `cli.py --verify` does at even odds: both recordings altered in one way, and only
one of the two. Prints who they are, then a JSON line for each alteration and either of these: how many pairs of two
speakers were accepted, and how many of one rejected; how many recordings were refused, and pairs without a verdict for
that; the rates in %, of the pairs with a verdict, and how far each is above that of the unaltered recordings, with an
interval from drawing speakers anew. The last line names the alterations with a rate more than `ALLOWED` points above.
A table goes to stderr.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

import held_out
import numpy as np
from measure import progress, report, show_table
from scipy.signal import lfilter

from cache.index import Utterance
from evaluation.bootstrap import figures
from inference.decisions import SAME, compare
from inference.encoder import SpeakerEncoder
from inference.recordings import RecordingError, load_speech

SPEAKERS = 24
RECORDINGS = 5  # of each, at most; the first that are long enough
FEWEST_RECORDINGS = 3
SHORTEST = 2.0  # s of speech in a recording
ALLOWED = 2.0  # points above the unaltered recordings' rates
SEED = 1
MAINS = 50  # Hz

Voice = tuple[np.ndarray, float]  # an embedding, and the seconds of speech behind it
Alteration = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
"""From samples of full scale 1, (samples,), and their rate to (samples,) or (samples, channels)."""


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

    def rates(self, times: np.ndarray) -> np.ndarray:
        """Wrong acceptances and wrong rejections in %, (2,), where each speaker was drawn so many times."""
        weights = np.where(self.is_target, times[self.first], times[self.first] * times[self.second]) * self.is_known
        groups = (weights * ~self.is_target, weights * self.is_target)
        return np.array([100 * (own * self.is_wrong).sum() / own.sum() if own.any() else np.nan for own in groups])


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
    """The first recordings with enough speech."""
    found = []
    for one in utterances:
        samples, rate = held_out.recorded(one)
        try:
            if load_speech(held_out.to_pcm(samples), rate).seconds >= SHORTEST:
                found.append((samples, rate))
        except RecordingError:
            continue
        if len(found) == RECORDINGS:
            break
    return found


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
    cosine = encoder.similarity(one[0], other[0])
    return compare(cosine, (one[1], other[1]), encoder.calibration).verdict


def compared(verdicts: Verdicts, usual: Verdicts, speakers: int) -> dict:
    """Counts, rates, and how far the rates are above those of the unaltered recordings."""
    known = {same: verdicts.is_known & (verdicts.is_target == same) for same in (False, True)}
    found = figures(lambda times: _with_excess(verdicts.rates(times), usual.rates(times)), speakers)
    row = {
        "pairs_of_two": int(known[False].sum()),
        "accepted": int((known[False] & verdicts.is_wrong).sum()),
        "pairs_of_one": int(known[True].sum()),
        "rejected": int((known[True] & verdicts.is_wrong).sum()),
        "refused": verdicts.refused,
        "no_verdict": int((~verdicts.is_known).sum()),
    }
    for name, figure in zip(("false_accepts", "misses", "false_accepts_above", "misses_above"), found):
        row |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
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


def level(samples: np.ndarray) -> float:
    """Root mean square of the loudest half of 20 ms or so of a recording: that of the speech."""
    frames = np.array_split(samples, max(len(samples) // 200, 1))
    powers = np.sort([np.square(one).mean() for one in frames])
    return float(np.sqrt(powers[len(powers) // 2 :].mean()))


def unaltered(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """As it is."""
    return samples


def room_noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of root mean square 1, which falls by 6 dB an octave from 150 Hz or so (at 8 kHz), (length,)."""
    made = lfilter([1], [1, -0.89], rng.standard_normal(length + 100))[100:]
    return made / np.sqrt(np.square(made).mean()) if length else made


def pause(seconds: float, noise_db: float | None = None) -> Alteration:
    """A pause in the middle: digital zeros, or noise so many dB below the speech."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        middle = len(samples) // 2
        return np.concatenate([samples[:middle], _filled(seconds, samples, rate, noise_db, rng), samples[middle:]])

    return alteration


def around(seconds: float, noise_db: float | None = None) -> Alteration:
    """The same before and after."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        before, after = (_filled(seconds, samples, rate, noise_db, rng) for _ in range(2))
        return np.concatenate([before, samples, after])

    return alteration


def _filled(
    seconds: float, samples: np.ndarray, rate: int, noise_db: float | None, rng: np.random.Generator
) -> np.ndarray:
    length = round(seconds * rate)
    if noise_db is None:
        return np.zeros(length)
    return room_noise(length, rng) * level(samples) * 10 ** (-noise_db / 20)


def zeros_between_words(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Four pauses of 1 s zeros, where the recording is quietest in each fifth's surroundings."""
    ends = [quietest(samples, rate, part * len(samples) // 5) for part in range(1, 5)]
    parts = np.split(samples, ends)
    return np.concatenate([parts[0], *(piece for part in parts[1:] for piece in (np.zeros(rate), part))])


def quietest(samples: np.ndarray, rate: int, near: int) -> int:
    """The middle of the quietest 20 ms within 0.2 s of a sample."""
    size, reach = rate // 50, rate // 5
    starts = range(max(near - reach, 0), min(near + reach, len(samples) - size), size)
    return min(starts, key=lambda start: np.square(samples[start : start + size]).sum(), default=near) + size // 2


def background(ratio_db: float) -> Alteration:
    """Noise all along, so many dB below the speech."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        return samples + room_noise(len(samples), rng) * level(samples) * 10 ** (-ratio_db / 20)

    return alteration


def click(rate: int, rng: np.random.Generator) -> np.ndarray:
    """4 ms that ring and die away, near full scale."""
    decay = np.exp(-np.arange(rate // 250) / (rate / 2000))
    return 0.9 * decay * rng.choice([-1, 1], len(decay))


def clicks_outside(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A click, 5 s of silence, the speech, 5 s of silence, a click: as a button makes them."""
    edge, silence = np.zeros(rate // 10), np.zeros(5 * rate)
    return np.concatenate([edge, click(rate, rng), silence, samples, silence, click(rate, rng), edge])


def clicks_inside(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Five clicks on the speech."""
    altered = samples.copy()
    for start in rng.integers(0, len(samples) - rate // 250, 5):
        altered[start : start + rate // 250] += click(rate, rng)
    return altered


def offset(share: float) -> Alteration:
    """A constant, a share of full scale, added."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        return samples + share

    return alteration


def hum(ratio_db: float) -> Alteration:
    """The mains and its first harmonics, so many dB below the speech."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        time = np.arange(len(samples)) / rate
        made = sum(np.sin(2 * np.pi * MAINS * n * time + rng.uniform(0, 6.28)) / n for n in (1, 2, 3))
        return samples + made / np.sqrt(np.square(made).mean()) * level(samples) * 10 ** (-ratio_db / 20)

    return alteration


def rumble(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A wandering offset below 20 Hz, as loud as the speech: wind, or a hand on the microphone."""
    pole = np.exp(-2 * np.pi * 10 / rate)
    made = rng.standard_normal(len(samples) + rate)
    for _ in range(3):
        made = lfilter([1 - pole], [1, -pole], made)
    made = made[rate:]
    return samples + made / np.sqrt(np.square(made).mean()) * level(samples)


def quieter(decibels: float) -> Alteration:
    """Turned down."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        return samples * 10 ** (-decibels / 20)

    return alteration


def channels(other: Callable[[np.ndarray, int, np.random.Generator], np.ndarray]) -> Alteration:
    """Two channels, the second made of the first."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        return np.stack([samples, other(samples, rate, rng)], axis=1)

    return alteration


def delayed(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """0.5 ms later, as a second microphone 17 cm away has it."""
    late = round(0.0005 * rate)
    return np.concatenate([np.zeros(late), samples[:-late]])


def as_loud_noise(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """White noise as loud as the speech."""
    return rng.standard_normal(len(samples)) * level(samples)


ALTERATIONS: dict[str, Alteration] = {
    "unaltered": unaltered,
    "5 s of zeros in the middle": pause(5),
    "10 s of zeros in the middle": pause(10),
    "5 s of room noise (-35 dB) in the middle": pause(5, 35),
    "10 s of room noise (-35 dB) in the middle": pause(10, 35),
    "10 s of room noise (-20 dB) in the middle": pause(10, 20),
    "1 s of zeros in four places": zeros_between_words,
    "5 s of zeros around": around(5),
    "5 s of room noise (-35 dB) around": around(5, 35),
    "background 30 dB below": background(30),
    "background 20 dB below": background(20),
    "background 10 dB below": background(10),
    "clicks before and after outer silence": clicks_outside,
    "five clicks inside": clicks_inside,
    "offset of 2 %": offset(0.02),
    "offset of 10 %": offset(0.1),
    "hum 20 dB below": hum(20),
    "hum 10 dB below": hum(10),
    "rumble as loud as the speech": rumble,
    "20 dB quieter": quieter(20),
    "40 dB quieter": quieter(40),
    "second channel a copy": channels(lambda samples, *_: samples),
    "second channel inverted": channels(lambda samples, *_: -samples),
    "second channel 0.5 ms late": channels(delayed),
    "second channel silent": channels(lambda samples, *_: 0 * samples),
    "second channel as loud noise": channels(as_loud_noise),
}

if __name__ == "__main__":
    main()
