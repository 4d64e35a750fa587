"""What some minutes with a sensor show, from frames made up with known faults; and the command against a simulated one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from legmon.cli.qualify import card_lines, drivers_for
from legmon.link.listener import ConnectedSensor
from legmon.messages import GapCause, LinkCode, link_message
from legmon.qualify.arrivals import Frames
from legmon.qualify.card import Card, Evidence, qualify
from legmon.qualify.trial import Trial
from legmon.sensors.base import Declaration, Frame, StreamFormat, StreamStart
from tests.conftest import ROOT, sensor, started, until

NS = 1_000_000_000
SCALE = 122


def evidence(
    *,
    hz: float = 50.0,
    true_hz: float = 50.0,
    seconds: float = 300.0,
    batch: int = 25,
    noise_mg: float = 2.0,
    scale: float = 1.0,
    offset_mg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sides: int = 1,
    lose: Collection[int] = (),
    cut: Collection[int] = (),
    loss: str = "index",
    battery: tuple[tuple[int, int], ...] = (),
    **more: Any,
) -> Evidence:
    """Frames of `batch` samples; those in `lose` never come, and before those in `cut` the count begins anew."""
    rng = np.random.default_rng(4)
    ups = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, -1], [-1, 0, 0], [0, -1, 0]], dtype=float)
    frames, counted, stream, began = Frames(), 0, 7, 0
    count = int(seconds * true_hz) // batch
    for i in range(count):
        up = ups[i * sides // count]
        g = up * scale + np.array(offset_mg) / 1000 + rng.normal(0, noise_mg / 1000, (batch, 3))
        end_s = (i + 1) * batch / true_hz
        late_s = abs(rng.normal(0, 0.02))
        if i in cut:
            stream, began, counted = stream + 1, i, 0
        if i in lose:
            continue
        first = (i - began) * batch if loss != "arrival" else counted
        counted += batch
        xyz = np.rint(g / (SCALE * 1e-6)).astype(np.int16)
        frames.append(Frame(stream, first, 0, xyz), round((1000 + end_s + late_s) * NS))
    return Evidence(StreamFormat(hz, 4, SCALE, loss), frames, battery, **more)  # type: ignore[arg-type]


def test_the_true_rate_and_how_late_frames_are() -> None:
    card = qualify(evidence(true_hz=50.85))
    assert card.true_hz == pytest.approx(50.85, rel=2e-4)
    assert card.rate_error_percent == pytest.approx(1.7, abs=0.03)
    assert card.frame_s == pytest.approx(25 / 50.85, abs=0.02)
    assert card.late_ms is not None
    assert 8 < card.late_ms[0] < 20 < card.late_ms[1] < 60
    assert card.warnings == []


def test_noise_by_root_hertz() -> None:
    card = qualify(evidence(noise_mg=3.0))
    assert card.noise_mg == pytest.approx(3.0, rel=0.05)
    assert card.noise_ug_rthz == pytest.approx(600, rel=0.05)
    assert card.gravity_g == pytest.approx(1.0, abs=0.002)
    assert card.scale_error_percent is None
    assert card.sides == 1


def test_on_six_sides_scale_and_offset_are_told_apart() -> None:
    card = qualify(evidence(sides=6, scale=1.03, offset_mg=(30, -10, 5)))
    assert card.sides == 6
    assert card.scale_error_percent == pytest.approx(3.0, abs=0.1)
    assert card.offset_mg == pytest.approx(float(np.linalg.norm([30, -10, 5])), abs=1.0)


def check_rate(card: Card, hz: float) -> None:
    """A loss makes no sensor slower, and no frame behind it late."""
    assert card.true_hz == pytest.approx(hz, rel=2e-4)
    assert card.rate_error_percent == pytest.approx(100 * (hz / 50 - 1), abs=0.03)
    assert card.late_ms is not None
    assert 8 < card.late_ms[0] < 20 < card.late_ms[1] < 60
    assert card.late_ms[2] < 150


@pytest.mark.parametrize("loss", ["index", "time", "arrival"])
def test_what_is_lost(loss: str) -> None:
    card = qualify(evidence(lose=(100, 101, 102, 300), loss=loss))
    assert card.lost == pytest.approx(100, abs=0 if loss != "arrival" else 3)
    check_rate(card, 50.0)


@pytest.mark.parametrize("true_hz", [50.0, 50.85])
@pytest.mark.parametrize("loss", ["index", "arrival"])
def test_eight_seconds_lost_in_ten_minutes(loss: str, true_hz: float) -> None:
    lost = range(600, 616)
    card = qualify(evidence(seconds=600, true_hz=true_hz, lose=lost, loss=loss))
    assert card.lost == pytest.approx(25 * len(lost), abs=3)
    check_rate(card, true_hz)


def test_a_loss_every_ten_seconds() -> None:
    lost = {i for i in range(40, 1160) if i % 20 in {0, 1, 2}}
    card = qualify(evidence(seconds=600, true_hz=49.2, lose=lost, loss="arrival"))
    assert card.lost == pytest.approx(25 * len(lost), rel=0.01)
    assert card.true_hz == pytest.approx(49.2, rel=5e-4)
    assert card.late_ms is not None
    assert card.late_ms[2] < 300


def test_a_sensor_of_arrivals_whose_model_numbers_its_samples() -> None:
    made = evidence(seconds=600, lose=range(600, 616))
    card = qualify(replace(made, format=replace(made.format, loss="arrival")))
    assert card.lost == 400
    check_rate(card, 50.0)


@pytest.mark.parametrize("loss", ["index", "time", "arrival"])
def test_what_a_cut_of_the_link_costs(loss: str) -> None:
    away = range(360, 850)  # 4 of 10 minutes
    card = qualify(evidence(seconds=600, true_hz=50.85, lose=away, cut={850}, loss=loss, cuts=1))
    assert card.lost == pytest.approx(25 * len(away), abs=5)
    assert card.lost_percent == pytest.approx(100 * len(away) / (600 * 50.85 // 25), abs=0.1)
    assert "The link failed once." in card.warnings
    check_rate(card, 50.85)


def test_a_cut_over_which_the_sensor_counts_on_is_counted_once() -> None:
    card = qualify(evidence(seconds=600, lose=range(360, 840), cuts=1))
    assert card.lost == 240 * 50
    check_rate(card, 50.0)


def test_cuts_upon_cuts() -> None:
    away = {i for i in range(100, 1200) if i % 100 < 20}
    card = qualify(evidence(seconds=600, lose=away, cut=range(120, 1200, 100), loss="arrival"))
    assert card.lost == pytest.approx(25 * len(away), rel=0.01)
    check_rate(card, 50.0)


def test_a_sensor_that_stops_is_lost_from_then_on_and_named() -> None:
    made = evidence(seconds=600)
    card = qualify(replace(made, ended_ns=(1000 + 1200) * NS))
    assert card.minutes == pytest.approx(10, abs=0.02)
    assert card.lost == pytest.approx(600 * 50, abs=5)
    assert card.lost_percent == pytest.approx(50, abs=0.1)
    assert card.warnings[0].startswith(
        "It stopped after 10.0 minutes and did not come back. Check that it is on"
    )
    stayed = qualify(replace(made, ended_ns=(1000 + 601) * NS))
    assert (stayed.lost, stayed.gone_s, stayed.warnings) == (0, 0.0, [])


def test_a_trial_too_short_to_show_whether_it_switches_itself_off_says_so() -> None:
    short, long = (replace(evidence(seconds=s), idle_s=600.0) for s in (600, 900))
    assert "switch itself off after lying still for 10 minutes" in qualify(short).warnings[0]
    assert qualify(long).warnings == []
    assert qualify(replace(short, on="leg")).warnings == []
    gone = qualify(replace(short, ended_ns=(1000 + 900) * NS)).warnings
    assert len(gone) == 1
    assert "did not come back" in gone[0]


def test_a_pause_without_a_loss_is_none() -> None:
    made = evidence(loss="arrival")
    arrivals, _, firsts, _ = made.frames.columns()
    arrivals[100:105] = np.maximum(arrivals[100:105], arrivals[104])
    xyz = np.split(made.frames.xyz(), len(arrivals))
    held = ((Frame(7, int(f), 0, g), int(at)) for f, g, at in zip(firsts, xyz, arrivals, strict=True))
    card = qualify(Evidence(StreamFormat(50.0, 4, SCALE, "arrival"), Frames(held)))
    assert card.lost <= 10
    assert card.longest_pause_s == pytest.approx(2.5, abs=0.3)


def test_battery_of_a_night_is_about_or_less_than() -> None:
    """Half an hour has levels at 0, 10 and 20 minutes."""
    ten = 600 * NS
    short = qualify(evidence(battery=((0, 90), (ten, 90))))
    assert (short.battery_levels, short.battery_percent_night) == (2, None)
    flat = qualify(evidence(battery=((0, 90), (ten, 90), (2 * ten, 90))))
    assert (flat.battery_percent_night, flat.battery_most_percent_night) == (0, 24)
    fell = qualify(evidence(battery=((0, 90), (6 * ten, 85))))
    assert (fell.battery_percent_night, fell.battery_most_percent_night) == (40, 48)
    assert qualify(evidence(battery=((0, 90), (6 * ten, 95)))).battery_percent_night is None, "on a charger"


def test_what_does_not_fit_a_night_is_said() -> None:
    card = qualify(evidence(true_hz=25.0, noise_mg=12.0, scale=0.5))
    assert [w.split(" ")[0] for w in card.warnings] == ["It", "Its", "Lying"]


def test_a_trial_without_a_sample_says_what_is_known_all_the_same() -> None:
    why = "Connected, but nothing arrives. Connecting again."
    none = Evidence(StreamFormat(50.0, 4, SCALE, "index"), Frames(), ((0, 81),), cuts=2, trouble=why)
    card = qualify(none)
    assert card.warnings == [f"No samples came, though it was started. {why}", "The link failed 2 times."]
    assert (card.samples, card.battery_levels) == (0, 1)


def test_a_night_of_single_samples_does_not_fill_the_memory() -> None:
    tracemalloc.start()
    frames = Frames()
    for k in range(20_000):
        frames.append(Frame(7, k, 0, np.array([[k % 99, 0, 2048]], dtype=np.int16)), k * NS)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown / len(frames) < 60, "bytes a frame; as objects they are 334"
    assert (frames.xyz()[:, 0] == np.arange(20_000) % 99).all()


def test_moving_all_the_time_says_so() -> None:
    made = evidence(noise_mg=60.0, seconds=60)
    card = qualify(made)
    assert card.noise_mg is None
    assert "hardly lay still" in card.warnings[-1]


def test_on_the_leg_nobody_has_to_lie_still() -> None:
    made = evidence(noise_mg=60.0, seconds=60)
    assert qualify(replace(made, on="leg")).warnings == []
    shaky = evidence(noise_mg=12.0)
    assert "noise" in qualify(shaky).warnings[0]
    assert qualify(replace(shaky, on="leg")).warnings == [], "a leg has a pulse"
    assert "measures 0.50 g" in qualify(replace(evidence(scale=0.5), on="leg")).warnings[0]


@pytest.mark.parametrize("seconds", [0.1, 3.0, 6.0])
def test_a_short_trial_tells_what_it_can(seconds: float) -> None:
    card = qualify(evidence(seconds=seconds, batch=1))
    assert card.lost == 0


STILL = "duration: 1h\nseed: 3\nmovements_per_hour: 0\n"


def command(air: str, data: Path, minutes: float, *more: str) -> list[str]:
    options = ("--minutes", str(minutes), "--hci", air, "--data", str(data), "--json")
    return ["-m", "legmon", "qualify", *options, *more]


def test_the_command_with_a_simulated_sensor(air: str, short_folder: Path, tmp_path: Path) -> None:
    with sensor(air, short_folder, scenario=STILL):
        done = subprocess.run(
            [sys.executable, *command(air, tmp_path, 0.2)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert card["driver"] == "ankle"
    assert card["simulated"] is True
    assert card["lost"] == 0
    assert card["true_hz"] == pytest.approx(50, rel=0.1), "in twelve seconds, on a busy machine"
    assert 0.5 < card["noise_mg"] < 6
    saved = json.loads(Path(card.pop("saved")).read_text())
    assert saved == card


def test_a_sensor_that_goes_off_is_named_and_no_other_takes_its_place(
    air: str, short_folder: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    with (
        started(*command(air, tmp_path, 0.4, "--on", "leg")) as trial,
        sensor(air, folders[0], "--address", "C4:4C:4D:00:00:01", scenario=STILL) as one,
    ):
        log = folders[0] / "sent.jsonl"
        until(lambda: log.exists() and log.read_text().count('"sent"') > 4, what="the trial has begun")
        with sensor(air, folders[1], "--address", "C4:4C:4D:00:00:02", scenario=STILL):
            one.end()
            card = json.loads("{" + trial.says("{"))
    assert card["address"] == "C4:4C:4D:00:00:01"
    assert card["on"] == "leg"
    assert card["cuts"] == 1
    rate_hz = card["true_hz"] or 50  # unknown where a busy machine has hardly got a frame
    assert card["lost"] == pytest.approx(rate_hz * card["gone_s"], abs=0.06 * rate_hz), "as it is rounded"
    assert card["gone_s"] > 0, "however late it went off: a busy machine decides when"
    assert "did not come back" in card["warnings"][0]


def test_an_early_end_still_gives_the_card(air: str, short_folder: Path, tmp_path: Path) -> None:
    with sensor(air, short_folder, scenario=STILL), started(*command(air, tmp_path, 480)) as trial:
        log = short_folder / "sent.jsonl"
        until(lambda: log.exists() and log.read_text().count('"sent"') > 10, what="the trial has begun")
        trial.process.send_signal(signal.SIGINT)
        card = json.loads("{" + trial.says("{"))
        assert trial.process.wait(60) == 0
    assert card["samples"] > 100
    assert Path(card["saved"]).exists()


def test_a_trial_without_a_sample_shows_no_figures(air: str, short_folder: Path, tmp_path: Path) -> None:
    with (
        sensor(air, short_folder, "--speed", "0.01", scenario=STILL),
        started(*command(air, tmp_path, 0.05)) as trial,
    ):
        card = json.loads("{" + trial.says("{"))
        assert trial.process.wait(60) == 1
        until(lambda: trial.errors)
    assert "no samples came" in trial.errors[-1]
    assert (card["samples"], card["lost"]) == (0, 0)
    assert card["warnings"][0].startswith("No samples came, though it was started.")
    assert card_lines(card).keys() == {"sensor", "battery"}


def the_first(address: str | None = None) -> Trial:
    trial = Trial(address)
    declares = Declaration((50.0,), (4,), device_time=False, loss="arrival", buffer=False, frame_s=0.5)
    trial.sensor_started(
        ConnectedSensor("A", "AA:00", "polar", declares, StreamStart(StreamFormat(50, 4, 122, "time"), 0.5))
    )
    return trial


def test_a_trial_is_tied_to_the_sensor_that_started_first() -> None:
    assert Trial().claim("BB:00")
    assert [the_first().claim(a) for a in ("AA:00", "BB:00")] == [True, False]
    assert [Trial("aa:00").claim(a) for a in ("AA:00", "BB:00")] == [True, False]
    assert the_first().card()["loss"] == "time", "as it says itself, not its family"


def test_a_cut_whose_cause_is_said_again_is_one() -> None:
    trial = the_first()
    trial.link_down(GapCause.LINK_LOST)
    trial.link_down(GapCause.LINK_SILENT)
    assert trial.card()["cuts"] == 1


def test_a_board_for_the_bench_is_tried_out_only_when_asked_for() -> None:
    assert {"ankle", "polar"} <= (worn := {d.name for d in drivers_for(None, None)})
    assert not {"microbit", "infinitime"} & worn
    assert [d.name for d in drivers_for("microbit", None)] == ["microbit"]
    assert "microbit" in {d.name for d in drivers_for(None, "AA:00:00:00:00:00")}


def test_why_nothing_streams_is_the_last_failure_not_the_last_words() -> None:
    trial = Trial()
    trial.link_changed("searching", link_message(LinkCode.SEARCHING))
    assert trial.trouble == "Looking for the sensor. Is it on, charged and near?"
    trial.link_changed("searching", link_message(LinkCode.NO_CONNECTION))
    assert trial.trouble == "The connection failed."
    trial.link_changed("searching", link_message(LinkCode.SENSOR_REFUSED, why="Open the app."))
    trial.link_changed("searching", link_message(LinkCode.NO_ANSWER))
    trial.link_changed("searching", link_message(LinkCode.SEARCHING))
    assert trial.trouble == "Open the app."
    trial.link_changed("searching", link_message(LinkCode.BLUETOOTH_GONE))
    assert trial.trouble.startswith("This computer's Bluetooth is gone")


@pytest.mark.parametrize(
    ("levels", "about", "most", "says"),
    [
        (0, None, None, "not known: the sensor reports no level"),
        (2, None, None, "not known: needs half an hour or more, and not on a charger"),
        (3, 0.0, 24.0, "less than 24 % in 8 h"),
        (7, 40.0, 48.0, "about 40 % in 8 h, at most 48"),
    ],
)
def test_the_battery_in_words(levels: int, about: float | None, most: float | None, says: str) -> None:
    known = {
        "samples": 1,
        "battery_levels": levels,
        "battery_percent_night": about,
        "battery_most_percent_night": most,
    }
    assert card_lines(the_first().card() | {"simulated": False} | known)["battery"] == says


def test_on_the_leg_the_rows_ask_for_no_table() -> None:
    table, leg = (
        card_lines(the_first().card(on=on) | {"simulated": False, "samples": 1}) for on in ("table", "leg")
    )
    assert "4 are needed to separate scale from offset" in table["sides"]
    assert leg.keys() == table.keys() - {"sides", "scale error"}
    assert leg["noise"].endswith("including the leg's own")
