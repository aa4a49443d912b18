"""Reading the configuration: config.yaml, environment variables and flags become one validated `Config`.

Flags override ``EDGE_FER__*`` environment variables (``EDGE_FER__CAMERA__FPS=10``), which override config.yaml, which
overrides the defaults of `config.schema`. All errors are reported at once. Relative paths are relative to config.yaml.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_fer.config import sources
from edge_fer.config.schema import Config
from edge_fer.config.sources import Origins
from edge_fer.errors import ConfigError


def load(path: Path | None, flags: Mapping[str, object] | None = None) -> Config:
    """Read, merge and check the configuration.

    Args:
        path: config.yaml, or None for the defaults.
        flags: Values from the command line by dotted key, such as {"camera.source": "clip.avi"}.

    Raises:
        ConfigError: The file is missing or not a YAML mapping, or values are wrong; the message lists all of them.
    """
    values, origins = sources.merged(path, os.environ, flags or {})
    for section in Config.model_fields:
        values.setdefault(section, {})  # so that default paths, too, become relative to the file
    try:
        return Config.model_validate(values, context={"folder": path.parent if path else Path()})
    except ValidationError as error:
        problems = [_describe(problem, path, origins) for problem in error.errors()]
        raise ConfigError(
            "\n".join(problems), "fix the keys listed above; the comments in the shipped config.yaml explain them"
        ) from error


def _describe(problem: Any, path: Path | None, origins: Origins) -> str:
    parts = tuple(str(part) for part in problem["loc"])
    keys = tuple(part for part in parts if not part.startswith(("literal[", "tuple[", "function-")))
    origin = origins.get(keys) or (str(path) if path else "defaults")
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key"
    given = "" if isinstance(problem["input"], dict) else f" (got {problem['input']!r})"
    return f"{origin}: {'.'.join(keys)}: {message}{given}"
