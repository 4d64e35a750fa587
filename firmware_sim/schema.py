"""The scenario language as a JSON Schema, so that an editor can complete and check a scenario file."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from firmware_sim.scenario import ADAPTER
from firmware_sim.vocabulary import Spread


def schema_text() -> str:
    """Return the JSON Schema (draft 2020-12) of scenario files, from the rules that files are read by."""
    schema = ADAPTER.json_schema(schema_generator=_ForEditors)
    schema = {"$schema": _ForEditors.schema_dialect, "title": "Scenario of a simulated night", **schema}
    schema["properties"] = {
        "scenario": {"const": 1, "description": "Version of the scenario language."},
        **schema["properties"],
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


class _ForEditors(GenerateJsonSchema):
    """The schema that pydantic generates, adapted to scenario files."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """Leave the titles out: they only repeat the keys."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave a default out that a file cannot have: a whole part, or none at all."""
        if isinstance(schema.get("default"), (str, int, float, Spread)):
            return super().default_schema(schema)
        return self.generate_inner(schema["schema"])

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Let either half of a spread be left out, as the reader does."""
        written = super().dataclass_schema(schema)
        if schema["cls"] is Spread:
            del written["required"]
        return written
