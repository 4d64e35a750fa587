"""Nights of a jointed leg: muscles pull hip, knee and ankle, and a sprung mattress catches the leg.

A movement is a command to muscles, which follow it with a delay and pull damped joints. The joints lie on a mattress
that pushes from below and lets the leg bounce. A rigid chain turns the angles into the place of the sensor, and its
second difference on a grid of 500 Hz is the acceleration. A strap on a spring may shake it. The chip filters, samples,
drifts and rounds. Beside the leg there are a bed with a partner, gasps, a pet and hums, and breath and pulse. The truth
is measured on the noise-free signal of the leg, never taken from the plan.

The model was written from the notes on the signal alone. The detector was tuned on seeds 1 to 6 of every kind, so its
figures there say nothing about its accuracy.
"""

from benchmarks.sleepers.chain.generator import night
from benchmarks.sleepers.chain.person import KINDS, WITHOUT_SERIES

__all__ = ["KINDS", "WITHOUT_SERIES", "night"]
