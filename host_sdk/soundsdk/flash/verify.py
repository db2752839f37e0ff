"""Checks after flashing: the board has to say hello, and its hello has to name what was flashed."""

from __future__ import annotations

from collections.abc import Callable

from soundsdk.boards import Board
from soundsdk.build.region import ImageFacts
from soundsdk.device.first_hello import ask, ask_when_back
from soundsdk.device.messages import Hello
from soundsdk.device.session import Device
from soundsdk.errors import CheckError

_TRY_S = 3.0


def greet(place: str, timeout_s: float) -> Hello:
    """Return the hello of the board at a port (path or URL); raise what Device raises if none comes in time."""
    return ask(place, timeout_s, _hello)


def wait_for_hello(places: Callable[[], list[str]], timeout_s: float) -> tuple[str, Hello]:
    """Wait for a board; return its port and its hello. places: called again and again for where it may be.

    CheckError with the last thing that was in the way if there is no hello within timeout_s.
    """
    return ask_when_back(
        places,
        timeout_s,
        _TRY_S,
        _hello,
        "the image was written, but the board",
        "Reset the board and look for it with soundsdk devices; if it stays silent, flash it again.",
    )


def _hello(device: Device) -> Hello:
    return device.hello


def compare(hello: Hello, board: Board, identity: ImageFacts | None) -> None:
    """Raise CheckError if the board is not what was flashed. identity: the facts in the image, None if it has none."""
    if hello.board != board.id:
        raise CheckError(
            f"the board that answers is a {hello.board}, not the {board.id} that was flashed.",
            "Unplug other boards and flash it again.",
        )
    if identity is not None and hello.fw != identity.fw:
        raise CheckError(
            f"the board runs firmware {hello.fw}, and {identity.fw} was flashed: the flash has not taken it.",
            "Flash it again.",
        )
    if not hello.sha256:
        raise CheckError(
            "the firmware runs, but its detector does not start.", "Find out why with soundsdk info; try --erase."
        )
    if identity is not None and hello.sha256 != identity.sha256:
        raise CheckError(
            f"the firmware is the one that was flashed, but the detector is not: the board runs {hello.model} "
            f"({hello.sha256[:12]}), and {identity.model} ({identity.sha256[:12]}) was flashed.",
            "A detector that was pushed to the board stays there: flash with --erase to remove it.",
        )
