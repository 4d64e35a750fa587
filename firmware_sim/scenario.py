"""How a scenario file is read and written, and what is wrong with one that cannot be simulated.

A scenario is a YAML file; only ``duration`` is required::

    scenario: 1              # version of this format
    name: restless
    duration: 8h             # or 7h30m, 90m, 45s, or a number of seconds
    seed: 1
    movements_per_hour: 30   # leg movements
    body: {series: {interval_s: {median: 18}}, posture_per_hour: 3}
    disturb: {breath_mg: 2}

`firmware_sim.vocabulary` is the language, and ``docs/scenarios.md`` lists every key. Any other key is refused. pydantic
checks the values; the sentences are ours.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from firmware_sim.outside import plain, read, shortened
from firmware_sim.vocabulary import (
    DEFAULT,
    Choice,
    Number,
    Rule,
    Scenario,
    Spread,
    Spreads,
    Text,
    Time,
    TimedPart,
)

_DURATION = r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?"
LARGEST = 32 << 10
"""Bytes of a scenario."""
_MOST_PARTS = 20_000
_LONGEST_LIST = 200
_DEEPEST = 6
"""No key of the language is nested deeper; a file that refers to itself has no end."""

LONGEST_TEXT = 200
_UNKNOWN_KEY = "unexpected_keyword_argument"
_KEYS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}
_NEVER = {"set", "omap", "pairs", "binary"}
"""Types that YAML knows and no scenario has."""


class ScenarioError(ValueError):
    """A scenario that cannot be simulated; the message names the key and the values that it may have."""


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises
    ------
    ScenarioError
        If the file cannot be read, is not YAML, or does not describe a night.
    """
    try:
        text = read(path, LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read as a scenario ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: cannot be read as a scenario (it is not text in UTF-8).") from error
    try:
        return parse_scenario(text)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error


def parse_scenario(text: str) -> Scenario:
    """Build a `Scenario` from YAML text.

    Raises
    ------
    ScenarioError
        If the text is not YAML, or does not describe a night; with the line and the key where there are any.
    """
    if len(text) > LARGEST:
        raise ScenarioError(f"it is longer than {LARGEST >> 10} kB, which no scenario is.")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        lines = _checked_lines(node)
        values = loader.construct_document(node)
    except RecursionError as error:
        raise ScenarioError("this is not YAML of a scenario: it is nested too deep.") from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        if isinstance(error, ScenarioError):
            raise
        raise ScenarioError(f"this is not YAML: {shortened(' '.join(str(error).split()), 300)}") from error
    if not isinstance(values, dict):
        raise ScenarioError('expected "key: value" lines, at least "duration: 8h".')
    version = values.pop("scenario", 1)
    if version != 1 or isinstance(version, bool):
        place = _place(("scenario",), lines)
        raise ScenarioError(f"{place} must be 1, the version of this format, not {_shown(version)}.")
    try:
        return ADAPTER.validate_python(_completed(values, DEFAULT))
    except ValidationError as error:
        faults = error.errors(include_url=False)
        # A misspelt key first: it explains why another is missing.
        fault = min(faults, key=lambda each: each["type"] != _UNKNOWN_KEY)
        raise ScenarioError(f"{_place(fault['loc'], lines)} {_sentence(fault)}") from error


def write_scenario(scenario: Scenario) -> str:
    """Return YAML text that reads as `scenario`, with the keys that are not at their defaults."""
    values = ADAPTER.dump_python(scenario, mode="json", by_alias=True, exclude_defaults=True)
    return yaml.safe_dump(
        {"scenario": 1, **values}, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True
    )


def check(rule: Rule) -> CoreSchema:
    """Build pydantic's check of a value, with the sentence for a value that fails it."""
    match rule:
        case Spreads(low, high):
            rules = {"median": Number(low, high), "sigma": Number(0, 1.5)}
            both = [core_schema.dataclass_field(key, check(each)) for key, each in rules.items()]
            arguments = core_schema.dataclass_args_schema("Spread", both)
            forbid = core_schema.CoreConfig(extra_fields_behavior="forbid")
            return core_schema.dataclass_schema(Spread, arguments, list(rules), slots=True, config=forbid)
        case Number(low, high, whole=True):
            inner: CoreSchema = core_schema.int_schema(ge=int(low), le=int(high), strict=True)
            expected = f"a whole number from {low:g} to {high:g}"
        case Number(low, high):
            inner = core_schema.float_schema(ge=low, le=high, allow_inf_nan=False, strict=True)
            expected = f"a number from {low:g} to {high:g}"
        case Time(low, high):
            number = core_schema.float_schema(ge=low, le=high, allow_inf_nan=False, strict=True)
            text = core_schema.str_schema(pattern=f"^{_DURATION}$", min_length=2)
            either = core_schema.union_schema([number, text])
            inner = core_schema.no_info_before_validator_function(
                _seconds, number, json_schema_input_schema=either
            )
            expected = f'a time from {low:g}s to {high / 3600:g}h such as "7h30m", "90m" or 45'
        case Choice(choices):
            # By itself a literal would let 2.0 pass for 2.
            inner = core_schema.no_info_before_validator_function(
                _refuse_bool_and_float, core_schema.literal_schema(list(choices))
            )
            expected = f"{', '.join(str(one) for one in choices[:-1])} or {choices[-1]}"
        case Text():
            inner = core_schema.str_schema(pattern=r"\S", max_length=LONGEST_TEXT, strict=True)
            expected = 'text such as "a calm night", in quotes'
        case _:
            raise TypeError(rule)
    return core_schema.custom_error_schema(inner, "rule", custom_error_message=f"must be {expected}")


Rule.build_check = staticmethod(check)


def _sentence(fault: ErrorDetails) -> str:
    """Return what is wrong, without its place."""
    value = _shown(fault["input"])
    if fault["type"] == _UNKNOWN_KEY:
        *above, key = fault["loc"]
        part = f'"{_name(above)}"' if above else "a scenario"
        known = sorted(_keys(above))
        near = get_close_matches(str(key), known, 1)
        question = f' Did you mean "{near[0]}"?' if near else ""
        return f"is not a key of {part}; the keys are {', '.join(known)}.{question}"
    if fault["type"] == "missing":
        return (
            "is missing; write for example duration: 8h." if fault["loc"] == ("duration",) else "is missing."
        )
    if fault["type"] == "dataclass_type":
        return f"must have keys of its own, not {value}."
    if fault["type"] == "tuple_type":
        return f"must be a list, each item with keys of its own, not {value}."
    return f"{fault['msg']}, not {value}."


def _place(where: tuple[int | str, ...], lines: Mapping[str, int]) -> str:
    """Return the quoted name of a key, after the line where the key, or the nearest key around it, stands."""
    around = [_name(where[:depth]) for depth in range(len(where), 0, -1)]
    line = next((f"line {lines[name]}: " for name in around if name in lines), "")
    return f'{line}"{around[0]}"'


def _name(where: Iterable[int | str]) -> str:
    """Return a key's name as the messages have it, such as ``body.bathroom[0].at``."""
    words = (f"[{at}]" if isinstance(at, int) else f".{shortened(plain(at))}" for at in where)
    return "".join(words).removeprefix(".")


def _keys(where: Iterable[int | str]) -> list[str]:
    """Return the keys that a file may have in a part."""
    kind: Any = Scenario
    for at in where:
        if isinstance(at, str):
            hint = get_type_hints(kind)[at]
            kind = (get_args(hint) or (hint,))[0]
    return [
        each.name.removesuffix("_s") if issubclass(kind, TimedPart) else each.name for each in fields(kind)
    ]


def _shown(value: object) -> str:
    """Return the Python form of a value, shortened if it is long."""
    try:
        return plain(reprlib.repr(value)[:100])
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of thousands of digits"


def _checked_lines(node: yaml.Node | None) -> dict[str, int]:
    """Return the line of each key. Aliases may repeat a part, but not without end.

    Raises
    ------
    ScenarioError
        If it is no scenario.
    """
    if not isinstance(node, yaml.MappingNode):
        raise ScenarioError('expected "key: value" lines, at least "duration: 8h".')
    if _size(node, _DEEPEST + 1, {}) > _MOST_PARTS or _merged(node, {}) > _MOST_PARTS:
        raise ScenarioError("its aliases repeat its parts thousands of times; write them out.")
    return dict(_lines(node, ""))


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _size(node: yaml.Node, depth: int, known: dict[tuple[int, int], int]) -> int:
    """Return how many parts a node has with all its aliases written out, to a depth."""
    key = id(node), depth
    if key not in known:
        known[key] = 1 + sum(_size(each, depth - 1, known) for each in _children(node)) if depth else 1
    return known[key]


def _merged(node: yaml.Node, known: dict[int, int]) -> int:
    """Return the largest number of keys that merging (``<<``) makes of a part."""
    most = 1
    waiting, seen = [node], set[int]()
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            waiting += _children(part)
            most = max(most, _keys_of(part, known))
    return most


def _keys_of(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many keys a mapping, or the mappings of a list, have after merging."""
    if id(node) not in known:
        known[id(node)] = 1  # where it merges itself
        if isinstance(node, yaml.MappingNode):
            keys = (
                _keys_of(value, known) if key.tag == "tag:yaml.org,2002:merge" else 1
                for key, value in node.value
            )
            known[id(node)] = sum(keys)
        elif isinstance(node, yaml.SequenceNode):
            known[id(node)] = sum(_keys_of(each, known) for each in node.value)
    return known[id(node)]


def _lines(node: yaml.Node, name: str, depth: int = 0) -> Iterator[tuple[str, int]]:
    """Yield each key with its line.

    Raises
    ------
    ScenarioError
        If a key is there twice, or a value is of a type that no scenario has.
    """
    line = node.start_mark.line + 1
    if depth > _DEEPEST:
        return
    if node.tag.rpartition(":")[2] in _NEVER:
        raise ScenarioError(
            f'line {line}: "{name}" is not a plain value; write numbers, text, lists or keys.'
        )
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            word = shortened(plain(str(key.value)) if isinstance(key.value, str) else "…")
            inner = f"{name}.{word}" if name else word
            line = key.start_mark.line + 1
            if key.tag not in _KEYS:
                raise ScenarioError(
                    f'line {line}: "{inner}" is not a key; keys are words such as duration or seed.'
                )
            if inner in seen:
                raise ScenarioError(f'line {line}: "{inner}" is there twice; keep one.')
            seen.add(inner)
            yield inner, line
            yield from _lines(value, inner, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        if len(node.value) > _LONGEST_LIST:
            raise ScenarioError(f'line {line}: "{name}" has more than {_LONGEST_LIST} items; leave some out.')
        for n, item in enumerate(node.value):
            inner = f"{name}[{n}]"
            yield inner, item.start_mark.line + 1
            yield from _lines(item, inner, depth + 1)


def _completed(values: Any, default: Any) -> Any:
    """Fill in the half of a spread that a file leaves out, from the spread that stands there by default."""
    if not isinstance(values, dict) or not is_dataclass(default):
        return values
    if isinstance(default, Spread):
        return asdict(default) | values
    return {key: _completed(value, getattr(default, str(key), None)) for key, value in values.items()}


def _seconds(value: object) -> object:
    """Return the seconds of ``8h``, ``7h30m``, ``90m`` or ``45s``; every other value as it is."""
    match = re.fullmatch(_DURATION, value.strip()) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        return value
    return sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True))


def _refuse_bool_and_float(value: object) -> object:
    if isinstance(value, (bool, float)):
        raise ValueError  # noqa: TRY004 (pydantic expects this one)
    return value


ADAPTER = TypeAdapter(Scenario)
"""Reads and writes scenarios by the rules of the vocabulary."""
