"""`legmon sensors`, `decode` and `scan`: the answers other programs rely on, and one sentence where asked wrongly."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from legmon.cli import qualify, scan, sensors
from legmon.cli import run as run_command
from legmon.errors import FailedError, LegmonError
from tests.conftest import ROOT

VERITY = "02650000000000000081f1ff1400f00306017b0f08"
ACC_52 = (
    "03de010055ab8bbf69f78d4081dd0a412b1387bf975a8d4020840b41e79190bf076d8e401bf10a412b1387bf316e8d40b9660b41"
)


def run(*arguments: str) -> Any:
    made = typer.Typer()
    for module in (sensors, scan, qualify, run_command):
        module.register(made)
    return CliRunner().invoke(made, arguments)


def decoded(*arguments: str) -> list[dict[str, Any]]:
    done = run("decode", *arguments)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_for_each_notification_also_for_one_that_is_refused() -> None:
    good, bad, again = decoded("polar", VERITY, VERITY[:-2], VERITY)
    assert good == {
        "samples_g": [[-0.015, 0.02, 1.008], [-0.02, 0.017, 1.008]],
        "time_ns": None,
        "sequence": None,
        "error": None,
    }
    assert bad["samples_g"] == []
    assert "are left" in bad["error"]
    assert again["samples_g"] == good["samples_g"]


def test_settings() -> None:
    (raw,) = decoded("polar", "--set", "factor=0.5", "02660000000000000080eaff08000d00")
    assert raw["samples_g"] == [[-11.0, 4.0, 6.5]]
    assert raw["time_ns"] == [102]
    (eight,) = decoded("metamotion", "--set", "range_g=8", "031c62b7530de9fd16d04d0e57028affa1050a01")
    assert eight["samples_g"][0] == pytest.approx([-4.539, 0.833, -0.131], abs=6e-4)
    (ankle,) = decoded(
        "ankle", "--set", "scale_ug=61", "110234120200010005040302010000000100ffff00200080ff7f0001"
    )
    assert ankle["samples_g"][0] == pytest.approx([61e-6, -61e-6, 0.499712])
    assert ankle["sequence"] == 65538
    assert ankle["time_ns"][0] == 4_328_719_365_000


def test_movesense_and_open_services() -> None:
    (packet,) = decoded("movesense", f"0263{ACC_52}")
    assert packet["samples_g"][0] == pytest.approx([-0.111268, 0.452392, 0.885020], abs=1e-6)
    assert packet["time_ns"][0] == 122_371_000_000
    for name, data in (
        ("microbit", "f0 ff 30 00 10 fc"),
        ("thingy52", "000000fe77032000e0ff0000a000000060ff"),
    ):
        (one,) = decoded(name, data)
        assert one["error"] is None
        assert one["time_ns"] is None


def test_witmotion_in_pieces() -> None:
    frame = "5561d8fd3905de05bb01ff00fbffab0fb1ed808a1a06160e29011903"
    begin, rest, next_, cut = decoded("witmotion", frame[:30], frame[30:], frame, frame[:20])
    assert begin["samples_g"] == []
    assert begin["error"] is None
    assert (
        rest["samples_g"]
        == next_["samples_g"]
        == [[pytest.approx(-0.269531, abs=1e-6), 0.65283203125, 0.7333984375]]
    )
    assert cut["samples_g"] == []
    assert "does not end" in cut["error"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("decode", "fitbit", "00"), 'no sensor "fitbit"'),
        (("decode", "polar", "xy"), "not a row of bytes"),
        (("decode", "polar", "123"), "not a row of bytes"),
        (("decode", "polar", "--set", "factor", "00"), "key=value"),
        (("decode", "polar", "--set", "factor=none", "00"), "not a number above 0"),
        (("decode", "bangle", "--set", "rate_hz=1e-310", "00"), "not a number above 0"),
        (("decode", "movesense", "--set", "path=/Meas/Acc/" + "9" * 5000, "00"), "holds no acceleration"),
        (("decode", "movesense", "--set", "path=/Meas/Acc/٥٢", "00"), "holds no acceleration"),
        (("decode", "polar", "--set", "range_g=4", "00"), "no setting range_g; it has factor"),
        (("decode", "metamotion", "--set", "range_g=3", "00"), "none of 2, 4, 8 and 16"),
        (("decode", "witmotion", "--set", "a=1", "00"), "it has none"),
        (("decode", "movesense", "--set", "path=/Meas/HR", "00"), "no acceleration"),
        (("qualify", "--sensor", "fitbit"), 'no sensor "fitbit"'),
        (("qualify", "--address", "foo"), "--address foo: this is not an address; `legmon scan` shows them"),
        (("qualify", "--data", "/proc/nothing"), "/proc/nothing/qualified cannot be made"),
        (("qualify", "--hci", "nonsense:x"), "--hci nonsense:x: write one of"),
        (("scan", "--hci", "nonsense:x"), "--hci nonsense:x: write one of"),
        (("run", "--sensor", "fitbit"), "'fitbit' is neither a family of sensors"),
        (("run", "--sensor", "infinitime"), "at most 10 times a second"),
        (("run", "--simulate", "--sensor", "polar"), "leave --sensor out"),
    ],
)
def test_asked_wrongly(arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, LegmonError)
    assert done.exception.status == 2
    assert says in str(done.exception)


def test_one_sentence_and_status_2() -> None:
    command = [sys.executable, "-m", "legmon", "decode", "fitbit", "00"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith('legmon: there is no sensor "fitbit"')
    assert len(done.stderr.splitlines()) == 1


def test_the_families_and_what_each_can() -> None:
    done = run("sensors", "--json")
    answer = json.loads(done.stdout)
    assert answer["broken"] == {}
    by_name = {s["name"]: s for s in answer["sensors"]}
    assert {"ankle", "polar", "movesense", "witmotion", "metamotion", "bangle", "microbit"} <= set(by_name)
    assert by_name["polar"]["loss"] == "time"
    assert by_name["polar"]["settings"].keys() == {"factor", "rate_hz"}
    assert by_name["witmotion"]["device_time"] is False
    assert by_name["ankle"]["buffer"] is True
    assert "Polar" in run("sensors").stdout


def test_the_table_tells_of_clocks_and_of_rest_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("sensors").stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[0].split() == ["name", "sensor", "Hz", "±", "g", "clock", "loss", "by", "buffer"]
    (polar,) = [line for line in lines if "Polar Verity" in line]
    assert polar.split()[-4:] == ["yes", "its", "times", "no"]
    assert "polar       A Verity Sense outside SDK mode switches itself off" in "\n".join(lines)


@pytest.mark.parametrize("command", [("scan", "--seconds", "0.5"), ("qualify", "--minutes", "0.05")])
def test_without_a_controller_it_says_so_at_once(command: tuple[str, ...]) -> None:
    done = run(*command, "--hci", "unix-client:/nowhere/at/all")
    assert done.stdout == ""
    assert isinstance(done.exception, FailedError)
    says = "The Bluetooth controller at unix-client:/nowhere/at/all does not answer"
    assert str(done.exception).startswith(says)
    assert "Check that it is plugged in" in str(done.exception)
