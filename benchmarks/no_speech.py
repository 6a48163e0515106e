"""What is taken for speech and what is refused: made-up sounds without any, and recordings of people.

    python benchmarks/no_speech.py [FOLDER ...] [--seconds 5]

Makes sounds in which nobody speaks, in `VARIANTS` ways each (pitch, level, rate, length), and says how many of each
kind `load_speech` refuses, which is what `--verify`, `--identify` and `--enroll` go through. Then loads the recordings
of each FOLDER and says how many of these people are refused, and why; and every `EVERY`th again, as if it were
whispered or sung (`revoiced.py`). Prints JSON lines after the machine's: for each kind of sound `made` and `refused`;
for each folder and voice `recordings`, `refused`, and its rate as one in so many.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import held_out
import numpy as np
import soundfile
from measure import progress, report, show_table
from revoiced import Larynx, breath, notes, revoiced
from sounds import SOUNDS, Sound

from corpus.walk import audio_files
from inference.recordings import RecordingError, load_speech

VARIANTS = 20  # of each sound
RATES = (8000, 16000, 44100)  # Hz, in turn
LOUD, QUIET = -6, -46  # dB below full scale, root mean square
VOICES: dict[str, Larynx] = {"whispered": breath, "sung": notes}
EVERY = 20
SHOWN = 20  # refused recordings, named on stderr


def main() -> None:
    """Make, load, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="*", help="recordings of people, at any depth")
    parser.add_argument("--seconds", type=float, default=5, help="a sound's mean length (default: %(default)s)")
    args = parser.parse_args()
    rows = []
    for name, sound in SOUNDS.items():
        rows.append({"sound": name, **refused_sounds(sound, args.seconds)})
        report("no_speech", **rows[-1])
    made, refused = (sum(row[name] for row in rows) for name in ("made", "refused"))
    report("no_speech", sound="all", made=made, refused=refused)
    for folder in args.folder:
        report("no_speech", folder=folder.name, voice="as recorded", **refused_recordings(folder))
        for name, larynx in VOICES.items():
            report("no_speech", folder=folder.name, voice=name, **refused_voices(folder, larynx))
    show_table(rows)


def refused_sounds(sound: Sound, seconds: float) -> dict[str, int]:
    """How many of a sound's variants are refused."""
    refused = sum(refusal(*made(sound, seconds, variant)) is not None for variant in range(VARIANTS))
    return {"made": VARIANTS, "refused": refused}


def made(sound: Sound, seconds: float, variant: int) -> tuple[np.ndarray, int]:
    """One variant, int16, of half to one and a half times so many seconds, and its rate."""
    rng = np.random.default_rng(variant)
    rate = RATES[variant % len(RATES)]
    time = np.arange(round(seconds * rng.uniform(0.5, 1.5) * rate)) / rate
    samples = sound(time, rate, rng)
    strength = np.sqrt(np.square(samples).mean()) or 1
    return held_out.to_pcm(samples / strength * 10 ** (rng.uniform(QUIET, LOUD) / 20)), rate


def refusal(source: np.ndarray | Path, rate: int | None = None) -> str | None:
    """Why a recording is refused, if it is."""
    try:
        load_speech(source, rate)
    except RecordingError as error:
        return str(error).partition(": ")[2] or str(error)
    return None


def refused_recordings(folder: Path) -> dict[str, object]:
    """How many of a folder's recordings are refused."""
    files = audio_files(folder)
    if not files:
        sys.exit(f"expected recordings in {folder}")
    reasons = {file: refusal(file) for file in files}
    refused = {file: reason for file, reason in reasons.items() if reason is not None}
    for file, reason in list(refused.items())[:SHOWN]:
        progress(f"{file}: {reason}")
    return counted(list(reasons.values()))


def refused_voices(folder: Path, larynx: Larynx) -> dict[str, object]:
    """The same of some of them, with another larynx."""
    reasons = []
    for number, file in enumerate(audio_files(folder)[::EVERY]):
        samples, rate = soundfile.read(file, dtype="float64", always_2d=True)
        voice = revoiced(samples[:, 0] - samples[:, 0].mean(), rate, larynx, np.random.default_rng(number))
        reasons.append(refusal(held_out.to_pcm(voice), rate))
    return counted(reasons)


def counted(reasons: list[str | None]) -> dict[str, object]:
    """How many recordings there were, how many of them were refused, and why; None is no reason."""
    refused = [reason for reason in reasons if reason is not None]
    one_in = len(reasons) / len(refused) if refused else None
    return {"recordings": len(reasons), "refused": len(refused), "one_in": one_in, "why": Counter(refused)}


if __name__ == "__main__":
    main()
