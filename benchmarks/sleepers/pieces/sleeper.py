"""The leg of a night: one piece after the other, the rest between them, and the truth about each."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from benchmarks.sleepers.night import Array, Movement
from benchmarks.sleepers.pieces.agenda import Item, draw_agenda
from benchmarks.sleepers.pieces.body import long_piece, posture_piece, walking_piece
from benchmarks.sleepers.pieces.leg import Piece, Wish, leg_piece, plain_piece
from benchmarks.sleepers.pieces.person import Person
from benchmarks.sleepers.pieces.restless import fidget_piece, twitches_piece
from benchmarks.sleepers.pieces.signals import log_normal, ramp, rotate, unit

EDGE_G = 0.005
VISIBLE_G = 0.020
REST_RUN_S = 0.5
"""So long within the edge of rest parts two movements."""
TRIES = 8
LONGEST_S = 9.3


class Span(NamedTuple):
    """Where a piece leaves its rest and is back at rest, the longest rest between, its peak and its turn."""

    first: int
    end: int
    rest: int
    peak_g: float
    turned_deg: float

    @property
    def samples(self) -> int:
        """Return the length."""
        return self.end - self.first


def measured(piece: Piece, before: Array) -> Span | None:
    """Measure the truth of a piece, or return None if it does not move or does not come to rest."""
    gone = np.sqrt(((piece.signal - before) ** 2).sum(1))
    away = np.sqrt(((piece.signal - piece.gravity) ** 2).sum(1))
    left, back = np.flatnonzero(gone > EDGE_G), np.flatnonzero(away > EDGE_G)
    if not len(left) or not len(back) or back[-1] + 1 >= len(piece.signal):
        return None
    first, end = int(left[0]), int(back[-1]) + 1
    if end <= first:
        return None
    near = (np.minimum(gone, away) < EDGE_G)[first:end]
    edges = np.flatnonzero(np.diff(np.r_[0, near.astype(int), 0]))
    rest = int((edges[1::2] - edges[::2]).max()) if len(edges) else 0
    turned = float(np.degrees(np.arccos(np.clip(before @ piece.gravity, -1, 1))))
    return Span(first, end, rest, float(gone.max()), turned)


class Creep(NamedTuple):
    """A turn that the leg slowly makes while it rests."""

    turn: Array
    slow_s: float


class Sleeper:
    """The noise-free signal of a leg, in g, as far as the night has come."""

    def __init__(self, rng: np.random.Generator, person: Person, rate_hz: float, end_s: float) -> None:
        self.rng, self.person, self.rate_hz, self.end_s = rng, person, rate_hz, end_s
        self.signal = np.empty((int(end_s * rate_hz), 3))
        self.gravity = person.gravity.copy()
        self.home = self.gravity.copy()
        self.movements: list[Movement] = []
        self.filled = 0
        self.visible_legs = 0
        self.creep: Creep | None = None
        weights = np.array(list(person.weights.values()))
        self.styles, self.shares = list(person.weights), weights / weights.sum()

    def sleep(self) -> None:
        """Go through the agenda of the night, as far as there is time."""
        items = draw_agenda(self.rng, self.person, self.end_s)
        for item, following in zip_longest(items, items[1:]):
            if item.at_s >= self.end_s - 15:
                break
            room = following.at_s - item.at_s if following is not None else 60.0
            late = self.filled / self.rate_hz - item.at_s
            if item.what in {"leg", "isolated"}:
                self.move_leg(item, late, room)
            elif item.what != "fidget" or late < 10:
                self.move_body(item)
        self.rest_until(len(self.signal))

    def move_body(self, item: Item) -> None:
        """Do something that is no leg movement. After a large one the leg is at home elsewhere."""
        rng, person, rate_hz = self.rng, self.person, self.rate_hz
        draw: dict[str, Callable[[], Piece]] = {
            "posture": lambda: posture_piece(rng, person, self.gravity, rate_hz),
            "long": lambda: long_piece(rng, self.gravity, rate_hz),
            "walk": lambda: walking_piece(rng, person, self.gravity, rate_hz),
            "twitches": lambda: twitches_piece(rng, person, self.gravity, rate_hz),
            "fidget": lambda: fidget_piece(rng, self.gravity, rate_hz),
        }
        if self.place(item.at_s, item.what, draw[item.what]) and item.what in {"posture", "long", "walk"}:
            self.home = self.gravity.copy()

    def move_leg(self, item: Item, late_s: float, room_s: float) -> None:
        """Make a leg movement unless it is too late for it, and now and then another one right after it."""
        if late_s > (3.0 if item.what == "leg" else 20) or self.visible_legs >= int(228 * self.end_s / 10800):
            return
        room = min(item.interval_s or 14, max(room_s, 2.5)) if item.what == "leg" else 14
        movement = self.one_leg(item.at_s, room)
        if movement and self.rng.random() < self.person.pair_share and room_s > 14 - max(0, late_s):
            self.one_leg(movement["offset_s"] + self.rng.uniform(1, 4), 5.0)

    def one_leg(self, at_s: float, room_s: float) -> Movement | None:
        """Make one leg movement in a style of the person, and perhaps let the leg creep after it."""
        rng, person = self.rng, self.person
        style = self.styles[int(rng.choice(len(self.styles), p=self.shares))]
        peak = log_normal(rng, person.peak, person.peak_spread, person.peak_low, person.peak_high)
        longest = min(LONGEST_S, max(0.8, 0.7 * room_s))
        seconds = log_normal(rng, person.duration_s, person.duration_spread, 0.5, longest)
        if style == "twitch":
            seconds = log_normal(rng, 0.9, 0.5, 0.5, min(3, longest))
        if style == "several":
            seconds = float(np.clip(seconds * 1.8, min(3, longest), longest))
        if style == "tilt":
            seconds = float(np.clip(seconds, min(2.4, longest), longest))
        axis = unit(person.axis + 0.2 * rng.standard_normal(3))

        def draw() -> Piece:
            wish = Wish(style, peak, seconds * rng.uniform(0.95, 1.12))
            return leg_piece(rng, person, self.gravity, self.rate_hz, wish, self.home)

        def draw_plain() -> Piece:
            return plain_piece(rng, self.gravity, self.rate_hz, max(peak, 0.012), max(seconds, 1.0), axis)

        movement = self.place(at_s, "leg", draw, draw_plain)
        if movement is None:
            return None
        self.visible_legs += movement["visible"] and movement["kind"] == "leg"
        if rng.random() < person.creep_share:
            size = min(person.creep * abs(rng.normal(0, 1)), 0.4 * movement["peak_mg"] / 1000)
            turn = -size * unit(person.axis + 0.5 * rng.standard_normal(3)) * rng.choice([1, 1, -1])
            self.creep = Creep(turn, rng.uniform(3, 15))
        return movement

    def place(
        self, at_s: float, what: str, draw: Callable[[], Piece], draw_plain: Callable[[], Piece] | None = None
    ) -> Movement | None:
        """Add a piece that obeys the rule of truth, and return its truth, or None if there is none or no room."""
        first = max(int(at_s * self.rate_hz), self.filled + int(0.6 * self.rate_hz))
        if first >= len(self.signal) - int(50 * self.rate_hz) and what in {"long", "walk"}:
            return None
        self.rest_until(min(first, len(self.signal)))
        for _ in range(TRIES):
            piece = draw()
            span = measured(piece, self.gravity)
            if span is not None and self.obeys(span, what):
                break
        else:
            if draw_plain is None:
                return None
            piece = draw_plain()
            span = measured(piece, self.gravity)
            if span is None or span.rest / self.rate_hz >= REST_RUN_S:
                return None
        if first + len(piece.signal) >= len(self.signal):
            return None
        self.signal[first : first + len(piece.signal)] = piece.signal
        movement: Movement = {
            "onset_s": (first + span.first) / self.rate_hz,
            "offset_s": (first + span.end) / self.rate_hz,
            "leg": "left",
            "kind": self.kind_of(what, piece, span),
            "visible": span.peak_g >= VISIBLE_G,
            "peak_mg": 1000 * span.peak_g,
        }
        self.movements.append(movement)
        self.gravity, self.filled = piece.gravity, first + len(piece.signal)
        return movement

    def obeys(self, span: Span, what: str) -> bool:
        """Whether a piece is one movement by the rule of truth, and what it was meant to be."""
        seconds = span.samples / self.rate_hz
        one = what == "twitches" or span.rest / self.rate_hz < REST_RUN_S - 1.5 / self.rate_hz
        if not one or seconds < 0.5 + 1 / self.rate_hz:
            return False
        if what == "leg":
            return span.turned_deg <= 17 and seconds <= 10
        return what != "posture" or span.turned_deg > 17

    def kind_of(self, what: str, piece: Piece, span: Span) -> str:
        """Return the kind of a movement, by its plan, its turn and its length."""
        if what == "twitches" or piece.taps:
            return "tremor"
        if what == "walk":
            return "locomotion"
        if span.turned_deg > 17:
            return "posture"
        return "long" if span.samples / self.rate_hz > 10 else "leg"

    def rest_until(self, sample: int) -> None:
        """Fill the signal with gravity, which turns where the leg still creeps."""
        samples = sample - self.filled
        if samples <= 0:
            return
        self.signal[self.filled : sample] = self.gravity
        if self.creep is not None:
            turn, slow_s = self.creep
            count = min(samples, int(8 * slow_s * self.rate_hz))
            since = np.arange(1, count + 1) / self.rate_hz
            way = (1 - np.exp(-since / slow_s)) * ramp(since / 0.6)
            end = self.filled + count
            self.signal[self.filled : end] = rotate(way[:, None] * turn, self.gravity)
            self.gravity = unit(self.signal[end - 1])
            self.signal[end:sample] = self.gravity
        self.filled, self.creep = sample, None
