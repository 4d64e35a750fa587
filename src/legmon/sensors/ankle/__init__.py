"""The reference profile: an ankle sensor that counts its samples and keeps them (docs/ankle-profile.md)."""

from legmon.sensors.ankle.driver import DRIVER, advertised_battery

__all__ = ["DRIVER", "advertised_battery"]
