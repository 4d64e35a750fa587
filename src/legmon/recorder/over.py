"""Whether a night is plainly over: every sensor that is still there is on its charger, or the person has risen for good."""

import time
from collections.abc import Iterable

from legmon.catalog.state import EndedBy
from legmon.night.rising import has_risen
from legmon.recorder.ankle_sensor import Limb

CHARGER_S = 60.0  # on the charger for so long: the night is over
GONE_S = 600.0  # a sensor not heard for so long, or never, keeps no night going


def over(limbs: Iterable[Limb]) -> EndedBy:
    """Say why a night is over, or nothing while it is not.

    Parameters
    ----------
    limbs : iterable of Limb
        The ankles that are recorded.
    """
    now, limbs = time.monotonic(), list(limbs)
    docked = [x for x in limbs if x.charging_since is not None and now - x.charging_since > CHARGER_S]
    if docked and all(x in docked or now - x.heard > GONE_S for x in limbs):
        return "charger"
    nights = [x.recorder.night for x in limbs if x.recorder is not None]
    if any(has_risen(n.movements, n.end, n.meta.declared_hz) for n in nights):
        return "risen"
    return ""
