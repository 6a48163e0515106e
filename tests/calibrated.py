"""A calibration with round figures, for tests that work ratios out by hand."""

import dataclasses

from inference.calibration import Calibration
from inference.calibration_source import CalibrationSource, ErrorRates
from inference.estimate import Estimate

SOURCE = CalibrationSource(("made up",), speakers=3, targets=9, nontargets=9, date="2026-11-25", cllr=0.3)
CALIBRATION = Calibration(
    intercept=-4.0,
    weights=(10.0, 1.0, 0.5, -1.0, 0.0),
    shortest=0.5,
    longest=8.0,
    bins=(1.5, 3.0),
    rates=(0.1, 0.01),
    thresholds=((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)),
    source=SOURCE,
)
INTERVALS = (((0.05, 0.2), (0.001, 0.03)), ((0.06, 0.2), (0.002, 0.03)), ((0.07, 0.2), (0.003, 0.04)))
RATES = tuple(
    ErrorRates(
        corpus=None,
        up_to=end,
        speakers=3,
        targets=9,
        nontargets=9,
        eer=0.02,
        miss=Estimate(0.01, 0.0, 0.03),
        false_accept=Estimate(0.02, 0.01, 0.04),
    )
    for end in (1.5, 3.0, None)
)
COMPLETE = dataclasses.replace(  # the same, with all that a calibration knows of its own worth
    CALIBRATION,
    source=dataclasses.replace(SOURCE, error_rates=RATES, pairs_of_strangers=3, across_sessions=0, cllr=0.2),
    intervals=INTERVALS,
    covariance=tuple(tuple(0.01 * (row == column) for column in range(6)) for row in range(6)),
    lowest=-4.5,
    highest=6.0,
)
