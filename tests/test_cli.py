"""The command line: what it answers, and what it says when asked wrongly."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict
from pathlib import Path

import pytest

import legmon
from legmon.catalog.annotations import Annotations
from legmon.catalog.store import Catalog
from legmon.exchange.csv import read_csv
from legmon.movement import NS
from legmon.night.marks import Mark, mark_of
from legmon.nights.cache import NightReports
from tests.conftest import run_command, run_program, started
from tests.made import Made, evening, make_night, scenario

NIGHT = "duration: 30m\nseed: 21\nmovements_per_hour: 100\n"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    (folder / "night.yaml").write_text(NIGHT)
    done = run_command("simulate", str(folder / "night.yaml"), "-o", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["simulated"] is True
    assert said["files"] == ["left.csv", "truth.json"]
    return folder


def test_help_teaches() -> None:
    said = run_command("--help").stdout
    assert "legmon demo" in said
    assert "Not a medical device" in said
    for command in ("demo", "run", "doctor", "score", "nights", "simulate"):
        assert command in said
        assert run_command(command, "--help").returncode == 0


def test_a_simulated_file_scores_to_what_was_simulated(simulated: Path) -> None:
    answer = json.loads(run_command("score", "--left", str(simulated / "left.csv"), "--json").stdout)
    truth = json.loads((simulated / "truth.json").read_text())
    visible = [m for m in truth["movements"] if m["kind"] == "leg" and m["visible"]]
    found = [m for m in answer["movements"] if m["kind"] == "leg"]
    assert answer["rules"] == "wasm2016"
    assert answer["gaps"] == []
    assert answer["duration_s"] == answer["analysed_s"] == pytest.approx(1800, abs=0.1)
    assert answer["indices"]["movements"] == len(found)
    assert abs(len(found) - len(visible)) <= 0.15 * len(visible)
    near = sum(any(abs(f["onset_s"] - m["onset_s"]) < 0.5 for f in found) for m in visible)
    assert near >= 0.85 * len(visible)


def test_python_and_command_line_agree_and_chunks_change_nothing(simulated: Path) -> None:
    file = str(simulated / "left.csv")
    whole = run_command("score", "--left", file, "--json").stdout
    assert run_command("score", "--left", file, "--chunk", "7", "--json").stdout == whole
    recording = read_csv(Path(file))
    movements = legmon.detect(recording.stretches[0].xyz, recording.rate_hz, leg="left")
    scored = legmon.score(movements, rules="wasm2016", gaps=(), duration_s=1800)
    assert [m["onset_s"] for m in scored.to_dict()["movements"]] == [
        m["onset_s"] for m in json.loads(whole)["movements"]
    ]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_night(
    simulated: Path, tmp_path: Path
) -> None:
    night = str(simulated / "night.yaml")
    assert run_command("simulate", night, "-o", str(tmp_path / "same")).returncode == 0
    assert run_command("simulate", night, "-o", str(tmp_path / "other"), "--seed", "22").returncode == 0
    assert (tmp_path / "same" / "left.csv").read_bytes() == (simulated / "left.csv").read_bytes()
    assert (tmp_path / "other" / "truth.json").read_bytes() != (simulated / "truth.json").read_bytes()


def test_a_person_gets_a_table_in_words(simulated: Path) -> None:
    said = run_command("score", "--left", str(simulated / "left.csv")).stdout
    assert "leg movements in 0.50 h recorded" in said
    assert "WASM 2016" in said
    assert "not validated against polysomnography" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["score"], "name one thing to score"),
        (["score", "last", "--left", "x.csv"], "name one thing to score"),
        (["score", "--left", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["score", "--left", "nowhere.csv", "--rules", "aasm2050"], "there is no rule set"),
        (["score", "--left", "README.md"], "the header is 'legmon counts"),
        pytest.param(["simulate", "nowhere.yaml", "-o", "nowhere"], "nowhere.yaml", marks=pytest.mark.radio),
        pytest.param(["run", "--no-browser"], "legmon demo", id="no Bluetooth"),
    ],
)
def test_what_is_asked_wrongly_gets_one_sentence_and_status_2(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    if arguments[0] == "run" and Path("/sys/class/bluetooth").exists():
        pytest.skip("this machine has Bluetooth")
    done = run_command(*arguments, data=None if arguments[0] == "simulate" else tmp_path / "data")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


def test_bad_lines_name_their_number(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("time_s,x_g,y_g,z_g\n0,0,0,1\n0.02,0,zero,1\n")
    done = run_command("score", "--left", str(file))
    assert done.returncode == 2
    assert f"{file}, line 3: y_g is 'zero'; expected a number" in done.stderr


def test_no_nights_and_no_such_night(tmp_path: Path) -> None:
    done = run_command("nights", data=tmp_path)
    assert done.returncode == 2
    assert "There are no nights here yet." in done.stderr
    Catalog(tmp_path).close()
    assert json.loads(run_command("nights", "--json", data=tmp_path).stdout) == {"nights": []}
    assert run_command("score", "last", data=tmp_path).returncode == 2


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run_program("run", "--simulate", "--no-browser", "--port", port, data=tmp_path)
    assert done.returncode == 2
    assert f"port {port} cannot be used" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_program("demo", "--no-browser", data=tmp_path / "file" / "data")
    assert done.returncode == 2
    assert "cannot be made" in done.stderr
    assert "--data" in done.stderr


def test_a_file_that_is_no_catalog_is_kept_and_said(tmp_path: Path) -> None:
    text = "not a database, but long enough to be looked at as one"
    (tmp_path / "catalog.sqlite").write_text(text)
    done = run_command("nights", data=tmp_path)
    assert done.returncode == 0
    assert "The catalog was damaged" in done.stderr
    assert [p.read_text() for p in tmp_path.glob("catalog.damaged-*.sqlite")] == [text]


def test_own_nights_and_simulated_ones_are_kept_apart(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.begin(
        "2026-01-01-2300", started_ns=1, zone=("UTC", 0), simulated=False, rules="wasm2016", detector="x"
    )
    catalog.close()
    done = run_program("demo", "--no-browser", data=tmp_path)
    assert done.returncode == 2
    assert "kept apart" in done.stderr


def test_run_with_a_simulated_sensor_in_real_time_ends_by_itself(tmp_path: Path) -> None:
    with started(
        "-m",
        "legmon",
        "run",
        "--simulate",
        "--no-browser",
        "--port",
        "0",
        "--minutes",
        "0.1",
        "--data",
        str(tmp_path),
    ) as process:
        process.says("Your pages are at")
        assert process.process.wait(60) == 0
    catalog = Catalog(tmp_path)
    (night,) = catalog.nights()
    catalog.close()
    assert (night.state, night.simulated) == ("closed", True)
    assert 0.5 < night.duration_ns / 1e9 < 10, "of the 6 s, those that are left once everything has started"


def test_a_night_has_the_same_numbers_on_the_page_and_the_command_line(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = make_night(catalog, Made(evening(0), {"left": scenario(6, 2.0)}))
    info, annotations = catalog.night(night), Annotations(catalog)
    before = json.loads(run_command("nights", night, "--json", data=tmp_path).stdout)
    (track,) = catalog.tracks(night)
    own = [m.first for m in track.movements if m.kind == "leg" and m.first is not None][3:6]
    nowhere = Mark("left", info.started_ns - 2 * NS, info.started_ns - NS)
    annotations.add_marks(night, [*(mark_of(track, first, 1) for first in own), nowhere])
    annotations.set_lights(night, (info.started_ns + 900 * NS, None), 1)
    page = NightReports(catalog).night(catalog.night(night))
    catalog.close()
    for command in ("nights", "score"):
        said = json.loads(run_command(command, night, "--json", data=tmp_path).stdout)
        assert said["voluntary"] == page.voluntary == 3
        assert [m["end"] for m in said["marks_without_movement"]] == [nowhere.end_ns / 1e9]
        assert [m.id for m in page.marks_without_movement] == [nowhere.id]
        assert said["headline"] | {"seconds": page.headline.seconds} == asdict(page.headline)
        assert said["headline"]["seconds"] == pytest.approx(page.headline.seconds, abs=0.001)
        assert said["indices"]["periodic"] == page.periodic < before["indices"]["periodic"]
    plain = json.loads(run_command("score", night, "--as-recorded", "--json", data=tmp_path).stdout)
    assert plain["indices"] == before["indices"]
    assert "headline" not in plain
