"""How a scenario file is read and written, and what is wrong with one that asks for nonsense.

A scenario is a YAML file; only ``duration`` is required::

    scenario: 1              # version of this format
    name: restless
    duration: 8h             # or 7h30m, 90m, 45s, or a number of seconds
    seed: 1
    movements_per_hour: 30   # leg movements
    body: {series: {interval_s: {median: 18}}, posture_per_hour: 3}
    disturb: {breath_mg: 2}

``docs/scenarios.md`` lists every key. What is not named there is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from firmware_sim.vocabulary import (
    DEFAULT,
    Choice,
    Number,
    Part,
    Rule,
    Scenario,
    Several,
    Spread,
    Spreads,
    Text,
    Time,
)

__all__ = ["DEFAULT", "Scenario", "ScenarioError", "parse_scenario", "read_scenario", "write_scenario"]

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")

_Asked = TypeVar("_Asked")


class ScenarioError(ValueError):
    """A scenario that cannot be simulated; the message names the key and says what is expected."""


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
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ScenarioError(f"this is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or not isinstance(node, yaml.MappingNode):
        raise ScenarioError('expected "key: value" lines, at least "duration: 8h".')
    reader = _Reader(dict(_lines(node, "")))
    version = values.pop("scenario", 1)
    if version != 1 or isinstance(version, bool):
        raise reader.wrong("scenario", f"must be 1, the version of this format, not {version!r}.")
    return reader.part(Scenario, None, values, "")


def write_scenario(scenario: Scenario) -> str:
    """YAML text that reads as `scenario`, with the keys that are not at their defaults."""
    asked = {"scenario": 1, **_asked(scenario, Scenario(duration_s=-1.0))}
    return yaml.safe_dump(asked, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)


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


class _Reader:
    """Holds values to the rules of `firmware_sim.vocabulary`; `lines` says where each key stands."""

    def __init__(self, lines: Mapping[str, int]) -> None:
        self._lines = lines

    def wrong(self, key: str, expected: str) -> ScenarioError:
        where = f"line {self._lines[key]}: " if key in self._lines else ""
        return ScenarioError(f'{where}"{key}" {expected}')

    def part(self, kind: type[_Asked], default: _Asked | None, values: Any, at: str) -> _Asked:
        """Read the keys of one dataclass; the ones not there are as in `default`."""
        if not isinstance(values, dict):
            raise self.wrong(at, f"must have keys of its own, not {values!r}.")
        known = {key: (each, rule) for each, rule, key in _rules(kind)}
        of = f'of "{at}"' if at else "of a scenario"
        for key in values:
            if key not in known:
                full = f"{at}.{key}" if at else str(key)
                raise self.wrong(full, f"is not a key {of}; the keys are {', '.join(sorted(known))}.")
        read: dict[str, Any] = {}
        for key, (each, rule) in known.items():
            full = f"{at}.{key}" if at else key
            before = getattr(default, each.name, each.default)
            if key in values:
                read[each.name] = self._value(rule, before, values[key], full)
            elif before is MISSING:
                raise self.wrong(full, f"is missing{'; write for example duration: 8h' if not at else ''}.")
        return kind(**read) if default is None else replace(default, **read)  # type: ignore[type-var]

    def _value(self, rule: Rule, before: Any, value: Any, key: str) -> Any:
        match rule:
            case Part():
                return self.part(type(before), before, value, key)
            case Spreads(low, high):
                spread = self.part(Spread, before, value, key)
                self._value(Number(low, high), None, spread.median, f"{key}.median")
                return spread
            case Several(item):
                if not isinstance(value, list):
                    raise self.wrong(key, f"must be a list, each item with keys of its own, not {value!r}.")
                return tuple(self.part(item, None, one, f"{key}[{n}]") for n, one in enumerate(value))
            case Number(low, high, whole):
                if (
                    not _is_number(value)
                    or not low <= value <= high
                    or (whole and not isinstance(value, int))
                ):
                    what = "a whole number" if whole else "a number"
                    raise self.wrong(key, f"must be {what} from {low:g} to {high:g}, not {value!r}.")
                return value if whole else float(value)
            case Time(low, high):
                seconds = parse_duration(value)
                if seconds is None or not low <= seconds <= high:
                    raise self.wrong(
                        key,
                        f"must be a time from {low:g}s to {high / 3600:g}h "
                        f'such as "7h30m", "90m" or 45, not {value!r}.',
                    )
                return seconds
            case Choice(choices):
                if isinstance(value, (bool, float)) or value not in choices:
                    listed = ", ".join(str(one) for one in choices[:-1])
                    raise self.wrong(key, f"must be {listed} or {choices[-1]}, not {value!r}.")
                return value
            case Text():
                if not isinstance(value, str) or not value.strip():
                    raise self.wrong(key, f"must be text, not {value!r}; put it in quotes.")
                return value


def _lines(node: yaml.Node, at: str) -> Iterator[tuple[str, int]]:
    """Give each key with the line it stands on; refuse one that is there twice."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = f"{at}.{key.value}" if at else str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                raise ScenarioError(f'line {line}: "{name}" is there twice; keep one.')
            seen.add(name)
            yield name, line
            yield from _lines(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for n, item in enumerate(node.value):
            yield f"{at}[{n}]", item.start_mark.line + 1
            yield from _lines(item, f"{at}[{n}]")


def _asked(part: Any, default: Any) -> dict[str, Any]:
    """What of a dataclass differs from `default`, as YAML has it."""
    asked: dict[str, Any] = {}
    for each, rule, key in _rules(type(part)):
        value, plain = getattr(part, each.name), getattr(default, each.name, each.default)
        if value == plain:
            continue
        match rule:
            case Part() | Spreads():
                asked[key] = _asked(value, plain)
            case Several():
                asked[key] = [_asked(one, None) for one in value]
            case _:
                asked[key] = value
    return asked


def _rules(kind: type[Any]) -> Iterator[tuple[Field[Any], Rule, str]]:
    """Give each field of a part with its rule and its key in a file."""
    hints = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        rule = hints[each.name].__metadata__[0]
        yield each, rule, each.name.removesuffix("_s") if isinstance(rule, Time) else each.name


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
