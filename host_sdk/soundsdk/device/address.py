"""How a person names a board: auto, id:<serial>, port:<path>, a path, rfc2217://…, socket://…, sim:<board>."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from soundsdk.errors import UsageError

Kind = Literal["auto", "id", "port", "url", "sim"]
ENVIRONMENT = "SOUNDSDK_PORT"


@dataclass(frozen=True)
class Address:
    """kind and what follows it: a USB serial number, a path, a URL, a board's id; empty for auto."""

    kind: Kind
    value: str = ""

    def __str__(self) -> str:
        return {"auto": "auto", "url": self.value, "port": self.value}.get(self.kind, f"{self.kind}:{self.value}")


def parse(text: str | None) -> Address:
    """Reads an address; without one SOUNDSDK_PORT, else auto. UsageError if it says nothing."""
    words = (text if text is not None else os.environ.get(ENVIRONMENT, "")).strip() or "auto"
    if words == "auto":
        return Address("auto")
    head, colon, rest = words.partition(":")
    if colon and head in ("id", "port", "sim"):
        if not rest:
            raise UsageError(f"{words} names nothing.", f"Give {head}: and what is meant, such as {_EXAMPLES[head]}.")
        return Address(head, rest)  # type: ignore[arg-type]
    if head in ("rfc2217", "socket") and rest.startswith("//"):
        return Address("url", words)
    if "://" in words:
        raise UsageError(f"soundsdk does not speak {head}.", "Give rfc2217://HOST:PORT or socket://HOST:PORT.")
    return Address("port", words)


_EXAMPLES = {"id": "id:E6614103E7452D2F", "port": "port:/dev/ttyACM0", "sim": "sim:sim"}
