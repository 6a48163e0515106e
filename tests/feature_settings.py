"""Feature settings that no file of ours holds, for the tests of all who read them."""

from functools import reduce

from audio.feature_settings import DEFAULT_FEATURES, LIMITS

NESTED = reduce(lambda inner, _: (inner, inner), range(60), ())  # takes exponential time to hash and to spell out
NONSENSE = (
    *({name: 0} for name in LIMITS if name != "dither_seed"),
    *({name: -1} for name in LIMITS),
    *({name: 10**9} for name in LIMITS if name != "dither_seed"),
    *({name: 10**500} for name in LIMITS),
    *({name: True} for name in LIMITS),
    *({name: None} for name in LIMITS),
    *({name: float(value)} for name in LIMITS if isinstance(value := getattr(DEFAULT_FEATURES, name), int)),
    *({name: value} for name in ("frame_length", "frame_step") for value in (float("nan"), float("inf"), -0.02, 1e-9)),
    {"sample_rate": 16000},
    {"sample_rate": "8000"},
    {"fft_size": 128},
    {"fft_size": 199},
    {"frame_length": 0.033},
    {"frame_step": 0.026},
    {"num_cepstra": 33},
    {"num_filters": 19},
    {"num_filters": 64},
    {"num_filters": 55, "num_cepstra": 13},
    {"num_filters": 129, "fft_size": 1024},
    {"dither_seed": 2**31},
)
