"""The address scheme `mic:`: a virtual board in this process that hears this computer's microphone.

mic: is the default microphone with the default detector; mic:2,model=my.tflite another one by its number in `soundsdk
listen --list` (or by its name, or a part of it) with another detector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from soundsdk.device.transport import ConnectionLost, Transport
from soundsdk.models.shipped import load_model
from soundsdk_sim.live import LiveBoard

if TYPE_CHECKING:
    from soundsdk.recording.computer_microphone import ComputerMicrophone

BOARD = "computer"  # in hello
_MODEL = ",model="


class HeardSound:
    """A LiveSource that hears a microphone of this computer."""

    def __init__(self, microphone: ComputerMicrophone) -> None:
        self._microphone = microphone
        self._lost_before = 0
        self._rest = np.zeros(0, np.int16)
        self.failure: ConnectionLost | None = None  # the reason why there is no more sound

    @property
    def lost(self) -> int:
        """Samples lost since the board's start, before those that were read last."""
        return self._microphone.lost - self._lost_before

    def power_on(self) -> None:
        """Begin to count the losses."""
        self._lost_before = self._microphone.lost

    def readinto(self, buf: memoryview) -> int | None:
        """Fill buf as far as sound is there and return the number of bytes; None for none."""
        samples = np.frombuffer(buf, np.int16)
        done = 0
        while done < len(samples):
            if not len(self._rest):
                try:
                    block = self._microphone.read(0)
                except ConnectionLost as error:
                    self.failure = error
                    break
                if block is None:
                    break
                self._rest = block.pcm
            n = min(len(samples) - done, len(self._rest))
            samples[done : done + n] = self._rest[:n]
            self._rest = self._rest[n:]
            done += n
        return 2 * done or None

    def wait(self, timeout_s: float) -> None:
        """Wait for sound, at most timeout_s."""
        if not len(self._rest):
            self._microphone.wait(timeout_s)


class MicTransport:
    """A soundsdk.device.transport.Transport to a LiveBoard that hears a microphone; both stop when it closes.

    Its first line of text says which microphone it is, and at which rate.
    """

    serial_number: str | None = None

    def __init__(self, text: str) -> None:
        from soundsdk.recording.computer_microphone import ComputerMicrophone

        name, _, model = text.partition(_MODEL)
        detector = load_model(model or None)
        rate_hz = int(detector.metadata["frontend"]["rate_hz"])
        self.path = f"mic:{text}"
        self._microphone = ComputerMicrophone(name, rate_hz, "mic:")
        self._first = f"{self._microphone.sentence}\n".encode()
        self._sound = HeardSound(self._microphone)
        self._board = LiveBoard(detector.data, self._sound, rate_hz, {"board": BOARD})

    def read(self, timeout_s: float) -> bytes:
        """Return what the board has sent, waiting at most timeout_s for the first byte."""
        if self._first:
            first, self._first = self._first, b""
            return first
        data = self._board.read(timeout_s)
        if not data and self._sound.failure is not None:
            self._board.stop()
            data = self._board.read(0)  # what it said of the last of the sound
            if not data:
                raise self._sound.failure
        return data

    def write(self, data: bytes) -> None:
        """Send bytes to the board."""
        self._board.write(data)

    def close(self) -> None:
        """Switch the board and the microphone off."""
        self._board.stop()
        self._microphone.close()

    def reopen(self) -> Transport:
        """Start such a board again, when the microphone is back."""
        from soundsdk.recording.computer_microphone import look_again

        look_again()
        return MicTransport(self.path.partition(":")[2])


def open_mic(text: str) -> Transport:
    """Open mic:[NAME|NUMBER][,model=DETECTOR].

    ToolError without the packages of soundsdk[listen], DeviceError if there is no such microphone.
    """
    return MicTransport(text)
