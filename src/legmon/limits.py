"""The limits that the doctor, the pages and the recorder share: of a signal, a battery, the disk, the clock."""

from typing import Final

RATE_HZ: Final = 50
"""The sample rate that legmon requests by default, Hz."""

WEAK_DBM: Final = -80
"""A signal below this may be lost behind a body."""

LOW_PERCENT: Final = 20
"""A battery below this at bedtime may not last until morning."""
BATTERY_NIGHT_H: Final = 8.0
"""The night that a battery must last, hours."""

NEEDED_BYTES: Final = 200_000_000
"""With less room on the disk no night starts. Two sensors write less, but faster sensors and other programs need room too."""
ROOMY_BYTES: Final = 1_000_000_000
"""With less room on the disk, the check of the disk says "look"."""
DISK_NIGHT_S: Final = 10 * 3600
"""The length of night, s, that the doctor assumes when it checks the room on the disk. Each leg has a sensor."""

OLDEST_YEAR: Final = 2025
"""A clock that shows an earlier year was never set: one without a battery begins in 1970 or at the last shutdown."""
CLOCK_JUMP_S: Final = 0.2
"""A clock that was set by more than this while the doctor looked has not settled."""
