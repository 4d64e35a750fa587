"""A simulated ankle sensor: a real Bluetooth LE peripheral whose leg, chip and radio are computed.

It speaks ``docs/ankle-profile.md`` and shares nothing else with ``legmon``: neither package imports the other. From
the HCI byte stream upwards everything is real; what is below (the air) and in front (the sleeper's leg) is simulated,
and every output says so.
"""
