"""Another larynx leaves the mouth as it was: what comes out is as long, as loud, and has the same formants."""

import numpy as np
import pytest
import soundfile
from conftest import VOICES
from revoiced import breath, notes, revoiced
from scipy.signal import periodogram, welch

SOUND, RATE = soundfile.read(VOICES / "p225" / "p225_001.flac")


@pytest.fixture(scope="module", params=[breath, notes], ids=["whispered", "sung"])
def voice(request):
    return revoiced(SOUND, RATE, request.param, np.random.default_rng(0))


def test_length_and_level_stay(voice):
    assert voice.shape == SOUND.shape
    assert np.isfinite(voice).all()
    inner = slice(RATE // 4, -RATE // 4)
    assert voice[inner].std() == pytest.approx(SOUND[inner].std(), rel=0.3)


def test_the_spectrum_s_shape_stays(voice):
    before, after = (np.log(welch(one, RATE, nperseg=256)[1][4:100]) for one in (SOUND, voice))
    assert np.corrcoef(before, after)[0, 1] > 0.9


def test_silence_stays_silence():
    silent = np.concatenate([SOUND[:RATE], np.zeros(RATE)])
    made = revoiced(silent, RATE, breath, np.random.default_rng(0))
    assert np.abs(made[-RATE // 2 :]).max() < 1e-3 * np.abs(made).max()


def test_a_whisper_has_no_harmonics_and_a_song_has():
    def peakiness(larynx):
        power = periodogram(larynx(4 * RATE, RATE, np.random.default_rng(1)), RATE)[1]
        return power.max() / power.mean()

    assert peakiness(notes) > 5 * peakiness(breath)
