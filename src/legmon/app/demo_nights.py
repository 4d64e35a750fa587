"""The demo's nights: tonight, and the past ones, each as a scenario and what the person did that evening and morning."""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from legmon.catalog.zone import local_zone
from legmon.movement import NS, Leg

if TYPE_CHECKING:
    from legmon.catalog.store import Catalog

STAGING: Final = "past-"
"""What the name of the folder begins with in which a past night is recorded."""

_BODY: Final = {
    "series": "{interval_s: {median: 21, sigma: 0.3}, length: 16, gap_min_s: 60, lengthen: 1.3}",
    "thin": "4",
    "peak_mg": "{median: 110, sigma: 0.7}",
    "invisible_share": "0.12",
    "duration_s": "{median: 3.2, sigma: 0.45}",
    "large_per_hour": "2",
}
_DISTURB: Final = {"breath_mg": "3", "pulse_mg": "1", "bumps_per_hour": "6", "temperature_k": "6"}


@dataclass(frozen=True, slots=True)
class SimulatedNight:
    """One night of the demo.

    Attributes
    ----------
    at : time
        When it begins, by this machine's clock.
    hours : float
        How long it lasts.
    movements_per_hour : int
        How many leg movements an hour has.
    days_ago : int
        How many evenings before tonight; 0 for tonight.
    legs : tuple of str
        The ankles with a sensor.
    bathroom, gap : str
        A walk and a loss of the link, as a scenario has them: when it begins and how long it lasts; empty for none.
    body, disturb : str
        More of the scenario.
    lights : (int, int) or None
        Lights off, minutes after the night begins, and on, minutes before it ends.
    is_checked : bool
        Whether the fit was checked that evening.
    voluntary : int
        How many of the last movements the person marked as own ones.
    """

    at: time_of_day
    hours: float
    movements_per_hour: int
    days_ago: int = 0
    legs: tuple[Leg, ...] = ("left",)
    bathroom: str = ""
    gap: str = ""
    body: str = ""
    disturb: str = ""
    lights: tuple[int, int] | None = None
    is_checked: bool = False
    voluntary: int = 0

    def scenario(self, name: str, seed: int, leg: Leg = "left") -> str:
        """Return the scenario as YAML. Both legs move together; each sensor has a rate error of its own."""
        error = 1.2 if leg == "left" else -1.1
        body = ", ".join(f"{key}: {value}" for key, value in _BODY.items() if f"{key}:" not in self.body)
        body += f", {self.body}" if self.body else ""
        body += f", bathroom: [{{{self.bathroom}}}]" if self.bathroom else ""
        disturb = ", ".join(
            f"{key}: {value}" for key, value in _DISTURB.items() if f"{key}:" not in self.disturb
        )
        disturb += f", {self.disturb}" if self.disturb else ""
        return (
            f"scenario: 1\nname: {name}\nduration: {round(self.hours * 60)}m\nseed: {seed}\n"
            f"rate_hz: 50\nrate_error_percent: {error}\nleg: {leg}\nmovements_per_hour: {self.movements_per_hour}\n"
            f"body: {{{body}}}\ndisturb: {{{disturb}}}\n"
            + (f"link: {{losses: [{{{self.gap}}}]}}\n" if self.gap else "")
        )

    def start_ns(self, evening: date) -> int:
        """Return when it begins on an evening, by this machine's clock, ns UTC."""
        name, _ = local_zone(time.time_ns())
        return round(datetime.combine(evening, self.at, ZoneInfo(name)).timestamp()) * NS

    def past_ns(self, tonight: date) -> int:
        """Return when it began, ns UTC, by the evening of tonight."""
        return self.start_ns(tonight - timedelta(days=self.days_ago))


def _at(hour: int, minute: int) -> time_of_day:
    return time_of_day(hour, minute)


_BOTH: Final[tuple[Leg, ...]] = ("left", "right")

PAST: Final = (
    SimulatedNight(_at(22, 58), 7.3, 31, 16, lights=(18, 9)),
    SimulatedNight(_at(23, 10), 6.8, 22, 15, lights=(10, 15), is_checked=True),
    SimulatedNight(_at(22, 41), 7.7, 44, 14, bathroom="at: 3h50m, for: 5m", lights=(25, 6)),
    SimulatedNight(_at(23, 31), 6.4, 18, 13),
    SimulatedNight(_at(22, 49), 7.4, 37, 12, lights=(14, 11), is_checked=True, voluntary=2),
    SimulatedNight(_at(22, 36), 7.9, 41, 10, legs=_BOTH, lights=(21, 10), is_checked=True),
    SimulatedNight(_at(23, 2), 7.2, 27, 9, gap="at: 3h12m, for: 47m", lights=(12, 8)),
    SimulatedNight(
        _at(22, 55),
        7.5,
        9,
        8,
        body="invisible_share: 0.55, small_share: 0.3, large_per_hour: 5",
        lights=(16, 12),
    ),
    SimulatedNight(
        _at(23, 18), 7.0, 33, 7, bathroom="at: 2h25m, for: 7m", disturb="bumps_per_hour: 30", lights=(9, 14)
    ),
    SimulatedNight(_at(22, 44), 7.6, 52, 6, lights=(20, 7), is_checked=True, voluntary=1),
    SimulatedNight(_at(23, 6), 7.1, 24, 4, lights=(15, 10)),
    SimulatedNight(_at(22, 38), 7.9, 46, 3),
    SimulatedNight(_at(23, 25), 6.9, 16, 2, lights=(11, 13), is_checked=True),
    SimulatedNight(
        _at(22, 52), 7.6, 36, 1, bathroom="at: 4h20m, for: 6m", lights=(17, 9), is_checked=True, voluntary=1
    ),
)
"""The oldest first. On two of the evenings nobody wore a sensor."""
TONIGHT: Final = SimulatedNight(_at(22, 45), 8.0, 40, bathroom="at: 3h40m, for: 5m")


def next_evening(catalog: "Catalog") -> date:
    """Return the evening after the newest night, or today if there is no night."""
    nights = catalog.nights()
    if not nights:
        return datetime.now(UTC).astimezone().date()
    began = datetime.fromtimestamp(nights[0].started_ns / NS, UTC)
    return (began + timedelta(seconds=nights[0].utc_offset_s, hours=-12)).date() + timedelta(days=1)
