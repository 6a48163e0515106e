"""Weighted logistic regression by Newton's method: six columns and millions of rows, fitted dozens of times."""

import numpy as np

RIDGE = 1e-5  # on standardised columns, where all rows weigh 1 together; for columns that say the same
STEPS = 50  # of Newton's method at most; a dozen are usual
SMALLEST_GAIN = 1e-10  # of the mean loss, in nats; the fit has converged when a step gains less
HALVINGS = 30


def logistic_regression(given: np.ndarray, same: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Fit the coefficients of the log odds that a row is of one speaker.

    If rows of one speaker and of two weigh the same in all, the log odds are those at even odds.

    Args:
        given: the columns that the odds are computed from, (rows, columns).
        same: the outcome to predict, which is whether a row is of one speaker, (rows,) bool.
        weights: how much each row counts, (rows,), not negative.

    Returns:
        a coefficient for each column and at the end the intercept, (columns + 1,).
    """
    weights = weights / weights.sum()
    mean = weights @ given
    deviation = np.sqrt(weights @ np.square(given - mean))
    deviation[deviation == 0] = 1
    design = with_intercept((given - mean) / deviation)
    standardised = _newton(design, same, weights)
    coefficients = standardised[:-1] / deviation
    return np.append(coefficients, standardised[-1] - coefficients @ mean)


def with_intercept(given: np.ndarray) -> np.ndarray:
    """Append a column of ones, whose coefficient is the intercept."""
    return np.concatenate([given, np.ones((len(given), 1))], axis=1)


def _newton(design: np.ndarray, same: np.ndarray, weights: np.ndarray) -> np.ndarray:
    signs, ridge = np.where(same, 1.0, -1.0), np.full(design.shape[1], RIDGE)
    ridge[-1] = 0

    def loss(at: np.ndarray) -> float:
        return weights @ np.logaddexp(0, -signs * (design @ at)) + ridge @ np.square(at) / 2

    coefficients = np.zeros(design.shape[1])
    reached = loss(coefficients)
    for _ in range(STEPS):
        probability = 1 / (1 + np.exp(-(design @ coefficients)))
        gradient = design.T @ (weights * (same - probability)) - ridge * coefficients
        curvature = (design * (weights * probability * (1 - probability))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.lstsq(curvature, gradient)[0]
        for _ in range(HALVINGS):  # far from the optimum a whole step may overshoot
            if (now := loss(coefficients + step)) <= reached:
                break
            step /= 2
        else:
            break
        coefficients, gain, reached = coefficients + step, reached - now, now
        if gain < SMALLEST_GAIN:
            break
    return coefficients
