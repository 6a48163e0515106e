"""A recording to listen to and to look at in a page."""

import base64
import io

import librosa
import numpy as np
import soundfile
from librosa.display import specshow
from matplotlib.figure import Figure
from numpy.typing import NDArray

from audio.decode import SAMPLE_RATE
from evaluation.report.style import COLOR_MAP, figure_with_axes

FRAME, HOP = 256, 80  # samples: 32 and 10 ms
SIZE = 4.6, 2.2  # inches
DYNAMIC_RANGE = 70  # dB
FULL_SCALE = 32768


def wav_uri(signal: NDArray[np.int16]) -> str:
    """Return a signal at 8 kHz, (samples,), as a WAV file in a URI of its own."""
    file = io.BytesIO()
    soundfile.write(file, signal, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return f"data:audio/wav;base64,{base64.b64encode(file.getvalue()).decode()}"


def spectrogram(signal: NDArray[np.int16]) -> Figure:
    """Draw the power of a signal at 8 kHz, (samples,), over time and frequency."""
    samples = np.pad(signal / np.float32(FULL_SCALE), (0, max(FRAME - len(signal), 0)))
    spectrum = np.abs(librosa.stft(samples.astype(np.float32), n_fft=FRAME, hop_length=HOP))
    levels = librosa.amplitude_to_db(spectrum, ref=np.max, top_db=DYNAMIC_RANGE)
    figure, axes = figure_with_axes(SIZE)
    specshow(
        levels, sr=SAMPLE_RATE, hop_length=HOP, n_fft=FRAME, x_axis="time", y_axis="hz",
        ax=axes, cmap=COLOR_MAP, rasterized=True,
    )  # fmt: skip
    axes.set(xlabel="s", ylabel="Hz")
    return figure
