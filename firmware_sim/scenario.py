"""What kind of night a scenario file asks for, and what is wrong with the file when it asks for nonsense.

A scenario is a short YAML file; only ``duration`` is required::

    scenario: 1              # version of this format
    name: restless
    duration: 8h             # or 7h30m, 90m, 45s, or a number of seconds
    seed: 1
    rate_hz: 50              # what the sensor declares: 25, 50, 100 or 200
    rate_error_percent: 1.2  # how far the chip's clock is off, -10 to 10
    leg: left
    movements_per_hour: 30   # leg movements, 0 to 400
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import yaml

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_LONGEST_S = 48 * 3600.0
_RATES_HZ = (25, 50, 100, 200)


class ScenarioError(ValueError):
    """A scenario that cannot be simulated; the message names the key and says what is expected."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One night of one leg.

    Attributes
    ----------
    duration_s : float
        Length of the night in seconds of true time.
    name : str
        What the night is called in every output.
    seed : int
        Everything random follows from it.
    rate_hz : int
        Declared sampling rate.
    rate_error_percent : float
        True rate off the declared one. 1.2 % is a modelling choice within the few percent that makers allow
        their oscillators.
    leg : {"left", "right"}
        The leg that wears the sensor.
    movements_per_hour : float
        Expected number of performed leg movements per hour.
    """

    duration_s: float
    name: str = "night"
    seed: int = 1
    rate_hz: int = 50
    rate_error_percent: float = 1.2
    leg: Literal["left", "right"] = "left"
    movements_per_hour: float = 30.0

    def true_rate_hz(self, declared_hz: int) -> float:
        """Rate at which the chip really samples when it declares `declared_hz`."""
        # Rounded so that 50 Hz and 1.2 % print as 50.6, not as 50.599999999999994.
        return round(declared_hz * (1.0 + self.rate_error_percent / 100.0), 9)


DEFAULT = Scenario(duration_s=8 * 3600.0)


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises
    ------
    ScenarioError
        When the file cannot be read, is not YAML, or does not describe a night.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read as a scenario ({error}).") from error
    try:
        return parse_scenario(text)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error


def parse_scenario(text: str) -> Scenario:
    """Make a `Scenario` from YAML text; errors name the line and the key."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ScenarioError(f"this is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or not isinstance(node, yaml.MappingNode):
        raise ScenarioError('expected "key: value" lines, at least "duration: 8h".')
    lines: dict[str, int] = {}
    for key, _value in node.value:
        name = str(key.value)
        if name in lines:
            raise ScenarioError(f'line {key.start_mark.line + 1}: "{name}" is there twice; keep one.')
        lines[name] = key.start_mark.line + 1
    return _scenario(values, lines)


def _scenario(values: Mapping[Any, Any], lines: Mapping[str, int]) -> Scenario:
    keys = {"duration" if field.name == "duration_s" else field.name for field in fields(Scenario)}

    def wrong(key: str, expected: str) -> ScenarioError:
        where = f"line {lines[key]}: " if key in lines else ""
        return ScenarioError(f'{where}"{key}" {expected}')

    def number(key: str, low: float, high: float, default: float) -> float:
        value = values.get(key, default)
        if not _is_number(value) or not low <= value <= high:
            raise wrong(key, f"must be a number from {low:g} to {high:g}, not {value!r}.")
        return float(value)

    for key in values:
        if key not in keys | {"scenario"}:
            raise wrong(str(key), f"is not a key of a scenario; the keys are {', '.join(sorted(keys))}.")
    version = values.get("scenario", 1)
    if version != 1 or isinstance(version, bool):
        raise wrong("scenario", f"must be 1, the version of this format, not {version!r}.")
    if "duration" not in values:
        raise ScenarioError('"duration" is missing; write for example "duration: 8h".')
    duration_s = parse_duration(values["duration"])
    if duration_s is None or not 1.0 <= duration_s <= _LONGEST_S:
        raise wrong(
            "duration",
            f'must be a time from 1s to 48h such as "7h30m", "90m" or 45, not {values["duration"]!r}.',
        )
    name = values.get("name", DEFAULT.name)
    if not isinstance(name, str) or not name.strip():
        raise wrong("name", f"must be text, not {name!r}; put it in quotes.")
    rate_hz = values.get("rate_hz", DEFAULT.rate_hz)
    if isinstance(rate_hz, bool) or rate_hz not in _RATES_HZ:
        raise wrong("rate_hz", f"must be 25, 50, 100 or 200, not {rate_hz!r}.")
    leg = values.get("leg", DEFAULT.leg)
    if leg not in ("left", "right"):
        raise wrong("leg", f"must be left or right, not {leg!r}.")
    seed = values.get("seed", DEFAULT.seed)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise wrong("seed", f"must be a whole number from 0 up, not {seed!r}.")
    return Scenario(
        duration_s=duration_s,
        name=name,
        seed=seed,
        rate_hz=int(rate_hz),
        rate_error_percent=number("rate_error_percent", -10, 10, DEFAULT.rate_error_percent),
        leg=leg,
        movements_per_hour=number("movements_per_hour", 0, 400, DEFAULT.movements_per_hour),
    )


def parse_duration(value: object) -> float | None:
    """Seconds of ``8h``, ``7h30m``, ``90m``, ``45s`` or a plain number; None when it is none of these."""
    if isinstance(value, (int, float)) and _is_number(value):
        return float(value)
    if not isinstance(value, str) or not value.strip():
        return None
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        return None
    return sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
