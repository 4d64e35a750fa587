"""The sensor that a recording is made with."""

from dataclasses import dataclass

from legmon.movement import Leg
from legmon.recording.records import Meta


@dataclass(frozen=True, slots=True)
class Source:
    """The sensor of a leg, and how it measures.

    Parameters
    ----------
    name, address : str
        As it advertises.
    rate_hz : float
        The rate it declares.
    range_g, scale_ug : int
        Its range, and µg per unit.
    loss : {"index", "time", "arrival"}
        By what a loss shows (`legmon.sensors.base.Declaration`).
    """

    name: str
    address: str
    rate_hz: float
    range_g: int
    scale_ug: int
    loss: str = "index"

    def meta(self, night: str, leg: Leg, *, simulated: bool) -> Meta:
        """Describe a recording of it."""
        return Meta(
            night=night,
            leg=leg,
            sensor=self.name,
            address=self.address,
            declared_hz=float(self.rate_hz),
            scale_ug=self.scale_ug,
            range_g=self.range_g,
            simulated=simulated,
            loss=self.loss,
        )
