"""Weights of `legmon.detection.confidence`, calibrated on simulated nights only.

151 nights, 38082 leg movements that are right and 784 that are not, detector 4.
``python -m benchmarks.confidence_weights`` writes this file.
"""

MEAN = (
    -2.00318,
    0.8695,
    0.3085,
    2.13184,
    0.05718,
    1.48842,
    0.70549,
    0.60098,
    0.30505,
)
SPREAD = (
    0.82572,
    0.56392,
    0.46187,
    1.24904,
    0.13083,
    1.09595,
    0.18122,
    0.2598,
    0.54499,
)
TERMS = (
    7.05616,
    0.58311,
    -0.26001,
    1.06275,
    0.4412,
    -0.44507,
    0.73986,
    -0.41209,
    1.05613,
    1.53252,
    -0.59068,
    -0.29928,
    0.88127,
    -0.17101,
    -0.11039,
    -0.0525,
    -0.38937,
    -0.24206,
    0.26813,
)
OTHERS: dict[str, float] = {
    "locomotion": 0.996,
    "long": 0.987,
    "posture": 0.997,
    "tremor": 0.932,
}
