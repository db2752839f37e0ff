"""Check paths that a program hands over: what is none is one sentence, not an error of Python's insides."""

from __future__ import annotations

import os

from soundsdk.errors import UsageError


def check_path(value: object, what: str) -> str:
    """Return a path as text; UsageError if it is none, empty or holds a NUL. what: such as "a detector"."""
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise UsageError(f"{what} is a name or a path, not {value!r:.80}.", 'Give text, such as "clip.wav", or a Path.')
    if not text.strip():
        raise UsageError(f"the name of {what} is empty.", "Give its name or its path.")
    if "\0" in text:
        raise UsageError(f"{what} has a NUL in its name: {text!r:.80}.", "No file can have that name.")
    return text
