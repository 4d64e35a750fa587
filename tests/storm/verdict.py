"""Compare a recorded night with what the sensor measured: sample by sample, then movement by movement."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firmware_sim.flash import read_flash
from firmware_sim.night import Performed
from firmware_sim.scenario import read_scenario
from legmon.movement import LegMovement
from legmon.night.leg import LegNight, analyse
from legmon.recording.files import read_segment
from legmon.recording.records import Gap, Meta, Record, Samples, Stream


@dataclass(frozen=True, slots=True)
class Verdict:
    """A night compared with what its sensor measured.

    Parameters
    ----------
    expected, lost, duplicated, wrong : int
        Samples the sensor put into frames; those not recorded, recorded twice, and recorded with another value.
    unnamed : int
        Indices of the night that are neither a sample nor in a named gap.
    gaps : dict
        Named gaps by cause.
    identical : bool
        Whether samples and movements are those of the same night undisturbed.
    movements : int
        How many there are.
    restarting : int
        Samples of the gaps that the sensor's reboots left: nothing measured then.
    hours : float
        Length of the night, gaps included.
    """

    expected: int
    lost: int
    duplicated: int
    wrong: int
    unnamed: int
    gaps: dict[str, int]
    identical: bool
    movements: int
    restarting: int
    hours: float


def compare(segment: Path, journal: Path, scenario: Path, live: list[LegMovement]) -> Verdict:
    """Compare a closed night with the sensor's own samples.

    The undisturbed night has every sample of every stream as the chip measured it, in order, with the gaps that the sensor's
    own reboots leave. The same detector reads it.

    Parameters
    ----------
    segment : Path
        The night.
    journal : Path
        The sensor's log, which holds the content of its flash.
    scenario : Path
        The scenario that the sensor measured.
    live : list of LegMovement
        The movements that the recorder found.
    """
    records = list(read_segment(segment))
    meta = records[0]
    assert isinstance(meta, Meta)
    runs = [r for r in records if isinstance(r, Stream)]
    samples = [r for r in records if isinstance(r, Samples)]
    gaps = [r for r in records if isinstance(r, Gap)]
    end = max([s.end for s in samples] + [g.first + g.count for g in gaps])
    times = np.zeros(end, dtype=np.int64)
    values = np.zeros((end, 3), dtype=np.int16)
    for s in samples:
        times[s.first : s.end] += 1
        values[s.first : s.end] = s.xyz
    named = np.zeros(end, dtype=bool)
    for g in gaps:
        named[g.first : g.first + g.count] = True

    flash = read_flash(journal)
    assert flash is not None
    chip = Performed(read_scenario(scenario)).measured(round(meta.declared_hz), meta.range_g).chip
    places = {r.stream: r.first - r.device_first for r in runs}
    expected = lost = wrong = after = 0
    undisturbed: list[Record] = [meta]
    for f in flash[1]:
        first = places.get(f.number)
        if first is None:
            expected, lost = expected + f.framed, lost + f.framed
            continue
        following = min([p for p in places.values() if p > first], default=end)
        recorded = int(np.max(np.flatnonzero(times[first:following]), initial=-1)) + 1
        count = max(
            f.framed, recorded
        )  # a sensor that is killed has sent a frame that its flash does not know
        true = chip.samples(f.night_first, count)
        there = times[first : first + count] > 0
        expected += count
        lost += count - int(np.count_nonzero(there))
        differs = np.any(values[first : first + count] != true[: len(there)], axis=1)
        wrong += int(np.count_nonzero(differs & there))
        if first > after:
            undisturbed.append(Gap(after, first - after, "sensor_restarted"))
        undisturbed += [Samples(first + k, 1, 0, true[k : k + 500]) for k in range(0, count, 500)]
        after = first + count
    night = analyse(undisturbed)
    same = _plain(night) == _plain(analyse(records)) == [_key(m) for m in live]
    duplicated = int(np.count_nonzero(times > 1))
    unnamed = int(np.count_nonzero((times == 0) & ~named))
    return Verdict(
        expected,
        lost,
        duplicated,
        wrong,
        unnamed,
        dict(Counter(g.cause for g in gaps)),
        identical=same and not (lost or duplicated or wrong or unnamed),
        movements=len(night.movements),
        restarting=sum(g.count for g in gaps if g.cause == "sensor_restarted"),
        hours=end / meta.declared_hz / 3600,
    )


def _key(m: LegMovement) -> tuple[int | None, int | None, str, float | None]:
    return m.first, m.end, m.kind, m.peak_mg


def _plain(night: LegNight) -> list[tuple[int | None, int | None, str, float | None]]:
    return [_key(m) for m in night.movements]
