"""Two generators of simulated nights, on which the detector's bed weights and constants were set.

`benchmarks.sleepers.chain` moves a jointed leg with muscles on a sprung mattress. `benchmarks.sleepers.pieces` puts
movements together in the frame of the sensor. Each draws a night from its kind, its seed and its length:
``night("ordinary", seed=1, hours=3.0)``. The detector was tuned on seeds 1 to 6 of both, so its figures on these
seeds say nothing about its accuracy.
"""
