"""Clipped sound is told from loud sound, at whatever level and rate it is now."""

import numpy as np
import pytest
import soundfile
import soxr
from command_line import SHARED
from conftest import VOICES

from audio.clipping import FEWEST_TOPS, QUIET, FlatTops, has_wavy_tops
from audio.decode import Decoded, convert, decode_recording

RECORDINGS = sorted(VOICES.glob("*/*_00[1-3].flac"))
HALF = 0.5  # s


def loud(path) -> tuple[np.ndarray, int]:
    """The speech without its quiet ends, up to full scale."""
    samples, rate = soundfile.read(path)
    samples = samples / np.abs(samples).max()
    return samples[rate // 2 :], rate


def clipped(samples: np.ndarray, share: float) -> np.ndarray:
    """With the share of its samples that are the loudest cut off."""
    limit = np.quantile(np.abs(samples), 1 - share)
    return np.clip(samples, -limit, limit) / limit


def tops(*blocks, rate: int = 16_000) -> int:
    counter = FlatTops(rate)
    assert len(list(counter.watched(np.array(block, np.float32) for block in blocks))) == len(blocks)
    return counter.count


def as_16_bit(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples * 32_767).astype(np.int16)[:, None]


def test_flat_tops_are_counted_by_hand():
    top = [900, 900, 900, 1]
    assert tops(top) == tops([*top[:3]]) == 1
    assert tops(top, top) == tops(top * 2) == 2
    assert tops([900, 900, 1]) == tops([900, 1, 900, 900]) == 0
    assert tops(top, [901, 1]) == 0  # was not the top
    assert tops(top, [901] * 3, top) == 1
    assert tops(top, [-900] * 3) == 2
    assert tops([QUIET - 1] * 9) == tops([0] * 9) == tops([]) == tops() == 0
    assert tops(top * 4, rate=48_000) == 0
    assert tops([*[900] * 5, 1], rate=48_000) == 1


def test_clean_speech_is_not_called_clipped():
    called = total = 0
    for path in RECORDINGS:
        samples, rate = loud(path)
        size = int(HALF * rate)
        for start in range(0, len(samples) - size, size):
            called += convert(as_16_bit(0.99 * samples[start : start + size]), rate).is_clipped
            total += 1
    assert total > 150
    assert called <= 0.01 * total


@pytest.mark.parametrize(("share", "hits"), [(0.01, 0.85), (0.03, 0.99), (0.1, 1)])
@pytest.mark.parametrize("gain", [1, 0.2])
def test_clipped_speech_is_found(share, hits, gain):
    found = [
        convert(as_16_bit(gain * clipped(samples, share)), rate).is_clipped for samples, rate in map(loud, RECORDINGS)
    ]
    assert np.mean(found) >= hits


def test_heavily_clipped_speech_is_found_when_it_was_resampled():
    found = []
    for samples, rate in map(loud, RECORDINGS):
        resampled = soxr.resample(clipped(samples, 0.15), rate, 11_025)
        found.append(convert(as_16_bit(0.5 * resampled), 11_025).is_clipped)
    assert np.mean(found) > 0.8


def test_wavy_tops_have_neither_scale_nor_offset():
    rng = np.random.default_rng(0)
    speech = rng.laplace(size=20_000).astype(np.float32)
    tops = np.clip(speech, -1, 1) + 0.05 * rng.normal(size=20_000).astype(np.float32)
    for scale, offset in ((1, 0), (1000, 0), (1e-4, 0), (1, 5)):
        assert has_wavy_tops(scale * tops + offset)
        assert not has_wavy_tops(scale * speech + offset)
    assert not has_wavy_tops(np.zeros(1, np.float32))
    assert not has_wavy_tops(np.full(900, 7, np.float32))


def test_quiet_recordings_have_steps_and_no_tops():
    samples, rate = loud(RECORDINGS[0])
    assert tops(np.rint(3 * samples), rate=rate) < FEWEST_TOPS


@pytest.mark.parametrize(
    ("near", "level", "rest", "is_wavy"),
    [
        (150, 0.71, 0.3, False),  # 15 % of the active samples near the peak
        (170, 0.71, 0.3, True),
        (170, 0.69, 0.3, False),  # not near
        (170, 0.71, 0.04, True),
        (30, 0.71, 0.04, True),  # the others are not active
        (30, 0.71, 0.06, False),
    ],
)
def test_tops_are_wavy_if_16_percent_of_the_active_samples_are_near_the_peak(near, level, rest, is_wavy):
    magnitude = np.full(1000, rest)
    magnitude[:near] = level
    magnitude[:10] = 1
    assert has_wavy_tops((magnitude * np.tile([1, -1], 500)).astype(np.float32)) == is_wavy


@pytest.mark.parametrize(("flat_tops", "is_clipped"), [(3, False), (4, True)])
def test_a_few_flat_tops_are_chance(flat_tops, is_clipped):
    signal = decode_recording(RECORDINGS[0]).signal
    assert Decoded(signal, 16_000, flat_tops=flat_tops).is_clipped is is_clipped


CASE = SHARED / "cases" / "false_clipped_remark" / "half_second.flac"


@pytest.mark.skipif(not CASE.exists(), reason="the case is not here")
def test_the_case():
    assert not decode_recording(CASE).is_clipped
