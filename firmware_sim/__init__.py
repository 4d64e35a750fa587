"""A simulated ankle sensor: a real Bluetooth LE peripheral whose leg, chip and radio are computed.

The sensor follows ``docs/ankle-profile.md`` and shares nothing else with ``legmon``: neither package imports the other.
Everything from the HCI byte stream up is real Bluetooth. The air below it and the sleeper's leg are simulated, and every
output is marked as simulated.
"""
