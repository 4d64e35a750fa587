"""Faults on purpose: lines on standard input that make a sensor misbehave, to test a client."""

from __future__ import annotations

import asyncio
import random

from firmware_sim.profile import LATE_KIND

KINDS = ("mute", "drop", "corrupt", "duplicate", "cut", "cutfill", "charge", "level", "rest")


class Mischief:
    """The faults that the next frames will have.

    A line is a word and a number:

    - ``mute 8``: notify nothing for 8 s, though the link is up
    - ``drop 3``, ``corrupt 3``, ``duplicate 3``: do this to the next 3 frames
    - ``cut 1``: disconnect
    - ``cutfill 20``: disconnect after 20 frames of a back-fill
    - ``charge 1``: go on the charger; 0: off it
    - ``level 12``: battery level, percent
    - ``rest 1``: stop measuring, as a sensor that saves power

    Any other line is ignored. A commodity sensor (`firmware_sim.families`) obeys only ``mute`` and ``drop``: the others need
    the frames of the ankle profile.
    """

    def __init__(self) -> None:
        self.is_charging = False
        self.level: int | None = None
        self._rests = False
        self.cut = asyncio.Event()
        self._mute_until = 0.0
        self._cut_after = 0
        self._left = dict.fromkeys(("drop", "corrupt", "duplicate"), 0)
        self._draws = random.Random(1)  # noqa: S311 (any byte will do)

    def take(self, line: str) -> bool:
        """Obey a line. Return False if it is not a command."""
        word, _, number = line.strip().partition(" ")
        if word not in KINDS or not number.replace(".", "", 1).isdecimal():
            return False
        if word == "mute":
            self._mute_until = asyncio.get_running_loop().time() + float(number)
        elif word == "cut":
            self.cut.set()
        elif word == "cutfill":
            self._cut_after = round(float(number))
        elif word == "charge":
            self.is_charging = float(number) > 0
        elif word == "level":
            self.level = min(round(float(number)), 100)
        elif word == "rest":
            self._rests = True
        else:
            self._left[word] += round(float(number))
        return True

    def takes_a_rest(self) -> bool:
        """Whether the sensor should stop measuring now. True once for each command."""
        rests, self._rests = self._rests, False
        return rests

    def loses(self) -> bool:
        """Whether the radio loses the next frame, though the link is up."""
        return asyncio.get_running_loop().time() < self._mute_until or self._hits("drop")

    def apply(self, frame: bytes) -> list[bytes]:
        """Return the frames to send instead of this one."""
        if self._cut_after and frame[0] == LATE_KIND:
            self._cut_after -= 1
            if not self._cut_after:
                self.cut.set()
        if self.loses():
            return []
        if self._hits("corrupt"):
            return [self._corrupt(frame)]
        return [frame, frame] if self._hits("duplicate") else [frame]

    def _hits(self, word: str) -> bool:
        if not self._left[word]:
            return False
        self._left[word] -= 1
        return True

    def _corrupt(self, frame: bytes) -> bytes:
        """Damage a frame where the receiver can detect it. The checksum of a real link lets no damaged sample through."""
        how = self._draws.randrange(4)
        if how == 0:
            return frame[: self._draws.randrange(len(frame))]
        if how == 1:
            return bytes([frame[0] ^ 0x40]) + frame[1:]
        if how == 2:  # another stream
            return frame[:2] + bytes([frame[2] ^ 0x55, frame[3] ^ 0x2A]) + frame[4:]
        return frame[:6] + bytes([frame[6] ^ 0x03]) + frame[7:]  # an index far away
