"""Weights of `legmon.detection.confidence`, calibrated on simulated nights only.

151 nights, 38145 leg movements that are right and 917 that are not, detector 4.
``python -m benchmarks.confidence_weights`` writes this file.
"""

MEAN = (
    -2.00688,
    0.88293,
    0.30882,
    2.14497,
    0.05587,
    1.4968,
    0.70468,
    0.59919,
    0.29958,
)
SPREAD = (
    0.82823,
    0.56832,
    0.46201,
    1.2749,
    0.12846,
    1.10844,
    0.18453,
    0.26103,
    0.55268,
)
TERMS = (
    7.13336,
    0.6479,
    -0.30569,
    0.9546,
    0.73204,
    -0.61102,
    0.79378,
    -0.14201,
    1.27456,
    1.23393,
    -0.59706,
    -0.31344,
    0.79003,
    -0.29937,
    -0.02876,
    -0.02958,
    -0.35608,
    -0.28781,
    0.20462,
)
OTHERS: dict[str, float] = {
    "locomotion": 0.993,
    "long": 0.977,
    "posture": 0.997,
    "tremor": 0.954,
}
