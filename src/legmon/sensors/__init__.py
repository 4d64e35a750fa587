"""Sensor protocols: bytes to samples, without any I/O."""
