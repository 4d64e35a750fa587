"""The Bluetooth link to a sensor, through bleak."""
