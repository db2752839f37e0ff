"""The first hello of a board that was just written to: its port may come back late, and under another name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from soundsdk.device.address import Address
from soundsdk.device.session import Device
from soundsdk.device.transport import open_transport
from soundsdk.errors import CheckError, SoundsdkError

_POLL_S = 0.2

Found = TypeVar("Found")


def ask(place: str, timeout_s: float, question: Callable[[Device], Found]) -> Found:
    """Return question(device) of the board at a port (path or URL); raise what Device raises if no hello comes."""
    transport = open_transport(Address("url" if "://" in place else "port", place))
    try:
        return question(Device(transport, timeout_s))
    finally:
        transport.close()


def ask_when_back(
    places: Callable[[], list[str]],
    timeout_s: float,
    try_s: float,
    question: Callable[[Device], Found],
    written: str,
    hint: str,
) -> tuple[str, Found]:
    """Wait for a board; return its port and question(device), whose CheckError ends the wait.

    places: called again and again for where it may be. try_s: for one try. CheckError if there is no hello within
    timeout_s: `written` (what was done, and who is silent), the last thing that was in the way, and the hint.
    """
    end = time.monotonic() + timeout_s
    last = "its port has not come back"
    while time.monotonic() < end:
        for place in places():
            try:
                return place, ask(place, min(try_s, max(0.5, end - time.monotonic())), question)
            except CheckError:
                raise
            except SoundsdkError as error:
                last = error.message.rstrip(".")
        time.sleep(_POLL_S)
    raise CheckError(f"{written} has not said hello for {timeout_s:.0f} s: {last}.", hint)
