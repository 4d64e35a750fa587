"""Draw the structure of a night anew: how its leg moves and returns, what its bed and its chip do.

A detector that is tuned on one structure learns that structure. So each night draws which structures it has, and each
structure draws its own numbers, wide enough that those of real legs lie inside. Judge a detector on nights whose seeds were
not used to tune it; to see whether it generalises, tune it on nights without a structure, and judge it on nights with it.

No number here was measured on people, except where ``docs/scenarios.md`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from firmware_sim.draw import often, plain, rounded
from firmware_sim.streams import stream
from firmware_sim.vocabulary import (
    Beats,
    Bed,
    Body,
    Disturb,
    Gasps,
    Hold,
    Partner,
    Pet,
    Return,
    Scenario,
    Sensor,
    Spread,
    Vibration,
)

Draws = np.random.Generator

PLAIN = "plain"
"""The name of a night with none of the structures that `firmware_sim.draw` does not draw."""

_BUSY = (0.4, 1.0, 1.0, 1.6)
"""Some nights have one structure and some have six: each night multiplies all chances by one of these."""
_PLAIN_SHARE = 0.08
_OF_THE_LEG = {
    "clonic", "tremor hold", "inexact return", "overshoot", "creep", "relaxing", "never back", "small", "gradual", "two steps",
    "ankle only", "foot",
}  # fmt: skip
_CONFUSERS = ("sway", "gasps", "partner", "pet", "noise hum", "fidget")
"""What looks like a series of the leg, or hides that there is none."""
_SOME = 30.0
"""Leg movements per hour, where a night shall show how they look and would have none."""


def drawn(seed: int, *, structure: str | None = None, without: Collection[str] = ()) -> Scenario:
    """Draw the night `seed`, of 5 to 8 hours. The seed of the scenario is the same number.

    Each structure draws from a random stream of its own: with one more or one less, all others stay the same.

    Parameters
    ----------
    seed : int
        Number of the night.
    structure : str, optional
        A structure that the night shall have, by its name in `STRUCTURES`. With ``"plain"`` it has none but those that
        `firmware_sim.draw` draws.
    without : collection of str
        Structures that the night shall not have.

    Raises
    ------
    ValueError
        If there is no structure of that name, or the night shall have and not have it.
    """
    unknown = {*without, *([structure] if structure else [])} - {*STRUCTURES, PLAIN}
    if unknown:
        raise ValueError(f"there is no structure {min(unknown)!r}; there are {', '.join(names())}")
    if structure in without:
        raise ValueError(f"a night cannot have and not have the structure {structure!r}")
    night = plain(seed)
    chances = stream(seed, "structures")
    busy = float(chances.choice(_BUSY))
    is_plain = bool(chances.random() < _PLAIN_SHARE) and PLAIN not in without
    for name, each in STRUCTURES.items():
        by_chance = chances.random() < busy * each.share and not is_plain and structure != PLAIN
        by_chance &= not (name == "no series" and structure == "dense")
        if name in without:
            night = each.take(night) if each.has(night) else night
        elif name == structure or by_chance:
            night = each.put(stream(seed, f"structure {name}"), night)
    alone = STRUCTURES["no series"].has(night)
    if (
        alone
        and not is_plain
        and structure != PLAIN
        and not any(STRUCTURES[name].has(night) for name in _CONFUSERS)
    ):
        # A night without series is there to see what looks like one.
        left = [name for name in _CONFUSERS if name not in without]
        if left:
            name = left[chances.integers(len(left))]
            night = STRUCTURES[name].put(stream(seed, f"structure {name}"), night)
    if structure in _OF_THE_LEG and not night.movements_per_hour:
        night = replace(night, movements_per_hour=_SOME)
    return night


def structures(scenario: Scenario) -> tuple[str, ...]:
    """Return the names of the structures of a night, ``"plain"`` among them if all are of the plain draw."""
    found = tuple(name for name, each in STRUCTURES.items() if each.has(scenario))
    return found if any(not STRUCTURES[name].of_plain for name in found) else (PLAIN, *found)


def names() -> tuple[str, ...]:
    """Return the names of all structures."""
    return (PLAIN, *STRUCTURES)


@dataclass(frozen=True, slots=True)
class Structure:
    """One structure.

    Attributes
    ----------
    share : float
        Share of the nights that get it by chance.
    has : callable
        Whether a night has it.
    put : callable
        Draw it into a night.
    take : callable
        Return a night without it.
    of_plain : bool
        Whether plain nights may have it.
    """

    share: float
    has: Callable[[Scenario], bool]
    put: Callable[[Draws, Scenario], Scenario]
    take: Callable[[Scenario], Scenario]
    of_plain: bool = False


def _between(rng: Draws, low: float, high: float) -> float:
    return rounded(rng.uniform(low, high))


def _even_in_log(rng: Draws, low: float, high: float) -> float:
    return rounded(np.exp(rng.uniform(np.log(low), np.log(high))))


def _body(**changes: Any) -> Callable[[Scenario], Scenario]:
    return lambda night: replace(night, body=replace(night.body, **changes))


def _disturb(**changes: Any) -> Callable[[Scenario], Scenario]:
    return lambda night: replace(night, disturb=replace(night.disturb, **changes))


def _in_body(draw: Callable[[Draws, Body], Body]) -> Callable[[Draws, Scenario], Scenario]:
    return lambda rng, night: replace(night, body=draw(rng, night.body))


def _in_disturb(draw: Callable[[Draws, Disturb], Disturb]) -> Callable[[Draws, Scenario], Scenario]:
    return lambda rng, night: replace(night, disturb=draw(rng, night.disturb))


def _in_return(draw: Callable[[Draws, Return], Return]) -> Callable[[Draws, Scenario], Scenario]:
    return _in_body(lambda rng, body: replace(body, come_back=draw(rng, body.come_back)))


def _returns(**changes: Any) -> Callable[[Scenario], Scenario]:
    return lambda night: replace(
        night, body=replace(night.body, come_back=replace(night.body.come_back, **changes))
    )


# The leg.


def _clonic(rng: Draws, body: Body) -> Body:
    slowest = _between(rng, 1.0, 3.5)
    return replace(
        body,
        clonic_share=_between(rng, 0.3, 0.95),
        beats=Beats(
            depth=_between(rng, 0.1, 0.7),
            slowest_hz=slowest,
            fastest_hz=rounded(min(4.0, slowest + rng.uniform(0.2, 1.5))),
            most=int(rng.integers(3, 7)),
            irregular=_between(rng, 0.0, 0.7),
            about=rounded(rng.choice((0.0, 0.0, rng.uniform(), 1.0))),
        ),
    )


def _tremor_hold(rng: Draws, body: Body) -> Body:
    slowest = _between(rng, 4.0, 9.0)
    return replace(
        body,
        hold=Hold(
            share=_between(rng, 0.2, 0.95),
            mg=Spread(_even_in_log(rng, 3.0, 20.0), 0.4),
            slowest_hz=slowest,
            fastest_hz=rounded(min(12.0, slowest + rng.uniform(0.5, 4.0))),
        ),
    )


def _inexact(rng: Draws, back: Return) -> Return:
    return replace(
        back,
        residual_deg=_even_in_log(rng, 0.15, 3.0),
        adds_up=rounded(rng.choice((0.0, rng.uniform(0.3, 0.95), 1.0))),
    )


def _relaxing(rng: Draws, back: Return) -> Return:
    return replace(
        back,
        relax=_between(rng, 0.05, 0.4),
        relax_s=Spread(_even_in_log(rng, 0.8, 20.0), _between(rng, 0.1, 0.6)),
    )


def _dense(rng: Draws, night: Scenario) -> Scenario:
    series = replace(
        night.body.series,
        interval_s=Spread(_between(rng, 8.5, 13.9), _between(rng, 0.1, 0.3)),
        length=_between(rng, 12.0, 80.0),
        lengthen=_between(rng, 0.95, 1.2),
    )
    body = replace(
        night.body,
        series=series,
        periodic_share=_between(rng, 0.7, 0.97),
        duration_s=Spread(_between(rng, 1.0, 2.4), _between(rng, 0.2, 0.4)),
    )
    return replace(night, body=body, movements_per_hour=_between(rng, 40.0, 160.0))


def _with_series(night: Scenario) -> Scenario:
    share = night.body.periodic_share or 0.7
    return replace(
        night,
        body=replace(night.body, periodic_share=share),
        movements_per_hour=night.movements_per_hour or 30.0,
    )


def _no_series(rng: Draws, night: Scenario) -> Scenario:
    """Return a night whose few leg movements come alone, so that every periodic one that is found is false."""
    body = replace(night.body, periodic_share=0.0)
    return replace(night, body=body, movements_per_hour=rounded(often(rng, 0.2, 0.5, 10.0)))


def _coarse(rng: Draws, night: Scenario) -> Scenario:
    step_mg = rng.choice((7.81, 7.81, 10.0, 15.63, 15.63, 31.25))
    sensor = replace(night.sensor, step_mg=rounded(step_mg), range_g=int(rng.choice((2, 4, 8, 16))))
    return replace(night, sensor=sensor)


def _noisy(rng: Draws, night: Scenario) -> Scenario:
    density = 1000.0 * rng.uniform(1.5, 5.0) / np.sqrt(night.rate_hz / 2.0)
    return replace(night, sensor=replace(night.sensor, noise_ug_rthz=float(round(density))))


def _exact_chip(**changes: Any) -> Callable[[Scenario], Scenario]:
    return lambda night: replace(night, sensor=replace(night.sensor, **changes))


# The bed.


def _noise_hums(rng: Draws, night: Scenario) -> Scenario:
    """Return a night with one machine that hums again and again: a fan, a heat pump, or trains."""
    hz, width = rng.uniform(2.0, 10.0), _between(rng, 0.4, 7.0)
    lasting, edge = np.log(_even_in_log(rng, 5.0, 600.0)), _even_in_log(rng, 0.05, 30.0)
    mg, count = _even_in_log(rng, 1.5, 9.0), int(rng.integers(3, 26))
    if rng.random() < 0.3:
        # A thermostat switches it on at even intervals.
        every = rng.uniform(600.0, 3000.0)
        times = np.arange(rng.uniform(0.0, every), 0.95 * night.duration_s, every)
    else:
        times = np.sort(rng.uniform(0.0, 0.97 * night.duration_s, count))
    hums = tuple(
        Vibration(
            at_s=rounded(at),
            for_s=rounded(np.clip(np.exp(lasting + 0.5 * rng.normal()), 2.0, 900.0)),
            mg=rounded(np.clip(mg * np.exp(0.3 * rng.normal()), 0.5, 12.0)),
            hz=rounded(np.clip(hz + 0.3 * rng.normal(), 2.0, 10.0)),
            width_hz=width,
            edge_s=edge,
        )
        for at in times
    )
    return replace(night, disturb=replace(night.disturb, vibration=night.disturb.vibration + hums))


def _tone_hums(rng: Draws, night: Scenario) -> Scenario:
    hums = tuple(
        Vibration(
            at_s=_between(rng, 0.0, 0.9 * night.duration_s),
            for_s=_even_in_log(rng, 10.0, 1800.0),
            mg=_between(rng, 2.0, 12.0),
            hz=_even_in_log(rng, 4.0, 40.0),
            edge_s=_even_in_log(rng, 0.05, 20.0),
        )
        for _ in range(rng.integers(1, 6))
    )
    return replace(night, disturb=replace(night.disturb, vibration=night.disturb.vibration + hums))


def _silent(*, noise: bool) -> Callable[[Scenario], Scenario]:
    def take(night: Scenario) -> Scenario:
        left = tuple(hum for hum in night.disturb.vibration if bool(hum.width_hz) != noise)
        return replace(night, disturb=replace(night.disturb, vibration=left))

    return take


def _mattress(rng: Draws, bed: Bed) -> Bed:
    """Return the mattress of a night, which each structure that makes it sway draws anew."""
    return replace(bed, hz=_between(rng, 0.8, 2.6), damping=_even_in_log(rng, 0.05, 0.5))


def _sways(rng: Draws, disturb: Disturb) -> Disturb:
    bed = replace(
        _mattress(rng, disturb.bed),
        sways_per_hour=_between(rng, 2.0, 30.0),
        sway_mg=Spread(_even_in_log(rng, 6.0, 35.0), _between(rng, 0.3, 0.7)),
        tilt_mg=rounded(often(rng, 0.5, 0.5, 6.0)),
    )
    return replace(disturb, bed=bed)


def _gasps(rng: Draws, disturb: Disturb) -> Disturb:
    return replace(
        disturb,
        bed=_mattress(rng, disturb.bed),
        gasps=Gasps(
            runs_per_hour=_between(rng, 0.2, 1.5),
            length=_between(rng, 8.0, 80.0),
            interval_s=Spread(_between(rng, 28.0, 50.0), _between(rng, 0.03, 0.2)),
            mg=Spread(_even_in_log(rng, 6.0, 30.0), _between(rng, 0.2, 0.6)),
        ),
    )


def _partner(rng: Draws, disturb: Disturb) -> Disturb:
    return replace(
        disturb,
        bed=_mattress(rng, disturb.bed),
        partner=Partner(
            runs_per_hour=_between(rng, 0.2, 1.5),
            length=_between(rng, 8.0, 60.0),
            interval_s=Spread(_between(rng, 15.0, 40.0), _between(rng, 0.1, 0.35)),
            mg=Spread(_even_in_log(rng, 4.0, 25.0), _between(rng, 0.3, 0.7)),
        ),
    )


def _pet(rng: Draws, disturb: Disturb) -> Disturb:
    pet = Pet(_between(rng, 0.2, 3.0), Spread(_even_in_log(rng, 10.0, 60.0), _between(rng, 0.2, 0.6)))
    return replace(disturb, bed=_mattress(rng, disturb.bed), pet=pet)


STRUCTURES: dict[str, Structure] = {
    "clonic": Structure(
        0.2,
        lambda night: night.body.beats.most > 0,
        _in_body(_clonic),
        _body(beats=Beats(), clonic_share=0.3),
    ),
    "tremor hold": Structure(
        0.18, lambda night: night.body.hold.share > 0, _in_body(_tremor_hold), _body(hold=Hold())
    ),
    "inexact return": Structure(
        0.3,
        lambda night: night.body.come_back.residual_deg > 0,
        _in_return(_inexact),
        _returns(residual_deg=0.0, adds_up=0.0),
    ),
    "overshoot": Structure(
        0.15,
        lambda night: night.body.come_back.overshoot > 0,
        _in_return(lambda rng, back: replace(back, overshoot=_between(rng, 0.03, 0.3))),
        _returns(overshoot=0.0),
    ),
    "creep": Structure(
        0.15,
        lambda night: night.body.come_back.creep != 0,
        _in_return(
            lambda rng, back: replace(back, creep=rounded(rng.choice((-1, 1)) * rng.uniform(0.05, 0.4)))
        ),
        _returns(creep=0.0),
    ),
    "relaxing": Structure(
        0.18,
        lambda night: night.body.come_back.relax > 0,
        _in_return(_relaxing),
        _returns(relax=0.0, relax_s=Return().relax_s),
    ),
    "never back": Structure(
        0.12,
        lambda night: night.body.come_back.stays > 0,
        _in_return(lambda rng, back: replace(back, stays=_between(rng, 0.03, 0.3))),
        _returns(stays=0.0),
    ),
    "dense": Structure(
        0.18,
        lambda night: (
            night.body.series.interval_s.median < 14.0
            and min(night.body.periodic_share, night.movements_per_hour) > 0
        ),
        _dense,
        lambda night: replace(
            night,
            body=replace(night.body, series=replace(night.body.series, interval_s=Spread(22.0, 0.3))),
        ),
    ),
    "small": Structure(
        0.18,
        lambda night: night.body.small_share > 0,
        _in_body(lambda rng, body: replace(body, small_share=_between(rng, 0.15, 0.7))),
        _body(small_share=0.0),
    ),
    "gradual": Structure(
        0.15,
        lambda night: night.body.gradual_share > 0,
        _in_body(lambda rng, body: replace(body, gradual_share=_between(rng, 0.2, 0.9))),
        _body(gradual_share=0.0),
    ),
    "two steps": Structure(
        0.12,
        lambda night: night.body.two_step_share > 0,
        _in_body(lambda rng, body: replace(body, two_step_share=_between(rng, 0.1, 0.7))),
        _body(two_step_share=0.0),
    ),
    "ankle only": Structure(
        0.12,
        lambda night: night.body.only_ankle_share > 0,
        _in_body(lambda rng, body: replace(body, only_ankle_share=_between(rng, 0.1, 0.7))),
        _body(only_ankle_share=0.0),
    ),
    "foot": Structure(
        0.12,
        lambda night: night.site == "foot",
        lambda _rng, night: replace(night, site="foot"),
        lambda night: replace(night, site="ankle"),
    ),
    "fidget": Structure(
        0.15,
        lambda night: night.body.fidgets_per_hour > 0,
        _in_body(lambda rng, body: replace(body, fidgets_per_hour=_between(rng, 0.2, 4.0))),
        _body(fidgets_per_hour=0.0),
    ),
    "noise hum": Structure(
        0.2,
        lambda night: any(hum.width_hz for hum in night.disturb.vibration),
        _noise_hums,
        _silent(noise=True),
    ),
    "tone hum": Structure(
        0.05,
        lambda night: any(not hum.width_hz for hum in night.disturb.vibration),
        _tone_hums,
        _silent(noise=False),
        of_plain=True,
    ),
    "sway": Structure(
        0.18, lambda night: night.disturb.bed.sways_per_hour > 0, _in_disturb(_sways), _disturb(bed=Bed())
    ),
    "gasps": Structure(
        0.15,
        lambda night: night.disturb.gasps.runs_per_hour > 0,
        _in_disturb(_gasps),
        _disturb(gasps=Gasps()),
    ),
    "partner": Structure(
        0.15,
        lambda night: night.disturb.partner.runs_per_hour > 0,
        _in_disturb(_partner),
        _disturb(partner=Partner()),
    ),
    "pet": Structure(
        0.1, lambda night: night.disturb.pet.visits_per_hour > 0, _in_disturb(_pet), _disturb(pet=Pet())
    ),
    "bumps": Structure(
        0.0,
        lambda night: night.disturb.bumps_per_hour > 0,
        _in_disturb(lambda rng, disturb: replace(disturb, bumps_per_hour=_between(rng, 3.0, 60.0))),
        _disturb(bumps_per_hour=0.0),
        of_plain=True,
    ),
    "strap": Structure(
        0.12,
        lambda night: night.disturb.spring_hz > 0,
        _in_disturb(
            lambda rng, disturb: replace(
                disturb, spring_hz=_between(rng, 4.0, 12.0), spring_damping=_even_in_log(rng, 0.05, 0.5)
            )
        ),
        _disturb(spring_hz=0.0, spring_damping=Disturb().spring_damping),
    ),
    "coarse": Structure(
        0.15, lambda night: night.sensor.step_mg is not None, _coarse, _exact_chip(step_mg=None)
    ),
    "noisy chip": Structure(
        0.12,
        lambda night: night.sensor.noise_ug_rthz is not None,
        _noisy,
        _exact_chip(noise_ug_rthz=Sensor().noise_ug_rthz),
    ),
    "drift": Structure(
        0.12,
        lambda night: night.sensor.drift_mg_per_k is not None,
        lambda rng, night: replace(
            night,
            sensor=replace(night.sensor, drift_mg_per_k=_between(rng, 0.4, 1.2)),
            disturb=replace(
                night.disturb, temperature_k=_between(rng, 5.0, 10.0), breath_mg=_between(rng, 3.0, 8.0)
            ),
        ),
        _exact_chip(drift_mg_per_k=None),
    ),
    "no series": Structure(
        0.1,
        lambda night: min(night.body.periodic_share, night.movements_per_hour) == 0,
        _no_series,
        _with_series,
        of_plain=True,
    ),
}
"""Every structure by its name, in the order in which they are drawn."""
