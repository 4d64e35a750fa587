"""A second simulated sleeper, to judge the detector by legs that it was not tuned on.

It shares no code and no design with the simulator in `firmware_sim`: another way to move a leg, another bed, another chip.
Never tune either side to the other. It is a model; a good result on it does not validate legmon on people.

Not drawn: errors of the chip's clock, gaps, two legs at once, fragmentary myoclonus, and a gain of a loose strap. Rubbing,
tapping and crossing of the legs are no leg movements here; a person who scores the muscle's signal would count some.
"""

from legmon.evaluation.second_sleeper.night import SecondNight, TrueMovement, draw_night
from legmon.evaluation.second_sleeper.structure import KINDS, WITHOUT_SERIES

__all__ = ["KINDS", "WITHOUT_SERIES", "SecondNight", "TrueMovement", "draw_night"]
