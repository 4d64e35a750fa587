"""Nights made of recordings of other programs: marked as imported, with what a recorded night has, or not made at all."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from legmon.catalog.rescan import set_catalog_aside
from legmon.catalog.store import Catalog
from legmon.catalog.zone import local_zone
from legmon.errors import LegmonError
from legmon.exchange import importing
from legmon.exchange.importing import import_night
from legmon.exchange.recordings import read_recording_file
from legmon.exchange.signal import Signal
from legmon.movement import NS, Leg
from legmon.night.leg import analyse
from legmon.nights.custody import check_legs, seal_next
from legmon.nights.report import report, summary
from legmon.recording.files import read_segment
from legmon.recording.records import Samples
from legmon.scoring.result import Scored
from tests.conftest import run_command
from tests.test_tables import ONSETS, START, WRITTEN, stamp, table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "left ankle.csv"
    lines = WRITTEN["OMGUI"][1].splitlines()
    path.write_text("\n".join(lines[:2100] + lines[2200:]))
    return path


def scored_again(catalog: Catalog, night: str) -> Scored:
    info = catalog.night(night)
    found = report(
        catalog, info, [analyse(read_segment(catalog.segment(night, leg))).track() for leg in info.legs]
    )
    assert found.scored is not None
    return found.scored


def onsets(scored: Scored) -> list[float]:
    return [m.movement.onset / NS for m in scored.movements]


def began(name: str, *, naive: datetime) -> float:
    return naive.replace(tzinfo=ZoneInfo(name)).timestamp()


def test_an_imported_night_has_what_a_recorded_night_has(folder: Path, file: Path) -> None:
    catalog = Catalog(folder)
    signal = read_recording_file(file, "left")
    done = import_night(catalog, {"left": signal}, {"left": "left ankle.csv"})
    night = done.night
    assert (night.imported, night.simulated, night.state, night.legs) == (True, False, "closed", ("left",))
    assert night.id == "2026-03-01-2200"
    assert (night.movements, night.periodic, night.gaps) == (4, 0, 1)
    zone = local_zone(night.started_ns)
    assert (night.zone_name, night.utc_offset_s) == zone
    assert night.started_ns / NS == began(zone[0], naive=START.replace(tzinfo=None))
    again = scored_again(catalog, night.id)
    assert onsets(again) == pytest.approx(ONSETS, abs=0.2)
    assert [[round(a / NS, 6), round(b / NS, 6)] for a, b in again.gaps] == [[42.0, 44.0]]
    info = catalog.night(night.id)
    found = report(catalog, info, catalog.tracks(night.id))
    assert summary(found).imported
    meta = analyse(read_segment(catalog.segment(night.id, "left"))).meta
    assert (meta.sensor, meta.address) == ("left ankle.csv", "import")
    assert meta.declared_hz == pytest.approx(50.0)


def test_the_stored_samples_are_those_of_the_file(folder: Path, file: Path) -> None:
    catalog = Catalog(folder)
    signal = read_recording_file(file, "left")
    night = import_night(catalog, {"left": signal}, {"left": "x"}).night.id
    records = list(read_segment(catalog.segment(night, "left")))
    meta = analyse(records).meta
    stored = np.concatenate([r.xyz for r in records if isinstance(r, Samples)]) * (meta.scale_ug * 1e-6)
    samples = np.concatenate([s.xyz for s in signal.stretches])
    assert np.abs(stored - samples).max() <= 0.51e-6 * meta.scale_ug
    assert meta.scale_ug < 100


def test_it_is_sealed_verified_and_made_anew_from_its_files(folder: Path, file: Path) -> None:
    catalog = Catalog(folder)
    night = import_night(catalog, {"left": read_recording_file(file, "left")}, {"left": "x"}).night
    before = scored_again(catalog, night.id).to_dict()
    seal_next(catalog)
    assert [p.name for p in (folder / "nights" / night.id).iterdir() if p.suffix == ".sealed"] == [
        "left.sealed"
    ]
    assert not check_legs(catalog, catalog.night(night.id), ["left"]).damaged
    catalog.close()
    set_catalog_aside(folder)
    anew = Catalog(folder)
    assert run_command("rescan", data=folder).returncode == 0
    found = anew.night(night.id)
    assert found.imported
    assert (found.movements, found.zone_name) == (night.movements, night.zone_name)
    assert scored_again(anew, night.id).to_dict() == before


def test_two_legs_share_one_night(folder: Path, file: Path, tmp_path: Path) -> None:
    right = tmp_path / "right.csv"
    right.write_text(
        table("", lambda t, x, y, z: f"{stamp(t + 3.0, '%Y-%m-%d %H:%M:%S.%f')[:-3]},{x:.6f},{y:.6f},{z:.6f}")
    )
    answer = run_command("import", "--left", str(file), "--right", str(right), "--json", data=folder)
    (night,) = json.loads(answer.stdout)["nights"]
    assert night["legs"] == ["left", "right"]
    assert night["movements"] == 8
    assert onsets(scored_again(Catalog(folder), night["night"])) == pytest.approx(
        sorted([*ONSETS, *(s + 3.0 for s in ONSETS)]), abs=0.2
    )


def test_the_command_line_imports_lists_and_scores(folder: Path, file: Path) -> None:
    said = run_command("import", str(file), data=folder)
    assert said.returncode == 0
    assert "left ankle.csv is night 2026-03-01-2200: 4 leg movements, 0 periodic, 0.02 h." in said.stdout
    assert "left leg: Read as a file of OMGUI: 50 Hz, in g." in said.stdout
    again = run_command("import", str(file), data=folder)
    assert "night 2026-03-01-2200-2" in again.stdout
    assert "imported" in run_command("nights", data=folder).stdout
    listed = json.loads(run_command("nights", "--json", data=folder).stdout)["nights"]
    assert [n["imported"] for n in listed] == [True, True]
    scored = json.loads(run_command("score", "2026-03-01-2200", "--json", data=folder).stdout)
    assert scored["indices"]["movements"] == 4


def test_a_file_without_a_date_needs_one(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "ankle.csv"
    path.write_text(WRITTEN["legmon"][1])
    bad = run_command("import", str(path), data=folder)
    assert bad.returncode == 2
    assert "which ankle is it of? Say it with --leg left or --leg right" in bad.stderr
    bad = run_command("import", str(path), "--leg", "right", data=folder)
    assert bad.returncode == 2
    assert "say it with --start '2026-03-01 22:00'" in bad.stderr
    bad = run_command("import", str(path), "--leg", "right", "--start", "yesterday", data=folder)
    assert "--start: expected a date and a time" in bad.stderr
    done = run_command(
        "import", str(path), "--leg", "right", "--start", "2026-03-05 23:10", "--json", data=folder
    )
    (night,) = json.loads(done.stdout)["nights"]
    assert (night["night"], night["legs"]) == ("2026-03-05-2310", ["right"])
    zone, _ = local_zone(0)
    assert night["started"] == began(zone, naive=datetime(2026, 3, 5, 23, 10))  # noqa: DTZ001


def test_seconds_since_1970_are_utc(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "left.csv"
    path.write_text(WRITTEN["Empatica"][1])
    night = import_night(Catalog(folder), {"left": read_recording_file(path, "left")}, {"left": "x"}).night
    assert night.started_ns == START.timestamp() * NS


def test_nothing_is_half_imported(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(folder)
    signals: dict[Leg, Signal] = {"left": read_recording_file(file, "left")}

    def breaks(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("write_annotations", "add_night"):
        with monkeypatch.context() as patch:
            patch.setattr(importing, name, breaks)
            with pytest.raises(LegmonError, match="No space left on device"):
                import_night(catalog, signals, {"left": "x"})
        assert catalog.nights() == []
        assert not list(folder.rglob("*.seg"))
        assert not [p for p in folder.iterdir() if p.name.startswith("importing-")]
    assert import_night(catalog, signals, {"left": "x"}).night.movements == 4


@pytest.mark.parametrize("year", ["0199", "4020", "1969"])
def test_a_file_of_no_century_is_refused_with_the_way_out(folder: Path, file: Path, year: str) -> None:
    file.write_text(file.read_text().replace("2026-", f"{year}-"))
    bad = run_command("import", str(file), data=folder)
    assert bad.returncode == 2
    assert "--start" in bad.stderr
    assert not list(folder.rglob("*.seg"))
