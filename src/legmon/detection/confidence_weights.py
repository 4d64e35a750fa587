"""Weights of `legmon.detection.confidence`, calibrated on simulated nights only.

151 nights, 38082 leg movements that are right and 784 that are not, detector 4.
``python -m benchmarks.confidence_weights`` writes this file.
"""

MEAN = (
    -2.00318,
    4.0929,
    0.8695,
    0.3085,
    2.13184,
    0.05718,
    1.48842,
)
SPREAD = (
    0.82572,
    2.02941,
    0.56392,
    0.46187,
    1.24904,
    0.13083,
    1.09595,
)
TERMS = (
    6.84771,
    0.074,
    0.91371,
    0.09491,
    0.68021,
    -0.29601,
    0.14176,
    -0.09448,
    -0.51339,
    -0.2381,
    -0.30434,
    0.56406,
    -0.10932,
    -0.34278,
    -0.19252,
)
OTHERS: dict[str, float] = {
    "locomotion": 0.996,
    "long": 0.987,
    "posture": 0.997,
    "tremor": 0.932,
}
