"""The sensor that a recording is made with."""

from dataclasses import dataclass


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
