"""WitMotion's Bluetooth 5 sensors."""

from legmon.sensors.witmotion.driver import DRIVER

__all__ = ["DRIVER"]
