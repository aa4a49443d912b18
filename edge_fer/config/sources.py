"""The three sources of configuration, config.yaml, environment and command line, merged into one mapping.

Nothing here knows a key: `config.schema` checks the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from edge_fer.errors import ConfigError

ENVIRONMENT_PREFIX = "EDGE_FER__"

Origins = dict[tuple[str, ...], str]
"""Keys from the outermost section inwards → the variable or flag that set them; without those set by the file."""


def merged(
    path: Path | None, environment: Mapping[str, str], flags: Mapping[str, object]
) -> tuple[dict[str, Any], Origins]:
    """Values by section and key; environment variables override the file, flags override both.

    Args:
        path: config.yaml, or None for nothing.
        environment: Variables; those that start with ENVIRONMENT_PREFIX count: EDGE_FER__CAMERA__FPS=10.
        flags: Values by dotted key, such as {"camera.source": "clip.avi"}.

    Raises:
        ConfigError: The file cannot be read or is not a YAML mapping, or a variable is not a YAML value.
    """
    values = _read_yaml(path) if path else {}
    origins: Origins = {}
    for name, text in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX):
            keys = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
            _set(values, keys, _parse_scalar(name, text))
            origins[keys] = name
    for dotted, value in flags.items():
        keys = tuple(dotted.split("."))
        _set(values, keys, value)
        origins[keys] = "command line"
    return values, origins


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file", "use --config with the path of your config.yaml") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", "check the file's permissions") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = " ".join(str(error).split())
        raise ConfigError(f"{path}: not valid YAML: {first}", "check indentation and colons in that line") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must contain sections such as 'camera:'", "start from the shipped config.yaml")
    return {key: {} if section is None else section for key, section in values.items()}


def _parse_scalar(name: str, text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: {text!r} is not a valid YAML value", "quote it as in YAML") from error


def _set(values: dict[str, Any], keys: tuple[str, ...], value: object) -> None:
    *sections, last = keys
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            return  # validation will report the file's error at this key
        values = inner
    values[last] = value
