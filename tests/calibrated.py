"""A calibration with round figures, for tests that work ratios out by hand."""

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
