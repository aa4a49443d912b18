"""The JSON Schemas (draft 2020-12) of the payloads, generated from their models for servers in any language."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from edge_fer.protocol.payloads import MODELS


class _Generator(GenerateJsonSchema):
    """Without a title for each field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def json_schemas() -> dict[str, str]:
    """Name, such as "face" → the text of schemas/face.json."""
    return {kind.rpartition("/")[2]: _text(kind) for kind in MODELS}


def _text(kind: str) -> str:
    schema = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:edge_fer:{kind.rpartition('/')[2]}:1",
        **MODELS[kind].model_json_schema(schema_generator=_Generator),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
