"""A calibration with round figures, for tests that work ratios out by hand."""

import dataclasses

from inference.calibration import Calibration

CALIBRATION = Calibration(
    intercept=-4.0,
    weights=(10.0, 1.0, 0.5, -1.0, 0.0),
    shortest=0.5,
    longest=8.0,
    bins=(1.5, 3.0),
    rates=(0.1, 0.01),
    thresholds=((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)),
    about={"corpora": ["made up"]},
)
INTERVALS = (((0.05, 0.2), (0.001, 0.03)), ((0.06, 0.2), (0.002, 0.03)), ((0.07, 0.2), (0.003, 0.04)))
RATES = {"eer": 0.02, "miss": {"value": 0.01, "low": 0.0, "high": 0.03}, "targets": 9, "nontargets": 9}
COMPLETE = dataclasses.replace(  # the same, with all that a calibration knows of its own worth
    CALIBRATION,
    about={"error_rates": [{"corpus": None, "up_to": end, **RATES} for end in (1.5, 3.0, None)]},
    intervals=INTERVALS,
    covariance=tuple(tuple(0.01 * (row == column) for column in range(6)) for row in range(6)),
    lowest=-4.5,
    highest=6.0,
)
