"""The index that is made of a sensor's times: losses, a clock that is set, and single stamps that are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from legmon.sensors.base import Frame, FrameError
from legmon.sensors.device_time import TimedIndex

RATE, N = 52.0, 71
FRAME_NS = round(N * 1e9 / RATE)
BEGAN_NS = 10**18
TEN_S = 10 * 10**9


def placed(stamps: list[int], *, n: int = N, index: TimedIndex | None = None) -> list[Frame]:
    index = index or TimedIndex(7, RATE, stamp="last")
    return [f for stamp in stamps for f in index.place(stamp, np.zeros((n, 3), np.int16))]


def stamps(count: int, lost: frozenset[int] = frozenset()) -> list[int]:
    return [BEGAN_NS + i * FRAME_NS for i in range(count) if i not in lost]


def firsts(found: list[Frame]) -> list[int]:
    return [f.first // N for f in found]


@pytest.mark.parametrize("off_ns", [-TEN_S, TEN_S, -(10**9), 10**9, -3600 * 10**12, 3600 * 10**12])
def test_one_stamp_that_is_wrong_leaves_no_gap_and_no_shift(off_ns: int) -> None:
    right = stamps(40)
    wrong = [s + off_ns * (i == 20) for i, s in enumerate(right)]
    expected = placed(right)
    found = placed(wrong)
    assert [f.first for f in found] == [f.first for f in expected]
    assert [f.t_us for f in found] == pytest.approx([f.t_us for f in expected], abs=20_000)


@pytest.mark.parametrize("lost", [{20}, {20, 21, 22}, {20, 22}, {20, 22, 24}, set(range(15, 35))])
def test_frames_that_are_lost_leave_a_gap_of_their_size(lost: set[int]) -> None:
    found = placed(stamps(40, frozenset(lost)))
    assert firsts(found) == [i for i in range(40) if i not in lost]


def test_a_frame_out_of_line_comes_with_the_next_one() -> None:
    index = TimedIndex(7, RATE, stamp="last")
    assert [len(placed([s], index=index)) for s in stamps(6, frozenset({2}))] == [1, 1, 0, 2, 1]


def test_a_wrong_stamp_with_a_loss_right_after_it() -> None:
    right = stamps(40, frozenset({21}))
    found = placed([s - TEN_S * (i == 20) for i, s in enumerate(right)])
    assert firsts(found) == [i for i in range(40) if i != 21]


@pytest.mark.parametrize("off_ns", [-TEN_S, -(10**9), 2 * 3600 * 10**9])
def test_a_clock_that_was_set_moves_nothing(off_ns: int) -> None:
    found = placed([s + off_ns * (i >= 20) for i, s in enumerate(stamps(40))])
    assert firsts(found) == list(range(40))
    assert np.diff([f.t_us for f in found]) == pytest.approx(FRAME_NS / 1000, abs=20_000)


def test_a_clock_that_begins_anew_while_one_stamp_is_wrong() -> None:
    wraps = 1 << 32
    index = TimedIndex(7, 52.0, stamp="first", wraps_ns=wraps * 1_000_000)
    times = [(wraps - 200 + 77 * i) % wraps for i in range(12)]
    times[4] += 5000
    found = placed([ms * 1_000_000 for ms in times], n=4, index=index)
    assert [f.first for f in found] == [4 * i for i in range(12)]
    assert np.diff([f.t_us for f in found]) == pytest.approx(77_000, abs=1000)


def test_a_frame_that_comes_twice_is_refused_and_the_one_kept_back_is_not_lost() -> None:
    index = TimedIndex(7, RATE, stamp="last")
    first, _, third, fourth = stamps(4)
    placed([first, third], index=index)
    with pytest.raises(FrameError, match="the frame before it"):
        placed([third], index=index)
    assert firsts(placed([fourth], index=index)) == [2, 3]


@given(
    st.floats(0.9, 1.1), st.lists(st.integers(0, 3), min_size=5, max_size=60), st.sampled_from([1, 4, 36, 71])
)
def test_the_index_made_of_times_finds_what_is_lost(off: float, losses: list[int], n: int) -> None:
    # while the rate is still being learned nothing is lost; from then on whole frames are
    rate, index, at, ends, found = 50.0, TimedIndex(7, 50.0, stamp="last"), 0, [], []
    for lost in [0] * 30 + losses:
        at += (lost + 1) * n
        ends.append(at)
        found += placed([BEGAN_NS + round((at - 1) * 1e9 / rate / off)], n=n, index=index)
    assert len(found) >= len(ends) - 1
    for frame, end in zip(found, ends, strict=False):
        assert frame.first == pytest.approx(end - n, abs=1 + 0.01 * end)


@given(
    st.lists(st.integers(0, 2**63), min_size=1, max_size=40), st.sampled_from([None, (1 << 32) * 1_000_000])
)
def test_no_index_is_given_twice(times: list[int], wraps_ns: int | None) -> None:
    index, following, given_ = TimedIndex(7, RATE, stamp="first", wraps_ns=wraps_ns), 0, 0
    for at in times:
        try:
            frames = placed([at], n=3, index=index)
        except FrameError:
            continue
        given_ += 1 - len(frames)
        assert given_ in {0, 1}
        for frame in frames:
            assert frame.first >= following
            assert frame.t_us >= 0
            following = frame.first + 3


@pytest.mark.parametrize(("n", "off_ms"), [(1, 12), (4, 25), (36, 100), (71, 300)])
def test_times_that_are_late_for_a_while_add_no_sample(n: int, off_ms: int) -> None:
    late = {20, 21, 30, 31, 40, 41}
    at = [BEGAN_NS + round(i * n * 1e9 / RATE) + off_ms * 1_000_000 * (i in late) for i in range(60)]
    assert [f.first for f in placed(at, n=n)] == [n * i for i in range(60)]


def test_stamps_that_jitter_by_a_quarter_of_a_frame_add_no_sample() -> None:
    draws = np.random.default_rng(1)
    at = [BEGAN_NS + round(i * 4e9 / RATE + draws.uniform(-20e6, 20e6)) for i in range(2000)]
    found = placed(at, n=4)
    assert found[-1].first + 4 in {7996, 8000}, "the last one may be kept back"


@pytest.mark.parametrize(("lost", "following"), [(20, 71), (25, 71), (34, 71), (16, 60)])
def test_a_short_frame_that_is_lost_before_a_long_one_is_missed(lost: int, following: int) -> None:
    """Polar compresses: frames are short while the leg moves."""
    index, at, end, found = TimedIndex(7, RATE, stamp="last"), 0, 0, []
    for n, comes in [(60, True)] * 30 + [(lost, False)] + [(following, True)] * 3:
        end += n
        at = BEGAN_NS + round((end - 1) * 1e9 / RATE)
        if comes:
            found += placed([at], n=n, index=index)
    assert found[-1].first + following in {end, end - following}
