"""The time axis of a file: fitted to its stamps, however they were written."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from legmon.exchange.stamps import MOST_CLOCK_STEPS, Axis, AxisError, fit_axis
from legmon.movement import NS
from legmon.timeline.clock import TimeMap

Times = NDArray[np.float64]


def even(rate: float = 30.0, seconds: float = 110.0, start: float = 0.0) -> Times:
    return start + np.arange(round(rate * seconds)) / rate


def without(times: Times, start: float, end: float) -> Times:
    return times[(times < start) | (times >= end)]


def gaps(axis: Axis) -> list[tuple[float, float]]:
    """Start and end of each gap, s."""
    time = TimeMap(axis.lines)
    return [
        (time.utc(before + b - a) / NS, time.utc(after) / NS)
        for (a, b, before), (_, _, after) in zip(axis.pieces, axis.pieces[1:], strict=False)
    ]


def errors(axis: Axis, truth: Times) -> Times:
    """How far each row's time is from the truth, s."""
    time = TimeMap(axis.lines)
    placed = [time.utc(first + n) / NS for a, b, first in axis.pieces for n in range(b - a)]
    assert len(placed) == len(truth)
    return np.asarray(np.abs(np.array(placed) - truth))


WRITTEN: dict[str, Callable[[Times], Times]] = {
    "exact": lambda t: t,
    "to a hundredth": lambda t: np.round(t, 2),
    "cut to a tenth": lambda t: np.floor(t * 10 + 1e-9) / 10,
    "rounded to a tenth": lambda t: np.round(t, 1),
    "cut to seconds": lambda t: np.floor(t + 1e-9),
    "rounded to seconds": lambda t: np.floor(t + 0.5),
    "one for three": lambda t: np.repeat(t[::3], 3)[: len(t)],
    "one for a packet of 25": lambda t: np.repeat(t[::25], 25)[: len(t)],
}


@pytest.mark.parametrize("rate", [25.0, 29.7, 30.0, 50.0, 104.0])
@pytest.mark.parametrize("written", WRITTEN)
def test_stamps_that_are_cut_or_shared_make_no_gap(written: str, rate: float) -> None:
    truth = even(rate)
    axis = fit_axis(WRITTEN[written](truth))
    assert gaps(axis) == []
    assert axis.rate_hz == pytest.approx(rate, rel=0.01)
    coarse = 0.6 if "seconds" in written else 0.07
    assert errors(axis, truth).max() < coarse


@pytest.mark.parametrize("start", [0.0, 0.4, 0.9, 1_790_000_000.3])
@pytest.mark.parametrize("bounds", [(40.0, 62.0), (40.4, 62.7), (50.5, 54.2)])
@pytest.mark.parametrize("written", WRITTEN)
def test_a_gap_is_found_however_stamps_are_written(
    written: str, bounds: tuple[float, float], start: float
) -> None:
    truth = without(even(start=0.0), *bounds) + start
    axis = fit_axis(WRITTEN[written](truth))
    (found,) = gaps(axis)
    coarse = 1.1 if "seconds" in written else 0.9 if "25" in written else 0.2
    assert found[0] - start == pytest.approx(bounds[0], abs=coarse)
    assert found[1] - start == pytest.approx(bounds[1], abs=coarse)
    assert found[1] - found[0] == pytest.approx(bounds[1] - bounds[0], abs=0.15 if coarse < 1 else 0.6)


def test_arrival_times_that_stall_and_catch_up_make_no_gap() -> None:
    truth = even(50.0)
    late = truth + np.random.default_rng(3).exponential(0.01, len(truth))
    for at in (10.0, 30.0, 50.0):
        stalled = (truth >= at) & (truth < at + 1.0)
        late[stalled] = np.maximum(late[stalled], at + 1.0 + np.arange(stalled.sum()) * 0.001)
    axis = fit_axis(np.maximum.accumulate(late))
    assert gaps(axis) == []
    assert axis.stalls == 3
    assert errors(axis, truth).max() < 0.05


def test_a_stall_that_is_only_partly_made_up_for_is_a_gap_of_the_rest() -> None:
    stamps = even(50.0)
    stalled = (stamps >= 30.0) & (stamps < 34.0)
    burst = 34.0 + np.arange(50) * 0.001  # one second of the four
    axis = fit_axis(np.sort(np.concatenate([stamps[~stalled], burst])))
    ((start, end),) = gaps(axis)
    assert end - start == pytest.approx(3.0, abs=0.1)


def test_rows_out_of_order_are_sorted() -> None:
    times = even()
    times[[1500, 1501]] = times[[1501, 1500]]
    times[2000:2006] = times[[2003, 2000, 2001, 2002, 2005, 2004]]
    axis = fit_axis(times)
    assert axis.order is not None
    assert (times[axis.order] == np.sort(times)).all()
    assert gaps(axis) == []
    assert axis.moved == 5  # a row after an earlier one that it should precede
    assert not axis.clock_steps


@pytest.mark.parametrize("step", [-3600.0, -0.3, -40_000.0, 1_700_000_000.0, -1_700_000_000.0])
def test_a_clock_that_was_set_is_named_and_the_step_taken_out(step: float) -> None:
    truth = even()
    axis = fit_axis(np.where(truth < 60.0 - 1e-9, truth, truth + step))
    (found,) = axis.clock_steps
    assert found.row == 1800
    assert found.after_s - found.before_s == pytest.approx(step, abs=0.1)
    assert found.is_hour_twice == (step == -3600.0)
    assert gaps(axis) == []
    assert errors(axis, truth).max() < 0.02


def test_a_gap_of_a_day_is_a_gap_and_no_step() -> None:
    truth = np.concatenate([even(seconds=60.0), even(seconds=50.0, start=129_054.0)])
    axis = fit_axis(truth)
    assert gaps(axis) == [(60.0, 129_054.0)]
    assert axis.clock_steps == []


def test_a_rate_that_drifts_is_followed_in_pieces() -> None:
    nominal = even(50.0, 3600.0)
    truth = nominal + 0.004 * 600 * (1 - np.exp(-nominal / 600))
    axis = fit_axis(truth)
    assert len(axis.lines) > 5
    assert errors(axis, truth).max() < 0.06
    straight = truth[0] + np.arange(len(truth)) / axis.rate_hz
    assert np.abs(straight - truth).max() > 0.5, "one line would not do"


def test_what_makes_no_axis_is_said() -> None:
    with pytest.raises(AxisError, match="the times do not advance"):
        fit_axis(np.zeros(100))
    with pytest.raises(AxisError, match="span 36,525 days, with a step from"):
        fit_axis(np.append(even(), 36_525 * 86_400.0))
    with pytest.raises(AxisError, match=r"go back from .* sort the rows"):
        fit_axis(np.append(even(start=1e6), 0.0))
    sawtooth = np.tile(even(seconds=5.0), MOST_CLOCK_STEPS + 2)
    with pytest.raises(AxisError, match="steps back or by months more than 100 times"):
        fit_axis(sawtooth)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.one_of(
            st.floats(-1e3, 1e3), st.floats(-1e11, 1e11), st.sampled_from([0.0, 1.0, 1e9, 3600.0, 0.02])
        ),
        min_size=2,
        max_size=80,
    )
)
def test_any_stamps_make_an_axis_or_a_sentence(stamps: list[float]) -> None:
    try:
        axis = fit_axis(np.array(stamps))
    except AxisError:
        return
    assert axis.rate_hz > 0
    assert math.isfinite(axis.rate_hz)
    assert sum(b - a for a, b, _ in axis.pieces) == len(stamps)
    assert all(a.rate_hz > 0 for a in axis.lines)
    assert axis.order is None or sorted(axis.order.tolist()) == list(range(len(stamps)))
