"""Weighted logistic regression by Newton's method: six columns and millions of rows, fitted dozens of times."""

import numpy as np

RIDGE = 1e-5  # on standardised columns, where all rows weigh 1 together; holds columns apart that say the same
STEPS = 50  # of Newton's method at most; a dozen are usual
SMALLEST_GAIN = 1e-10  # of the mean loss, in nats; then it has converged
HALVINGS = 30


def logistic_regression(given: np.ndarray, same: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients of the log odds, at even odds where both sides weigh the same.

    Args:
        given: (rows, columns).
        same: (rows,) bool, what is to be told.
        weights: (rows,), not negative.

    Returns:
        (columns + 1,); the last is the intercept.
    """
    weights = weights / weights.sum()
    mean = weights @ given
    deviation = np.sqrt(weights @ np.square(given - mean))
    deviation[deviation == 0] = 1
    design = with_intercept((given - mean) / deviation)
    found = _newton(design, same, weights)
    coefficients = found[:-1] / deviation
    return np.append(coefficients, found[-1] - coefficients @ mean)


def with_intercept(given: np.ndarray) -> np.ndarray:
    """A column of ones behind the others."""
    return np.concatenate([given, np.ones((len(given), 1))], axis=1)


def _newton(design: np.ndarray, same: np.ndarray, weights: np.ndarray) -> np.ndarray:
    signs, ridge = np.where(same, 1.0, -1.0), np.full(design.shape[1], RIDGE)
    ridge[-1] = 0

    def loss(at: np.ndarray) -> float:
        return weights @ np.logaddexp(0, -signs * (design @ at)) + ridge @ np.square(at) / 2

    found = np.zeros(design.shape[1])
    reached = loss(found)
    for _ in range(STEPS):
        probability = 1 / (1 + np.exp(-(design @ found)))
        gradient = design.T @ (weights * (same - probability)) - ridge * found
        curvature = (design * (weights * probability * (1 - probability))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.lstsq(curvature, gradient)[0]
        for _ in range(HALVINGS):  # far from the optimum a whole step may overshoot
            if (now := loss(found + step)) <= reached:
                break
            step /= 2
        else:
            break
        found, gain, reached = found + step, reached - now, now
        if gain < SMALLEST_GAIN:
            break
    return found
