"""Waits for a board to say hello after it was installed, and finds out why it does not."""

from __future__ import annotations

import time
from collections.abc import Callable

from soundsdk.device.address import Address
from soundsdk.device.connection import CommandRejected
from soundsdk.device.messages import Hello
from soundsdk.device.session import Device
from soundsdk.device.transport import open_transport
from soundsdk.errors import CheckError, SoundsdkError

_TRY_S = 5.0
_POLL_S = 0.2


def wait_for_hello(place: Callable[[], str], timeout_s: float) -> Hello:
    """Return the hello of a board that hears. place: called again and again for its port (a path or a URL).

    CheckError if it does not come within timeout_s, with the last thing that was in the way, or if the board says that
    its detector does not start.
    """
    end = time.monotonic() + timeout_s
    last = "its port has not come back"
    while (left := end - time.monotonic()) > 0:
        where = place()
        try:
            transport = open_transport(Address("url" if "://" in where else "port", where))
            try:
                return _checked(Device(transport, min(_TRY_S, max(0.5, left))))
            finally:
                transport.close()
        except CheckError:
            raise
        except SoundsdkError as error:
            last = error.message.rstrip(".")
        time.sleep(_POLL_S)
    raise CheckError(
        f"the files are on the board, but it has not said hello for {timeout_s:.0f} s: {last}.",
        "See what it prints: mpremote reset sleep 1 repl",
    )


def _checked(device: Device) -> Hello:
    """Return the hello of a board; CheckError with the board's own words if it is in safe mode."""
    if device.hello.sha256:
        return device.hello
    why = "it does not say why"
    try:
        device.status()
    except CommandRejected as error:
        why = f"{error.detail} ({error.code})"
    except SoundsdkError as error:
        why = error.message.rstrip(".")
    raise CheckError(
        f"soundfw runs on the board, but the detector does not start: {why}.",
        "Check the microphone's pins, or take a smaller detector.",
    )
