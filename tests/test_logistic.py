"""Weighted logistic regression against scikit-learn's and against known ratios."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evaluation.logistic import logistic_regression, with_intercept


def rows(count=2000, seed=0):
    rng = np.random.default_rng(seed)
    same = rng.random(count) < 0.3
    given = np.stack([rng.normal(same * 1.5, 1), rng.normal(same * 0.5, 3) + 100], axis=1)
    return given, same, rng.uniform(0, 2, count)


def test_it_equals_scikit_learn_s():
    given, same, weights = rows()
    theirs = LogisticRegression(C=1e8, tol=1e-10, max_iter=10_000).fit(given, same, weights)
    expected = [*theirs.coef_[0], theirs.intercept_[0]]
    assert logistic_regression(given, same, weights).tolist() == pytest.approx(expected, rel=2e-2, abs=2e-3)


def test_a_weight_of_two_is_a_row_twice_and_of_nothing_none():
    given, same, _ = rows(300)
    times = np.random.default_rng(1).integers(0, 3, 300)
    repeated = np.repeat(np.arange(300), times)
    np.testing.assert_allclose(
        logistic_regression(given, same, times),
        logistic_regression(given[repeated], same[repeated], np.ones(len(repeated))),
        rtol=1e-5,
        atol=1e-6,
    )


def test_sides_that_do_not_overlap_have_finite_coefficients():
    found = logistic_regression(
        np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([False, False, True, True]), np.ones(4)
    )
    assert np.isfinite(found).all()
    assert found[0] > 0
    assert -found[1] / found[0] == pytest.approx(1.5, abs=0.01)


def test_columns_that_say_the_same_or_nothing_do_no_harm():
    given, same, weights = rows()
    more = np.concatenate([given, given[:, :1], np.full((len(given), 1), 7.0)], axis=1)
    expected = with_intercept(given) @ logistic_regression(given, same, weights)
    np.testing.assert_allclose(with_intercept(more) @ logistic_regression(more, same, weights), expected, atol=1e-2)
