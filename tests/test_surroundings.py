"""Noises and impulse responses in a user's folders: which are found, what is read of them, what is said of the rest."""

import os

import numpy as np
import pytest
import soundfile
from conftest import write_noise, write_tone

from audio.errors import UnusableAudioError
from batcher.surroundings import (
    NOISES,
    RESPONSES,
    SurroundingsError,
    find_surroundings,
    read_noise,
    read_response,
)


def names(found, folder) -> dict[str, list[str]]:
    return {kind: [path.relative_to(folder).as_posix() for path in paths] for kind, paths in found.kinds.items()}


def write_response(path, rate=8000, delay=100, channels=1):
    """A direct sound of a half, then an echo of a quarter 10 ms later; the other channels are silent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    response = np.zeros((rate // 5, channels))
    response[delay, 0], response[delay + rate // 100, 0] = -0.5, 0.25
    soundfile.write(path, response, rate, subtype="FLOAT")
    return path


def test_musan_has_three_kinds(tmp_path):
    for name in ("noise/free-sound/n.wav", "noise/sound-bible/n.wav", "music/fma/m.wav", "speech/librivox/s.wav"):
        write_noise(tmp_path / "musan" / name)
    (tmp_path / "musan" / "README").write_text("about")
    found = find_surroundings(tmp_path / "musan", NOISES)
    assert names(found, tmp_path / "musan") == {
        "music": ["music/fma/m.wav"],
        "noise": ["noise/free-sound/n.wav", "noise/sound-bible/n.wav"],
        "speech": ["speech/librivox/s.wav"],
    }
    assert names(find_surroundings(tmp_path / "musan" / "speech", NOISES), tmp_path / "musan") == {
        "speech": ["speech/librivox/s.wav"]
    }


RIRS_NOISES = {
    NOISES: ["pointsource_noises/noise-free-sound-0.wav", "real_rirs_isotropic_noises/RVB2014_type1_noise_a_1.wav"],
    RESPONSES: [
        "real_rirs_isotropic_noises/RVB2014_type1_rir_a_1.wav",
        "real_rirs_isotropic_noises/air_type1_air_binaural_booth_0_1.wav",
        "simulated_rirs/smallroom/Room001/Room001-00001.wav",
    ],
}


@pytest.mark.parametrize("what", RIRS_NOISES)
@pytest.mark.parametrize("part", ["", "real_rirs_isotropic_noises"])
def test_rirs_noises_is_sorted_out_by_its_names(tmp_path, what, part):
    folder = tmp_path / "RIRS_NOISES"
    for name in (*RIRS_NOISES[NOISES], *RIRS_NOISES[RESPONSES]):
        write_response(folder / name)
    found = find_surroundings(folder / part, what)
    assert [*names(found, folder).values()] == [[name for name in RIRS_NOISES[what] if name.startswith(part)]]


def test_a_folder_of_ones_own_is_taken_for_what_it_is_asked_for(tmp_path):
    write_noise(tmp_path / "kitchen" / "fridge.flac")
    for what, kind in ((NOISES, "noise"), (RESPONSES, RESPONSES)):
        assert names(find_surroundings(tmp_path / "kitchen", what), tmp_path) == {kind: ["kitchen/fridge.flac"]}


@pytest.mark.parametrize("what", [NOISES, RESPONSES])
def test_a_folder_without_any_is_one_line(tmp_path, what):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.wav").write_text("text")
    for folder in (tmp_path / "missing", tmp_path / "file.wav"):
        with pytest.raises(SurroundingsError, match=rf"^expected a folder of {what}. Received .*, which is none$"):
            find_surroundings(folder, what)
    with pytest.raises(SurroundingsError, match=rf"^expected {what}. Received .*, which holds none that are of use$"):
        find_surroundings(tmp_path / "empty", what)
    with pytest.raises(
        SurroundingsError, match=r"^.* none that are of use: .*file\.wav \(not readable as audio [^\n]*$"
    ):
        find_surroundings(tmp_path, what)


def test_names_that_say_otherwise_are_counted(tmp_path):
    write_response(tmp_path / "rirs" / "a.wav")
    with pytest.raises(SurroundingsError, match="none that are of use, but 1 files whose names say otherwise"):
        find_surroundings(tmp_path / "rirs", NOISES)


def test_what_is_no_audio_or_no_response_is_told_and_left_out(tmp_path, caplog):
    write_response(tmp_path / "good.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF....WAVE")
    (tmp_path / "empty.flac").touch()
    soundfile.write(tmp_path / "long.wav", np.zeros(21 * 8000), 8000)
    assert names(find_surroundings(tmp_path, RESPONSES), tmp_path) == {RESPONSES: ["good.wav"]}
    assert "3 of the impulse responses are of no use: " in caplog.text
    assert "long.wav (longer than 20 s, so no impulse response)" in caplog.text
    assert names(find_surroundings(tmp_path, NOISES), tmp_path) == {"noise": ["good.wav", "long.wav"]}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none here")
def test_a_pipe_is_not_waited_for(tmp_path):
    write_noise(tmp_path / "good.wav")
    os.mkfifo(tmp_path / "endless.wav")
    assert names(find_surroundings(tmp_path, NOISES), tmp_path) == {"noise": ["good.wav"]}


def test_the_fingerprint_is_of_names_and_contents_and_not_of_places_or_workers(tmp_path):
    digests = set()
    for folder in ("a", "b"):
        write_noise(tmp_path / folder / "own" / "x.wav", seed=1)
        write_noise(tmp_path / folder / "own" / "y.wav", seed=2)
        digests |= {find_surroundings(tmp_path / folder / "own", NOISES, workers).sha256 for workers in (1, 2)}
    assert len(digests) == 1
    write_noise(tmp_path / "b" / "own" / "y.wav", seed=3)
    changed = find_surroundings(tmp_path / "b" / "own", NOISES).sha256
    (tmp_path / "a" / "own" / "y.wav").rename(tmp_path / "a" / "own" / "z.wav")
    renamed = find_surroundings(tmp_path / "a" / "own", NOISES).sha256
    assert len({*digests, changed, renamed}) == 3


def test_kinds_are_drawn_alike_and_their_recordings_too(tmp_path):
    for name in ("speech/a.wav", *(f"noise/{number}.wav" for number in range(4))):
        write_noise(tmp_path / name)
    found = find_surroundings(tmp_path, NOISES)
    rng = np.random.default_rng(0)
    draws = [found.draw(3, rng) for _ in range(400)]
    assert all(len(paths) == 3 and {path.parent.name for path in paths} == {kind} for kind, paths in draws)
    assert 160 < sum(kind == "speech" for kind, _ in draws) < 240
    assert len({path for _, paths in draws for path in paths}) == 5


def ramp(path, seconds, rate=8000, **how):
    """Values that say where they stand, in ms, so that a stretch can be recognised."""
    soundfile.write(path, np.arange(int(seconds * rate)) / rate * 1000 / 32768, rate, **how)
    return path


def test_a_noise_is_a_random_stretch(tmp_path):
    path = ramp(tmp_path / "long.wav", 20)
    begins = []
    for seed in range(20):
        noise = read_noise(path, 4000, np.random.default_rng(seed))
        assert (noise.shape, noise.dtype) == ((4000,), np.float32)
        assert noise[-1] - noise[0] == pytest.approx(500, abs=2)
        begins.append(noise[0])
    assert min(begins) < 4000 and max(begins) > 15_000 and max(begins) <= 19_500


def test_a_short_noise_is_repeated(tmp_path):
    noise = read_noise(ramp(tmp_path / "short.wav", 0.1), 2000, np.random.default_rng(0))
    np.testing.assert_array_equal(noise[:800], noise[800:1600])
    assert noise[799] == pytest.approx(100, abs=1)


@pytest.mark.parametrize("suffix", ["ogg", "mp3", "aiff"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_noises_of_any_format_rate_and_number_of_channels(tmp_path, suffix, rate):
    path = write_tone(tmp_path / f"x.{suffix}", 3.0, rate)
    noise = read_noise(path, 8000, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(noise))
    assert spectrum.argmax() == pytest.approx(500, abs=2)


def test_of_several_channels_the_first_is_heard(tmp_path):
    tones = [np.sin(2 * np.pi * hertz * np.arange(16_000) / 8000) / 2 for hertz in (400, 900)]
    soundfile.write(tmp_path / "stereo.wav", np.transpose(tones), 8000)
    noise = read_noise(tmp_path / "stereo.wav", 8000, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(noise))
    assert spectrum.argmax() == 400
    assert spectrum[900] < spectrum[400] / 1000


@pytest.mark.parametrize("rate, channels", [(8000, 1), (16_000, 1), (48_000, 8)])
def test_a_response_begins_with_its_direct_sound(tmp_path, rate, channels):
    response = read_response(write_response(tmp_path / "r.wav", rate, rate // 10, channels))
    direct = int(response.argmax())
    assert response.dtype == np.float32
    assert response[direct] == 1
    assert direct == 16  # 2 ms
    assert response[direct + 80] == pytest.approx(-0.5, abs=0.02)  # the echo


def test_a_silent_response_is_refused(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(800), 8000)
    with pytest.raises(UnusableAudioError, match="silent"):
        read_response(tmp_path / "silent.wav")
