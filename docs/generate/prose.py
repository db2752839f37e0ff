"""Docstrings and help texts as Markdown: paragraphs of prose, and what is indented in them as code."""

from __future__ import annotations

import inspect
import re
from html import escape

_CODE = re.compile(r"(`[^`]*`)")


def escaped(text: str) -> str:
    """Return text with the characters escaped that Markdown takes for its own, outside of `code`."""
    parts = _CODE.split(text)
    return "".join(p if i % 2 else re.sub(r"([*|\[\]])", r"\\\1", escape(p, False)) for i, p in enumerate(parts))


def prose(docstring: str | None) -> str:
    """Return a docstring as Markdown, with an empty line after it; "" for none."""
    if not docstring:
        return ""
    out: list[str] = []
    for part in inspect.cleandoc(docstring.replace("\b", "")).split("\n\n"):
        lines = part.strip("\n").splitlines()
        if all(line.startswith("    ") for line in lines):
            out.append(code("text", "\n".join(line[4:] for line in lines)))
        elif any(line.startswith("    ") for line in lines):
            out.append(code("python", "\n".join(lines)))
        elif len(lines) > 1 and all(line.startswith("- ") for line in lines[:1]):
            out.append("\n".join(escaped(line) for line in lines))
        else:
            out.append(escaped("\n".join(lines)))
    return "\n\n".join(out) + "\n\n"


def code(language: str, text: str) -> str:
    """Return a block of code, marked as generated."""
    return f"<!-- generated -->\n```{language}\n{text}\n```"
