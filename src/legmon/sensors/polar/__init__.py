"""Polar Verity Sense, H10 and OH1."""

from legmon.sensors.polar.driver import DRIVER

__all__ = ["DRIVER"]
