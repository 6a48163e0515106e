"""Render the bundled sample corpus: synthetic voices, not recordings of any person.

Every utterance is spoken by the espeak-ng synthesiser (Debian package espeak-ng) in one of the voices of cast.py. The
waveform is resampled by the voice's vocal-tract factor, which moves all formants together as a shorter or longer vocal
tract would (the warp that Lee and Rose undo in "A frequency warping approach to speaker normalization", IEEE Trans.
Speech and Audio Processing 6(1), 1998); the speaking rate is divided by it beforehand so that the tempo stays as asked.
Each utterance then gets its own pitch, speed, gain, background noise and silences, all drawn from a seed, so a second
run of the same espeak-ng and libsndfile writes the same bytes.
"""

import argparse
import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from cast import DEMO_SPEAKER, VOICES, Voice

log = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
SENTENCES = HERE / "sentences.txt"
ESPEAK = "espeak-ng"
SEED = 2017

CORPUS_RATE = 16000  # samples per second
UTTERANCES = 12  # per corpus speaker
# (samples per second, channels) of the demonstration recordings, mixed so that readers must resample and downmix
DEMO_FORMATS = ((48000, 2), (22050, 1), (44100, 1), (22050, 1), (22050, 1), (22050, 1))

PITCH_JITTER = 3  # espeak-ng pitch units (0 to 99), either side
SPEED_JITTER = 0.05  # fraction, either side
GAIN_JITTER = 3.0  # dB, either side
SPEECH_LEVEL = -35.0  # dB of full scale, RMS before the gain; quiet speech takes fewer bits in FLAC
SNR_RANGE = (35.0, 45.0)  # dB, speech over background noise
NOISE_COLOUR = (0.8, 0.97)  # pole of the one-pole low-pass filter that makes room noise of white noise
NOISE_MEMORY = 256  # samples; 0.97 ** 256 is below 1e-3, what follows is inaudible
SILENCE_RANGE = (0.1, 0.4)  # seconds, before and after the speech
SPEECH_FLOOR = 1e-3  # of full scale; espeak-ng's own leading and trailing samples below it are cut
PEAK_LIMIT = 0.95  # of full scale


def speak(sentence: str, voice: Voice, pitch: int, speed: float) -> tuple[np.ndarray, float]:
    """Synthesise one sentence.

    Returns the samples, shape = (samples,), float64 in [-1, 1], and the rate in samples per second at which they are
    to be played so that the voice has its vocal tract. Raises CalledProcessError when espeak-ng refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = [ESPEAK, "-v", f"{voice.accent}+{voice.variant}", "-p", str(pitch), "-s", str(round(speed))]
        subprocess.run([*command, "-w", str(path), sentence], check=True, capture_output=True, text=True)
        samples, rate = soundfile.read(path)
    loud = np.flatnonzero(np.abs(samples) > SPEECH_FLOOR)
    return samples[loud[0] : loud[-1] + 1], rate * voice.tract


def room_noise(length: int, colour: float, rng: np.random.Generator) -> np.ndarray:
    """Low-pass noise of unit RMS, shape = (length,), float64; white noise through y[n] = x[n] + colour * y[n - 1]."""
    impulse_response = colour ** np.arange(NOISE_MEMORY)
    noise = np.convolve(rng.standard_normal(length + NOISE_MEMORY - 1), impulse_response, mode="valid")
    return noise / np.sqrt(np.mean(noise**2))


def record(speech: np.ndarray, rate: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Put clean speech, shape = (samples,), in a room: silences, gain, noise.

    Returns shape = (samples, channels), int16.
    """
    before, after = (round(seconds * rate) for seconds in rng.uniform(*SILENCE_RANGE, size=2))
    level = 10 ** ((SPEECH_LEVEL + rng.uniform(-GAIN_JITTER, GAIN_JITTER)) / 20)
    noise_level = level * 10 ** (-rng.uniform(*SNR_RANGE) / 20)
    colour = rng.uniform(*NOISE_COLOUR)
    padded = np.pad(speech * level / np.sqrt(np.mean(speech**2)), (before, after))
    # Each microphone has its own noise, so the two channels of a stereo file differ.
    tracks = [padded + noise_level * room_noise(len(padded), colour, rng) for _ in range(channels)]
    mixed = np.stack(tracks, axis=1)
    mixed *= min(1.0, PEAK_LIMIT / np.abs(mixed).max())
    return np.round(mixed * 32767).astype(np.int16)


def render_utterance(sentence: str, voice: Voice, rate: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Speak one sentence with the drawn pitch and speed, then record it; shape = (samples, channels), int16."""
    pitch = voice.pitch + int(rng.integers(-PITCH_JITTER, PITCH_JITTER + 1))
    speed = voice.speed * (1 + rng.uniform(-SPEED_JITTER, SPEED_JITTER)) / voice.tract
    speech, play_rate = speak(sentence, voice, pitch, speed)
    return record(soxr.resample(speech, play_rate, rate), rate, channels, rng)


def write_audio(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write 16-bit audio, in the format its suffix names; a run cut short leaves no half-written file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        soundfile.write(temporary, samples, rate, subtype="PCM_16", format=path.suffix[1:].upper())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def render_speaker(voice: Voice, sentences: list[str], output: Path) -> list[Path]:
    """Render all utterances of one voice under `output`; returns the paths written, in order."""
    rng = np.random.default_rng([SEED, VOICES.index(voice)])
    if voice.name == DEMO_SPEAKER:
        paths = [output / voice.name / f"recording_{n}.wav" for n in range(1, len(DEMO_FORMATS) + 1)]
        formats = DEMO_FORMATS
    else:
        paths = [output / "voices" / voice.name / f"{voice.name}_{n:03d}.flac" for n in range(1, UTTERANCES + 1)]
        formats = ((CORPUS_RATE, 1),) * UTTERANCES
    drawn = rng.choice(len(sentences), size=len(paths), replace=False)
    for path, index, (rate, channels) in zip(paths, drawn, formats, strict=True):
        write_audio(path, render_utterance(sentences[index], voice, rate, channels, rng), rate)
    return paths


def missing_variants(voices: list[Voice]) -> list[str]:
    """Variants this espeak-ng lacks; asked beforehand because it speaks on without an unknown variant, silently."""
    listing = subprocess.run([ESPEAK, "--voices=variant"], check=True, capture_output=True, text=True).stdout
    known = {word.removeprefix("!v/") for word in listing.split() if word.startswith("!v/")}
    return [voice.variant for voice in voices if voice.variant not in known]


def render(voices: list[Voice], output: Path) -> None:
    """Render the voices under `output`; raises FileNotFoundError without espeak-ng or one of its variants."""
    if shutil.which(ESPEAK) is None:
        raise FileNotFoundError(f"{ESPEAK} is not on PATH; install it with: apt-get install espeak-ng")
    if missing := missing_variants(voices):
        raise FileNotFoundError(f"this {ESPEAK} lacks the variants {', '.join(missing)}; version 1.51 has them")
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    for voice in voices:
        paths = render_speaker(voice, sentences, output)
        log.info("%s: %d files in %s", voice.name, len(paths), paths[0].parent)


def main() -> int:
    """Parse the arguments and render; returns the exit code."""
    names = [voice.name for voice in VOICES]
    parser = argparse.ArgumentParser(
        description="Render the synthetic sample voices with espeak-ng (Debian package espeak-ng).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--output", type=Path, default=HERE, metavar="DIR", help="folder that receives the audio")
    parser.add_argument("--speakers", nargs="+", choices=names, default=names, metavar="NAME", help="voices to render")
    args = parser.parse_args()
    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--output: expected a folder that can be written, received {args.output} ({error.strerror})")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        render([voice for voice in VOICES if voice.name in args.speakers], args.output)
    except subprocess.CalledProcessError as error:
        print(f"render.py: {ESPEAK} failed: {' '.join(error.stderr.split())}", file=sys.stderr)
        return 1
    except (OSError, soundfile.LibsndfileError) as error:
        print(f"render.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
