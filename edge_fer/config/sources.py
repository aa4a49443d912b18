"""What is said about the configuration, and where: config.yaml, the environment and the command line in one mapping.

Nothing here knows a key; `config` checks what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from edge_fer.errors import ConfigError

ENVIRONMENT_PREFIX = "EDGE_FER__"

Origins = dict[tuple[str, ...], str]
"""Keys from the outermost section inwards → the variable or command line that set them; without what the file set."""


def merged(
    path: Path | None, environment: Mapping[str, str], flags: Mapping[str, object]
) -> tuple[dict[str, Any], Origins]:
    """Values by section and key, the later of file, environment and flags beating the earlier.

    Args:
        path: config.yaml, or None for nothing.
        environment: Variables, those with ENVIRONMENT_PREFIX are read: EDGE_FER__CAMERA__FPS=10.
        flags: Values by dotted key, such as {"camera.source": "clip.avi"}.

    Raises:
        ConfigError: The file cannot be read or is no YAML mapping, or a variable is no YAML value.
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
        raise ConfigError(f"{path}: no such file", "give --config the path of your config.yaml") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", "check the file's permissions") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = " ".join(str(error).split())
        raise ConfigError(f"{path}: is no valid YAML: {first}", "check indentation and colons at that line") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold sections such as 'camera:'", "start from the config.yaml that ships")
    return {key: {} if section is None else section for key, section in values.items()}


def _parse_scalar(name: str, text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: {text!r} is no value", "quote it as in YAML") from error


def _set(values: dict[str, Any], keys: tuple[str, ...], value: object) -> None:
    *sections, last = keys
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            return  # the file's own mistake at this key is what validation will report
        values = inner
    values[last] = value
