"""Files of settings as TOML tables: found by name or path, and each laid over the file that it builds on."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soundsdk.errors import UsageError
from soundsdk.given_text import parse, read_text
from soundsdk.resources import configs_dir

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the same parser under its older name
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

BASE = "base"  # the key of a file that names the settings it builds on
_MOST_BASES = 8


def find_settings(name_or_path: str | Path, beside: Path | None = None) -> Path:
    """Return the path of a settings file: a path as it is, a bare name below those that come with soundsdk.

    beside: the folder that a relative path starts from, if not the working folder. UsageError for a name that none has.
    """
    path = Path(name_or_path)
    here = path if beside is None else beside / path
    if path.suffix or path.name != str(name_or_path) or here.is_file():
        return here
    known = configs_dir() / f"{path.name}.toml"
    if known.is_file():
        return known
    names = ", ".join(sorted(p.stem for p in configs_dir().glob("*.toml")))
    raise UsageError(f"there are no settings {path.name}.", f"Give a TOML file or one of: {names}.")


def tables_in(path: str | Path | None) -> dict[str, Any]:
    """Return what a settings file says, over what the files say that it builds on; {} for None.

    `base = "home"` at the top of a file names another, by the name of shipped settings or a path from the file's own
    folder. Tables are merged key by key, all else is replaced. UsageError for a file that cannot be read or is no TOML,
    and for bases that end nowhere.
    """
    if path is None:
        return {}
    file, layers = find_settings(path), []
    while True:
        table = _read(file)
        base = table.pop(BASE, None)
        layers.append(table)
        if base is None:
            break
        if not isinstance(base, str) or not base:
            raise UsageError(f"{file}: {BASE} must be a name or a path.", 'Write it as base = "home".')
        if len(layers) > _MOST_BASES:
            raise UsageError(f"{path} builds on more than {_MOST_BASES} files.", "Does one build on itself?")
        file = find_settings(base, file.parent)
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        merged = _over(merged, layer)
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        text = read_text(path)
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"the settings file {path} cannot be read: {why}.", "Give a TOML file.") from error
    except ValueError as error:  # too large, not UTF-8, or a path that no file can have
        raise UsageError(f"the settings file {path} cannot be read: {error}.", "Give a TOML file in UTF-8.") from error
    try:
        return parse(tomllib.loads, text)
    except ValueError as error:
        raise UsageError(f"{path} is not valid TOML: {error}.", "Correct that line.") from error


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of both, where they share one those of above; tables in both are merged."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
