"""Pages of Python's interfaces, from docstrings, signatures and the comments beside fields: soundsdk and soundfw."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from prose import code, prose

import soundsdk

INTRO = """# Python library

`from soundsdk import Device`: a board at the end of a line, its events, its sound, its settings. Importing loads only
what is used. Times of events are samples since the board's start, and seconds in `time_s`.

"""
_LONGEST = 84  # of a line of code, in characters: wider ones have to be scrolled
_GROUPS = (
    ("Boards, recordings", ("discover", "detect")),
    ("A board", ("Device", "ReconnectingDevice")),
    ("asyncio", ("AsyncDevice", "AsyncReconnectingDevice")),
    ("Messages", ("Event", "Status", "Hello", "Audio", "Ack")),
    ("What methods return", ("Found", "LabelledSpan", "Take", "Piece", "Pushed")),
    ("What happens to the line", ("LinesLost", "DeviceReset", "Disconnected", "Reconnected")),
    ("Errors", ("SoundsdkError", "UsageError", "DeviceError", "ConnectionLost", "PortError", "ProtocolError",
                "CommandRejected", "CheckError", "DataError", "ModelError", "ToolError")),
)  # fmt: skip


def page() -> str:
    """Return the page of the package soundsdk; AssertionError for a public name that no group holds."""
    named = {name for _, names in _GROUPS for name in names} & set(soundsdk.__all__)
    rest = tuple(name for name in soundsdk.__all__ if name not in named and not name.startswith("__"))
    groups = [*_GROUPS, *([("More", rest)] if rest else [])]
    parts = [INTRO]
    for title, names in groups:
        parts.append(f"## {title}\n\n")
        parts += [_entry(name, getattr(soundsdk, name)) for name in names if name in soundsdk.__all__]
    return "".join(parts)


def _entry(name: str, thing: Any) -> str:
    if not isinstance(thing, type):
        return f"### {name}\n\n" + _code(f"{name}{_signature(thing)}") + prose(thing.__doc__)
    out = f"### {name}\n\n" + prose(thing.__doc__)
    if dataclasses.is_dataclass(thing):
        notes = _comments(thing)
        rows = [f"| `{f.name}` | `{_type(f.type)}` | {notes.get(f.name, '')} |" for f in dataclasses.fields(thing)]
        return out + "| field | type | |\n|---|---|---|\n" + "\n".join(rows) + "\n\n"
    if issubclass(thing, Exception):
        return out
    for key, member in _members(thing):
        if isinstance(member, property):
            out += f"**`{key}`** (property)\n\n" + prose(member.__doc__)
        else:
            function = inspect.unwrap(member.__func__ if isinstance(member, (classmethod, staticmethod)) else member)
            start = "async " if inspect.iscoroutinefunction(function) else ""
            dot = f"{name}." if isinstance(member, (classmethod, staticmethod)) else "."
            out += _code(f"{start}{dot}{key}{_signature(function)}") + prose(function.__doc__)
    return out


def _members(kind: type) -> list[tuple[str, Any]]:
    """Return the public members that a class and its parents of the project define, each once."""
    found: dict[str, Any] = {}
    for parent in kind.__mro__:
        if parent.__module__.startswith("soundsdk"):
            for key, value in vars(parent).items():
                if not key.startswith("_") and (callable(value) or isinstance(value, (property, classmethod))):
                    found.setdefault(key, value)
    return list(found.items())


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    wanted = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    return str(signature.replace(parameters=wanted)).replace("'", "")


def _type(annotation: Any) -> str:
    return str(annotation).replace("|", "\\|")


def _code(text: str) -> str:
    """Return a signature as a block, with its arguments below each other if it is long."""
    if len(text) > _LONGEST and "(" in text:
        head, _, rest = text.partition("(")
        inside, _, tail = rest.rpartition(")")
        lines = "".join(f"    {argument},\n" for argument in _arguments(inside))
        text = f"{head}(\n{lines}){tail}"
    return code("python", text) + "\n\n"


def _arguments(text: str) -> list[str]:
    """Return the arguments of a signature: commas within brackets divide none."""
    found, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [argument.strip() for argument in found]


def _comments(kind: type) -> dict[str, str]:
    """Return the comment beside each field of a class."""
    found = {}
    for line in inspect.getsource(kind).splitlines():
        match = re.match(r"    (\w+): .*?  # (.+)", line)
        if match:
            found[match[1]] = match[2].replace("|", "\\|").replace("<", "&lt;")
    return found


SOUNDFW_INTRO = """# soundfw

The firmware's own package. It runs unchanged in MicroPython 1.24 or newer and in CPython 3.10 or newer, so the same
calls work on a board's REPL and on a computer. Its modules, in the order of the sound: microphone,
stream, detector, link.

## Settings

`settings.json` in the board's file system holds any of these keys; keys that are missing keep the value of the image.

"""


_MODULES = (
    "library", "act.rules", "main", "pipeline", "mic.microphone", "detect.detector", "wire.link", "wire.framing",
    "storage.store",
)  # fmt: skip


def soundfw_page() -> str:
    """Return the page of soundfw: its settings, then what each module defines."""
    from soundfw import settings

    parts = [SOUNDFW_INTRO, _rules("", settings.SETTINGS)]
    for kind, rules in settings.MICROPHONES:
        parts.append(f"\n### `mic` of kind `{kind}`\n\n" + _rules("mic.", rules))
    parts.append("\n### Thresholds of a class\n\nIn the detector's file; `soundsdk set` changes them on a board.\n\n")
    parts.append(_rules("", settings.THRESHOLDS) + "\n")
    parts.append("### Rules of actions\n\nWhat each word of a rule may be; a rule is a text of at most "
                 f"{settings.ACTION_CHARACTERS} characters.\n\n" + _rules("", settings.ACTIONS) + "\n")
    parts.append("### `led`\n\n" + _rules("led.", settings.LED) + "\n")
    for name in _MODULES:
        parts.append(_module(importlib.import_module(f"soundfw.{name}")))
    return "".join(parts)


def _rules(where: str, rules: Any) -> str:
    lines = ["| key | default | range |", "|---|---|---|"]
    for key, default, *bound in rules:
        if len(bound) == 2:
            span = f"{bound[0]} to {bound[1]}"
        elif isinstance(bound[0], tuple):
            span = ", ".join(f"`{value}`" for value in bound[0])
        else:
            span = f"text, {bound[0]} characters at most"
        value = "required" if default is None else f"`{default}`" if default != "" else "empty"
        lines.append(f"| `{where}{key}` | {value} | {span} |")
    return "\n".join(lines) + "\n"


def _module(module: ModuleType) -> str:
    """Return a module's docstring, and signature and docstring of each public class, method and function of it."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    out = f"## {module.__name__}\n\n" + prose(ast.get_docstring(tree))
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
            out += f"### {node.name}\n\n" if isinstance(node, ast.ClassDef) else _call("", node)
            out += prose(ast.get_docstring(node))
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and (inner.name == "__init__" or inner.name[0] != "_"):
                    out += _call(node.name if inner.name == "__init__" else ".", inner)
                    out += prose(ast.get_docstring(inner))
    return out


def _call(owner: str, node: ast.FunctionDef) -> str:
    arguments = ast.unparse(node.args).removeprefix("self").removeprefix(", ")
    name = {"": node.name, ".": f".{node.name}"}.get(owner, owner)
    return _code(f"{name}({arguments})")
