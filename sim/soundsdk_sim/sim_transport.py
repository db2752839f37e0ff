"""`sim:<board>` as an address: a virtual board of this process."""

from __future__ import annotations

import numpy as np

from soundsdk.boards import find_board
from soundsdk.errors import UsageError

from .live import LiveBoard
from .models import load_model


class SimTransport:
    """A soundsdk.transport.Transport to a LiveBoard, which stops with it."""

    serial_number: str | None = None

    def __init__(self, text: str, board: LiveBoard) -> None:
        self.path = f"sim:{text}"
        self._board = board

    def read(self, limit_s: float) -> bytes:
        return self._board.read(limit_s)

    def write(self, data: bytes) -> None:
        self._board.write(data)

    def close(self) -> None:
        self._board.stop()

    def reopen(self) -> SimTransport:
        return open_sim(self.path.partition(":")[2])


def open_sim(text: str) -> SimTransport:
    """sim:<board>[,file=RECORDING][,model=M]: hears the recording once, then silence; default model: home."""
    name, *options = text.split(",")
    find_board(name)
    known = dict(option.partition("=")[::2] for option in options)
    if unknown := set(known) - {"file", "model"}:
        raise UsageError(f"a virtual board has no option {sorted(unknown)[0]}.", "It has file= and model=.")
    detector = load_model(known.get("model"))
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    sound = np.zeros(0, np.int16)
    if "file" in known:
        from soundsdk.audio import read

        sound = read(known["file"], rate_hz)
    return SimTransport(text, LiveBoard(detector.data, sound, rate_hz, {"board": name}))
