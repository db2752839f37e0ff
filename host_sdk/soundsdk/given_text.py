"""Text that others wrote, of a file or a board: read to a bound, and parsed so that every fault is a ValueError."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

MOST_BYTES = 4 * 1024 * 1024
Parsed = TypeVar("Parsed")


def read_text(path: Path, most_bytes: int = MOST_BYTES) -> str:
    """Return the text of a file in UTF-8, without the mark (BOM) that some editors put first.

    OSError if it cannot be read; ValueError if it is larger than most_bytes, as a device without an end is, or no text.
    """
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes} bytes")
    return data.decode("utf-8-sig")


def parse(parser: Callable[[str], Parsed], text: str) -> Parsed:
    """Return what a parser such as json.loads makes of a text; ValueError, also where that ends in another error."""
    try:
        return parser(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        if "int_max_str_digits" in str(error):  # Python's bound, with the name of a function that raises it
            raise ValueError("a number in it has too many digits") from error
        raise


def parse_json(text: str) -> Any:
    """Return what a JSON text says; ValueError if it is none, is nested too deeply or has numbers without end."""
    return parse(json.loads, text)
