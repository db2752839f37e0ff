"""Addresses of boards: auto, id:<serial>, port:<path>, a path, rfc2217://…, socket://…, and schemes: sim:, mic:."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from soundsdk.errors import UsageError
from soundsdk.models.arguments import check_path

ENVIRONMENT = "SOUNDSDK_PORT"
# Packages register here what opens a scheme of theirs: a function from the rest of the address to a Transport.
SCHEMES = "soundsdk.address_schemes"
# What is meant by a scheme without its colon.
_WITHOUT_BOARD = {
    "sim": "A virtual board is sim:rpi_pico, or sim:rpi_pico,file=FILE; soundsdk sim FILE needs no board at all.",
    "mic": "This computer's microphone is mic: (with its colon), or soundsdk listen.",
}
_SCHEME = re.compile(r"[a-z][a-z0-9_]+")  # not COM3, nor the C of a Windows path
_EXAMPLES = {"id": "id:E6614103E7452D2F", "port": "port:/dev/ttyACM0"}


@dataclass(frozen=True)
class Address:
    """One board by name.

    kind: auto, id, port, url, or a registered scheme. value: a USB serial number, a path, a URL, what the scheme opens;
    empty for auto.
    """

    kind: str
    value: str = ""

    def __str__(self) -> str:
        return {"auto": "auto", "url": self.value, "port": self.value}.get(self.kind, f"{self.kind}:{self.value}")

    @property
    def is_scheme(self) -> bool:
        """True for an address of a registered scheme, behind which there is no port."""
        return self.kind not in ("auto", "id", "port", "url")


def parse(text: str | os.PathLike[str] | None) -> Address:
    """Parse an address; without one, SOUNDSDK_PORT, else auto. UsageError if it is malformed."""
    if text is not None and not isinstance(text, str):
        text = check_path(text, "the address of a board")
    words = (text if text is not None else os.environ.get(ENVIRONMENT, "")).strip() or "auto"
    if words == "auto":
        return Address("auto")
    head, colon, rest = words.partition(":")
    if colon and head in _EXAMPLES and not rest:
        raise UsageError(f"{words} is incomplete: nothing follows the colon.", f"Such as {_EXAMPLES[head]}.")
    if colon and (head in _EXAMPLES or scheme_opener(head)):
        return Address(head, rest)  # what may follow a scheme, its opener knows
    if head in ("rfc2217", "socket") and rest.startswith("//"):
        return Address("url", words)
    if "://" in words:
        raise UsageError(
            f"soundsdk does not support {head}:// addresses.", "Give rfc2217://HOST:PORT or socket://HOST:PORT."
        )
    if colon and _SCHEME.fullmatch(head):
        raise UsageError(
            f"no installed package opens {head}: addresses.", "Check the spelling, or write port: before a path."
        )
    there = os.path.exists(words) and not os.path.isdir(words)
    if words in _WITHOUT_BOARD and not there and scheme_opener(words):
        raise UsageError(f"{words} is no port: an address begins with {words}:.", _WITHOUT_BOARD[words])
    return Address("port", words)


def scheme_opener(scheme: str) -> Callable[[str], Any] | None:
    """Return the function that opens addresses of a registered scheme; None if no package has registered it."""
    found = next(iter(entry_points(group=SCHEMES, name=scheme)), None)
    opener: Callable[[str], Any] | None = found.load() if found else None
    return opener
