"""The address scheme `sim:<board>`: a virtual board in this process."""

from __future__ import annotations

from typing import Any

import numpy as np

from soundsdk.boards import find_board
from soundsdk.device.transport import Transport
from soundsdk.errors import UsageError
from soundsdk.models.shipped import load_model
from soundsdk_sim.faults import Faulty, Noise
from soundsdk_sim.live import LiveBoard


class SimTransport:
    """A soundsdk.device.transport.Transport to a LiveBoard, which stops when the transport closes."""

    serial_number: str | None = None

    def __init__(self, text: str, board: LiveBoard) -> None:
        self.path = f"sim:{text}"
        self._board = board

    @property
    def sound_over(self) -> bool:
        """Return True once the board's recording is over, and silence follows."""
        return self._board.sound_over

    def read(self, timeout_s: float) -> bytes:
        """Return what the board has sent, waiting at most timeout_s for the first byte."""
        return self._board.read(timeout_s)

    def write(self, data: bytes) -> None:
        """Send bytes to the board."""
        self._board.write(data)

    def close(self) -> None:
        """Switch the board off."""
        self._board.stop()

    def reopen(self) -> Transport:
        """Start such a board again."""
        return open_sim(self.path.partition(":")[2])


_OPTIONS = {
    "file": str, "model": str, "noise": float, "noise_out": float, "seed": int, "unplug_read": int,
    "unplug_written": int, "bytes_s": float,
}  # fmt: skip


def _whole(words: list[str]) -> list[str]:
    """Return the options of words that commas divide: a path may have commas itself."""
    out: list[str] = []
    for word in words:
        path = out and out[-1].startswith(("file=", "model=")) and "=" not in word
        out[-1:] = [f"{out[-1]},{word}"] if path else [*out[-1:], word]
    return out


def _options(words: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for word in _whole(words):
        key, _, value = word.partition("=")
        if key not in _OPTIONS:
            raise UsageError(f"a virtual board has no option {key}.", f"It has {', '.join(_OPTIONS)}.")
        try:
            options[key] = _OPTIONS[key](value)
        except ValueError as error:
            raise UsageError(f"{word} of a virtual board is not a number.", f"Write {key}=0, for example.") from error
    return options


def _noise(share: float, seed: int) -> Noise:
    """Return noise of which a third each is replaced, dropped and doubled."""
    if not 0 <= share <= 1:
        raise UsageError(f"the noise of a virtual board is a share of its bytes, not {share:g}.", "Give 0 to 1.")
    return Noise(share / 3, share / 3, share / 3, seed)


def open_sim(text: str) -> Transport:
    """Open sim:<board>[,OPTION=VALUE...], a virtual board in this process.

    file: a recording its microphone delivers once, then silence; model: its detector (default: home). Faults, see
    faults.Faulty: noise, noise_out (share of the bytes that are damaged), seed, unplug_read, unplug_written, bytes_s.
    """
    if not text:
        raise UsageError("sim: is incomplete: nothing follows the colon.", "Such as sim:rpi_pico.")
    name, *words = text.split(",")
    board = find_board(name)
    options = _options(words)
    seed = options.pop("seed", 0)
    detector = load_model(options.pop("model", None))
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    sound = np.zeros(0, np.int16)
    if file := options.pop("file", None):
        from soundsdk.recording.audio_file import read

        sound = read(file, rate_hz)
    for i, key in enumerate(("noise", "noise_out")):
        if key in options:
            options[key] = _noise(options[key], seed + i)
    live = LiveBoard(detector.data, sound, rate_hz, board.settings(), port=board.port)
    transport = SimTransport(text, live)
    return Faulty(transport, **options) if options else transport
