"""The scenario language: strict about every key, documented in full, and written as it is read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from firmware_sim.scenario import ScenarioError, parse_scenario, write_scenario
from firmware_sim.structures import drawn
from firmware_sim.vocabulary import Choice, Fault, Number, Scenario, Spread, Spreads, Strap, Time

DOCUMENT = Path(__file__).parents[2] / "docs" / "scenarios.md"
SCHEMA = DOCUMENT.with_name("scenario.schema.json")


def keys(kind: type[Any], at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every key of the language with its rule and its default."""
    hints = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        rule = next(iter(getattr(hints[each.name], "__metadata__", ())), None)
        key = at + (each.name.removesuffix("_s") if isinstance(rule, Time) else each.name)
        yield key, rule, each.default
        if is_dataclass(each.default) and not isinstance(each.default, Spread):
            yield from keys(type(each.default), f"{key}.")


def wrong(text: str) -> str:
    with pytest.raises(ScenarioError, match=r".") as error:
        parse_scenario(f"duration: 1h\n{text}")
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("body: 3", 'line 2: "body" must have keys of its own'),
        ("body: {hop: 3}", 'line 2: "body.hop" is not a key of "body"; the keys are bathroom,'),
        ("body:\n  slow_share: 1.1", 'line 3: "body.slow_share" must be a number from 0 to 1, not 1.1'),
        ("body:\n  slow_share: yes", 'line 3: "body.slow_share" must be a number'),
        ("body:\n  series:\n    interval_s: 20", 'line 4: "body.series.interval_s" must have keys'),
        ("body: {series: {interval_s: {median: 200}}}", '"body.series.interval_s.median" must be a number from 4'),
        ("body: {series: {interval_s: {mean: 20}}}", '"body.series.interval_s.mean" is not a key'),
        ("body: {slow_share: 0, slow_share: 1}", '"body.slow_share" is there twice'),
        ("body: {bathroom: 2}", '"body.bathroom" must be a list'),
        ("body: {bathroom: [2h]}", '"body.bathroom[0]" must have keys of its own'),
        ("body: {bathroom: [{for: 4m}]}", '"body.bathroom[0].at" is missing'),
        ("body: {bathroom: [{at: 1h, for: 4h}]}", '"body.bathroom[0].for" must be a time from 30s to 0.5h'),
        ("sensor: {make: apple}", '"sensor.make" must be bmi270, lsm6dso, lsm6dso-lowpower, lis3dh or adxl362'),
        ("sensor: {range_g: 3}", '"sensor.range_g" must be 2, 4, 8 or 16, not 3'),
        ("sensor: {noise_ug_rthz: null}", '"sensor.noise_ug_rthz" must be a number'),
        ("disturb: {bump_mg: {median: 41}}", '"disturb.bump_mg.median" must be a number from 2 to 40'),
        ("link: {losses: [{at: 1m}]}", '"link.losses[0].for" is missing'),
        ("faults:\n- {kind: stuck, at: 1m, for: 1s}\n- {kind: nan, at: 1m, for: 1s}", 'line 4: "faults[1].kind"'),
        ("seed: 1.5", '"seed" must be a whole number'),
        ("scenario: 1.0.0", '"scenario" must be 1'),
        ("sensor: {range_g: 4.0}", '"sensor.range_g" must be 2, 4, 8 or 16, not 4.0'),
        ("seed: 1.0", '"seed" must be a whole number'),
        ("movements_per_hour: .inf", '"movements_per_hour" must be a number from 0 to 400, not inf'),
        (f"movements_per_hour: {'9' * 400}", '"movements_per_hour" must be a number from 0 to 400'),
        (f"seed: 0x{'f' * 4000}", '"seed" must be a whole number'),
        ("name: 2026-01-01", '"name" must be text'),
        ("name: ' '", '"name" must be text'),
        ("faults: !!set {}", 'line 2: "faults" is not a plain value'),
        ("faults: !!omap []", 'line 2: "faults" is not a plain value'),
        ("on: 1", 'line 2: "on" is not a key'),
        ("faults: &again [*again]", 'line 2: "faults[0]" must have keys of its own'),
        ("body: &again {series: *again}", '"body.series.series" is not a key of "body.series"'),
        ("link: {losses: [{}]}", 'line 2: "link.losses[0].at" is missing'),
        ("movement_per_hour: 3", 'Did you mean "movements_per_hour"?'),
        ("body: {peak_mg: {medain: 90}}", 'the keys are median, sigma. Did you mean "median"?'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place_and_what_is_expected(text: str, names: str) -> None:
    assert names in wrong(text)


def test_a_misspelt_key_is_named_before_the_key_it_stands_for_is_missed() -> None:
    with pytest.raises(ScenarioError, match=r'line 1: "durration" is not a key of a scenario.*"duration"'):
        parse_scenario("durration: 8h")


def test_an_alias_stands_for_what_it_names() -> None:
    night = parse_scenario(
        "duration: 1h\nfaults: [{kind: clip, at: &t 90, for: 1m}, {kind: stuck, at: *t, for: 1}]"
    )
    assert night.faults == (Fault("clip", 90.0, 60.0), Fault("stuck", 90.0, 1.0))


def test_the_schema_that_is_kept_for_editors_is_current() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "firmware_sim", "schema"], capture_output=True, check=True
    ).stdout
    assert made.decode() == SCHEMA.read_text(encoding="utf-8"), f"python -m firmware_sim schema > {SCHEMA}"


def schema_at(key: str) -> dict[str, Any]:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    at = schema
    for part in key.split("."):
        at = at["properties"][part]
        at |= schema["$defs"].get(at.pop("$ref", "").rpartition("/")[2], {})
    return dict(at)


def test_the_schema_has_every_key_with_its_range_and_meaning() -> None:
    known = list(keys(Scenario))
    assert len(known) >= 45
    for key, rule, default in known:
        schema = schema_at(key)
        assert schema["description"], key
        if isinstance(rule, Number):
            assert (schema["minimum"], schema["maximum"]) == (rule.low, rule.high), key
            assert schema.get("default") == default, key
        if isinstance(rule, Choice):
            assert schema["enum"] == list(rule.values), key
        if isinstance(rule, Spreads):
            median = schema["properties"]["median"]
            assert (median["minimum"], median["maximum"]) == (rule.low, rule.high), key
            assert "required" not in schema, key


def test_a_sensor_without_a_scenario_file_does_not_wait_for_pydantic() -> None:
    script = (
        "import sys, firmware_sim.peripheral, firmware_sim.night\n"
        "from firmware_sim.cli_files import read_night\n"
        "read_night(None, 1)\n"
        "sys.exit('pydantic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_half_a_spread_keeps_the_other_half() -> None:
    night = parse_scenario("duration: 1h\nbody: {series: {interval_s: {median: 30}}, peak_mg: {sigma: 0.2}}")
    assert night.body.series.interval_s == Spread(30.0, 0.3)
    assert night.body.peak_mg == Spread(120.0, 0.2)


def test_times_in_lists_may_be_written_either_way() -> None:
    night = parse_scenario(
        "duration: 1h\ndisturb: {strap: [{at: 10m, gain: 0.5, roll_deg: 30, roll_for: 20m}]}\n"
        "faults: [{kind: clip, at: 90, for: 1m30s}]"
    )
    assert night.disturb.strap == (Strap(600.0, 0.5, 0.0, 30.0, 1200.0),)
    assert night.faults == (Fault("clip", 90.0, 90.0),)


@pytest.mark.parametrize("seed", range(30))
def test_a_drawn_night_is_read_as_it_was_written(seed: int) -> None:
    night = drawn(seed)
    assert parse_scenario(write_scenario(night)) == night
    assert drawn(seed) == night


def test_drawn_nights_are_wide() -> None:
    nights = [drawn(seed) for seed in range(200)]
    assert {night.rate_hz for night in nights} == {25, 50, 100}
    assert len({night.sensor.make for night in nights}) == 5
    per_hour = [night.movements_per_hour for night in nights]
    assert min(per_hour) == 0.0
    assert 80 < max(per_hour) <= 160  # of a dense night; of a plain one, at most 80
    assert all(abs(night.rate_error_percent) <= 4 for night in nights)
    assert 20 < sum(night.body.periodic_share == 0 for night in nights) < 70
    assert 50 < sum(bool(night.disturb.vibration) for night in nights) < 110


def misdocumented(key: str, rule: Any, default: Any) -> str | None:
    """Return what is wrong with the row of a key in the document, or None."""
    row = re.search(
        rf"^\| \**`{re.escape(key)}`\** \|([^|]*)\|([^|]*)\|([^|]*)\|", DOCUMENT.read_text(), re.MULTILINE
    )
    if row is None:
        return f"{key} is not documented"
    _unit, standard, spans = (cell.strip() for cell in row.groups())
    expected = standard
    if isinstance(default, Spread):
        expected = f"{default.median:g}, {default.sigma:g}"
    elif isinstance(default, (int, float)):
        expected = f"{default:g}"
    elif default is MISSING:
        expected = "required"
    if standard != expected:
        return f"{key}: the default is {expected}, the document has {standard}"
    if isinstance(rule, Number) and not rule.whole:
        span = f"{rule.low:g}–{rule.high:g}".replace("-", "−")
        return None if spans == span else f"{key}: the range is {span}, the document has {spans}"
    return None


def test_the_document_lists_every_key_with_its_default_and_range() -> None:
    known = list(keys(Scenario))
    assert len(known) >= 45
    wrong_rows = [fault for key in known if (fault := misdocumented(*key))]
    assert not wrong_rows, "\n".join(wrong_rows)


def test_the_examples_of_the_document_are_scenarios() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert examples
    for text in examples:
        assert parse_scenario(text).duration_s > 0, text
