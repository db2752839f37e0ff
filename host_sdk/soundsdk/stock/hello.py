"""Waits for a board to say hello after it was installed, and finds out why it does not."""

from __future__ import annotations

from collections.abc import Callable

from soundsdk.device.connection import CommandRejected
from soundsdk.device.first_hello import ask_when_back
from soundsdk.device.messages import Hello
from soundsdk.device.session import Device
from soundsdk.errors import CheckError, SoundsdkError

_TRY_S = 5.0


def wait_for_hello(place: Callable[[], str], timeout_s: float) -> Hello:
    """Return the hello of a board that hears. place: called again and again for its port (a path or a URL).

    CheckError if it does not come within timeout_s, with the last thing that was in the way, or if the board says that
    its detector does not start.
    """
    return ask_when_back(
        lambda: [place()],
        timeout_s,
        _TRY_S,
        _checked,
        "the files are on the board, but it",
        "See what it prints: mpremote reset sleep 1 repl",
    )[1]


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
