"""What a board file says hangs on the pins, as the emulator's microphone."""

from __future__ import annotations

from soundsdk.boards import Board
from soundsdk.errors import UsageError
from soundsdk_sim.rp2040.board import Microphone


def microphone_of(board: Board) -> Microphone:
    """The I2S microphone of a board; UsageError if it has none, or one of another kind."""
    mic = board.mic
    if mic is None or mic.kind != "i2s" or mic.sck is None or mic.ws is None or mic.sd is None:
        raise UsageError(f"the microphone of {board.name} is not one on I2S.", "Only such a one is emulated here.")
    return Microphone(mic.sck, mic.ws, mic.sd, "right" if mic.channel == "right" else "left", mic.bits or 24)
