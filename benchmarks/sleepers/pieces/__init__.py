"""Nights of pieces in the frame of the sensor: each movement is a turn of gravity, with jerks on top.

A movement is a path of turns: knots that skewed smooth steps join, in one of fourteen styles, with beats and tremor on
top and about an axis that wanders. To it come bursts of band noise for jerks, a thud where the leg lands, the lever of
the sensor, and the ring of a loose strap. Turns of the body, walks, trains of foot twitches and fidgeting are pieces
of their own. The bed adds sways, thuds and hums, the body breath and pulse, the chip noise and steps. The truth is
measured on the noise-free signal of the leg, never taken from the plan.

The model was written from the notes on the signal alone. The detector was tuned on seeds 1 to 6 of every kind, so its
figures there say nothing about its accuracy.
"""

from benchmarks.sleepers.pieces.generator import night
from benchmarks.sleepers.pieces.kinds import KINDS, WITHOUT_SERIES

__all__ = ["KINDS", "WITHOUT_SERIES", "night"]
