"""The cohort is one mean for each speaker of the training that the cache holds."""

import numpy as np
import pytest
from angles import AngleEncoder, cache_of

from evaluation import training_cohort as module
from evaluation.training_cohort import training_cohort
from storage.errors import UserError

ANGLES = {"vctk/ann": [0, 20], "vctk/bob": [90, 100, 200], "vctk/cid": [200, 230], "libri/ann": [300]}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for name in ("evaluation.training_cohort.FEWEST", "inference.cohort.FEWEST"):
        monkeypatch.setattr(name, 2)
    cache = cache_of(tmp_path, ANGLES, monkeypatch)
    from evaluation import cuts

    monkeypatch.setattr(module, "read_signal", cuts.read_signal)
    return cache


def test_means_of_the_speakers_who_trained(cache, monkeypatch):
    monkeypatch.setattr(module, "UTTERANCES", 2)  # of bob's three, the first
    cohort = training_cohort(AngleEncoder(trained_on=["vctk/ann", "vctk/bob", "vctk/nobody"]), cache)
    radians = np.radians([10, 95])  # by their last value
    np.testing.assert_allclose(cohort.embeddings, np.stack([np.cos(radians), np.sin(radians)], axis=1), atol=1e-6)


def test_the_order_tells_nobody_s_name(cache):
    one, other = (training_cohort(AngleEncoder(trained_on=names), cache) for names in
                  (["vctk/bob", "vctk/cid"], ["vctk/cid", "vctk/bob"]))  # fmt: skip
    np.testing.assert_array_equal(one.embeddings, other.embeddings)
    assert one.embeddings[0, 1] < one.embeddings[1, 1]  # cid, at 215 degrees, comes first


def test_too_few_of_them_are_refused(cache):
    with pytest.raises(UserError, match="holds 1 of the 2 speakers that the network was trained on"):
        training_cohort(AngleEncoder(trained_on=["vctk/ann", "vctk/nobody"]), cache)
