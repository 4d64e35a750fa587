"""Simulated commodity sensors: one file for each family, written from the vendor's documents."""

from firmware_sim.families.bangle import Bangle
from firmware_sim.families.boards import Adafruit, InfiniTime, Microbit, Thingy52
from firmware_sim.families.firmware import Firmware
from firmware_sim.families.metamotion import MetaMotion
from firmware_sim.families.movesense import Movesense
from firmware_sim.families.polar import Polar
from firmware_sim.families.witmotion import WitMotion

FAMILIES: dict[str, type[Firmware]] = {
    made.family: made
    for made in (Polar, Movesense, WitMotion, MetaMotion, Bangle, Microbit, Adafruit, Thingy52, InfiniTime)
}

__all__ = ["FAMILIES", "Firmware"]
