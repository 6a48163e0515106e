"""Weighted logistic regression by Newton's method: six columns and millions of rows, fitted dozens of times."""

import numpy as np

RIDGE = 1e-5  # on standardised columns, where all rows weigh 1 together; holds columns apart that say the same
STEPS = 50  # of Newton's method at most; a dozen are usual
SMALLEST_GAIN = 1e-10  # of the mean loss, in nats; then it has converged
HALVINGS = 30


def logistic_regression(given: np.ndarray, same: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Fit the coefficients of the log odds, at even odds where both sides weigh the same.

    Args:
        given: (rows, columns).
        same: (rows,) bool, which of two kinds each is of.
        weights: (rows,), not negative.

    Returns:
        (columns + 1,); the last is the intercept.
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
    """Put a column of ones behind the others."""
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
