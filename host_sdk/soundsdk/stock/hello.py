"""Waits for a board to say hello after soundsdk was put onto it, and finds out why it does not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from soundsdk.device.connection import CommandRejected
from soundsdk.device.first_hello import ask_when_back
from soundsdk.device.messages import Hello
from soundsdk.device.session import Device
from soundsdk.errors import CheckError, SoundsdkError
from soundsdk.stock.payload import Payload

_TRY_S = 5.0


def wait_for_hello(places: Callable[[], list[str]], timeout_s: float) -> tuple[str, Hello]:
    """Return the port and the hello of a board that hears. places: called again and again for where it may be.

    CheckError if it does not come within timeout_s, with the last thing that was in the way, or if the board says that
    its detector does not start.
    """
    return ask_when_back(
        places,
        timeout_s,
        _TRY_S,
        _checked,
        "the files are on the board, but it",
        "See what it prints: mpremote reset sleep 1 repl",
    )


def compare(hello: Hello, files: Payload, put: str, hint: str) -> None:
    """Raise CheckError if a board runs something else than what was put onto it. put: such as "installed"."""
    if (hello.board, hello.fw) != (files.board.id, files.fw):
        raise CheckError(
            f"the board that answers is {hello.board} with {hello.fw}, and {files.board.id} with {files.fw} was "
            f"{put}.", hint
        )  # fmt: skip
    wanted = hashlib.sha256(files.detector.data).hexdigest()
    if hello.sha256 != wanted:
        raise CheckError(
            f"the board runs {hello.model} ({hello.sha256[:12]}), and {files.detector.name} ({wanted[:12]}) was "
            f"{put}.", "Try it again."
        )  # fmt: skip


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
