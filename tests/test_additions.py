"""What is added to speech: how loud, of what spectrum, and where."""

import numpy as np
import pytest

from batcher import additions
from batcher.additions import add, add_clicks, add_offset, add_pauses, babble, hum, music, noise
from batcher.telephone import root_mean_square

SPEECH = np.random.default_rng(0).normal(0, 1000, 16_000).astype(np.float32)
MADE = {"noise": noise, "music": music, "hum": hum}
CHANGES = {"clicks": add_clicks, "pauses": add_pauses, "offset": add_offset}


def power(signal: np.ndarray) -> np.ndarray:
    """Of each hertz, for signals of whole seconds."""
    spectrum = np.square(np.abs(np.fft.rfft(signal)))[1:]
    return spectrum.reshape(-1, len(signal) // 8000).sum(axis=1)


@pytest.mark.parametrize("decibels", [0, 20])
def test_what_is_added_is_so_many_decibels_below(decibels):
    added = add(SPEECH, 17 * noise(16_000, np.random.default_rng(0)), decibels) - SPEECH
    assert 20 * np.log10(root_mean_square(SPEECH) / root_mean_square(added)) == pytest.approx(decibels, abs=0.01)


def test_silence_is_nothing_to_add_and_nothing_is_added_to_silence():
    silence = np.zeros(16_000, np.float32)
    np.testing.assert_array_equal(add(SPEECH, silence, 10), SPEECH)
    assert not add(silence, SPEECH, 10).any()


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("samples", [1, 7, 4000, 600_000])
def test_made_up_sounds_are_as_long_as_wanted_and_never_the_same(name, samples):
    sounds = [MADE[name](samples, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert all(sound.shape == (samples,) and sound.dtype == np.float32 for sound in sounds)
    assert np.isfinite(sounds[0]).all()
    np.testing.assert_array_equal(sounds[0], sounds[1])
    assert samples < 4000 or not np.array_equal(sounds[0], sounds[2])


def test_noises_have_colours_from_white_to_brown():
    slopes = []
    for seed in range(40):
        spectrum = power(noise(80_000, np.random.default_rng(seed)))
        low, high = spectrum[100:300].mean(), spectrum[2000:3900].mean()
        slopes.append(10 * np.log10(low / high))
    assert min(slopes) < 6  # dB
    assert max(slopes) > 20


def test_hum_is_of_the_mains_and_its_harmonics_only():
    for seed in range(10):
        spectrum = power(hum(80_000, np.random.default_rng(seed)))
        strong = np.flatnonzero(spectrum > spectrum.max() / 1e4) + 1
        assert any((strong % mains == 0).all() for mains in (50, 60)), strong


def test_babble_is_all_voices_alike():
    voices = [np.sin(2 * np.pi * hertz * np.arange(8000) / 8000) * loud for hertz, loud in ((200, 9000), (700, 50))]
    spectrum = power(babble([voice.astype(np.float32) for voice in voices], 16_000, np.random.default_rng(0)))
    assert {*np.argsort(spectrum)[-2:]} == {199, 699}
    assert spectrum[199] == pytest.approx(spectrum[699], rel=0.05)


def test_music_is_tones():
    for seed in range(10):
        spectrum = np.sort(power(music(8000, np.random.default_rng(seed))))[::-1]
        assert spectrum[:400].sum() > 0.9 * spectrum.sum()


@pytest.mark.parametrize("name", CHANGES)
def test_the_signal_given_stays_as_it_was(name):
    given = SPEECH.copy()
    CHANGES[name](given, np.random.default_rng(0))
    np.testing.assert_array_equal(given, SPEECH)


def test_clicks_are_few_and_short():
    for seed in range(20):
        clicked = add_clicks(SPEECH, np.random.default_rng(seed))
        share = (clicked != SPEECH).mean()
        assert clicked.dtype == np.float32
        assert 0 < share < 0.1


def test_an_offset_is_the_same_everywhere():
    offsets = [add_offset(SPEECH, np.random.default_rng(seed)) - SPEECH for seed in range(60)]
    means = np.array([offset.mean() for offset in offsets]) / 32_768
    assert max(np.ptp(offset) for offset in offsets) < 0.01
    assert all(0.001 < abs(mean) < 0.051 for mean in means)
    assert means.min() < -0.03 and means.max() > 0.03


def test_pauses_are_inserted_and_nothing_is_lost():
    lengths = []
    for seed in range(40):
        paused = add_pauses(SPEECH, np.random.default_rng(seed))
        np.testing.assert_array_equal(paused[paused != 0], SPEECH[SPEECH != 0])
        lengths.append(len(paused) - len(SPEECH))
    assert 0.2 * 8000 <= min(lengths) < max(lengths) <= 6 * 8000


def test_pauses_are_made_where_it_is_quiet_nearby(monkeypatch):
    gaps = SPEECH.copy()
    gaps[np.arange(16_000) % 2000 < 160] *= 0.001  # 20 ms of quiet four times a second
    monkeypatch.setattr(additions, "PAUSES", 1)
    for seed in range(40):
        paused = add_pauses(gaps, np.random.default_rng(seed))
        begin = int((paused[: len(gaps)] != gaps).argmax()) if not np.array_equal(paused[: len(gaps)], gaps) else 16_000
        assert begin % 2000 <= 160


@pytest.mark.parametrize("samples", [1, 50])
def test_short_signals_are_changed_too(samples):
    for change in CHANGES.values():
        assert np.isfinite(change(np.ones(samples, np.float32), np.random.default_rng(0))).all()
