"""The address schemes `mic:` and `listen:`: a virtual board in this process that hears a real microphone.

mic: is this computer's default microphone with the default detector; mic:2,model=my.tflite another one by its number in
`soundsdk listen --list` (or by its name, or a part of it) with another detector. listen:PORT[,model=DETECTOR] is the
microphone of the board at PORT, which sends its sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from soundsdk.device.transport import ConnectionLost, Transport
from soundsdk.errors import DeviceError, ProtocolError, UsageError
from soundsdk.models.shipped import load_model
from soundsdk_sim.live import LiveBoard

if TYPE_CHECKING:
    from soundsdk.detector_file import DetectorFile
    from soundsdk.recording.computer_microphone import HeardBlock

BOARD = "computer"  # in hello
_MODEL = ",model="


class OpenMicrophone(Protocol):
    """A microphone that is heard: ComputerMicrophone, BoardMicrophone."""

    lost: int

    def read(self, timeout_s: float) -> HeardBlock | None:
        """Return the next block, None if none came; ConnectionLost if there will be none."""

    def wait(self, timeout_s: float) -> None:
        """Wait until a block is there, at most timeout_s."""

    def close(self) -> None:
        """Close it."""


class HeardSound:
    """A LiveSource that hears a microphone. approximate: see soundfw.mic.microphone."""

    def __init__(self, microphone: OpenMicrophone) -> None:
        self._microphone = microphone
        self.approximate = getattr(microphone, "approximate", False)
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


class HearingTransport:
    """A soundsdk.device.transport.Transport to a LiveBoard that hears a microphone; both stop when it closes.

    Its first line of text, `first`, says which microphone it is. board: the name in hello.
    """

    serial_number: str | None = None

    def __init__(self, path: str, microphone: OpenMicrophone, detector: DetectorFile, board: str, first: str) -> None:
        self.path = path
        self._microphone = microphone
        self._first = f"{first}\n".encode()
        self._sound = HeardSound(microphone)
        self._board = LiveBoard(detector.data, self._sound, _rate_hz(detector), {"board": board})

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
        scheme, _, text = self.path.partition(":")
        return open_mic(text, again=True) if scheme == "mic" else _reopen_board(text)


def _rate_hz(detector: DetectorFile) -> int:
    return int(detector.metadata["frontend"]["rate_hz"])


def open_mic(text: str, again: bool = False) -> Transport:
    """Open mic:[NAME|NUMBER][,model=DETECTOR].

    ToolError without the packages of soundsdk[listen], DeviceError if there is no such microphone, UsageError for a
    recording. again: look for microphones that were plugged in meanwhile.
    """
    from soundsdk.recording.computer_microphone import ComputerMicrophone, check_no_recording, look_again

    if again:
        look_again()
    name, _, model = text.partition(_MODEL)
    check_no_recording(name, "mic:")
    detector = load_model(model or None)
    microphone = ComputerMicrophone(name, _rate_hz(detector), "mic:")
    return HearingTransport(f"mic:{text}", microphone, detector, BOARD, microphone.sentence)


def open_board(text: str) -> Transport:
    """Open listen:PORT[,model=DETECTOR]. Raises what the opening of a board raises."""
    from soundsdk_sim.board_microphone import BoardMicrophone

    where, _, model = text.partition(_MODEL)
    if not where:
        raise UsageError("listen: is incomplete: nothing follows the colon.", "Such as listen:/dev/ttyACM1.")
    detector = load_model(model or None)
    microphone = BoardMicrophone(where, _rate_hz(detector))
    sentence = microphone.sentence(str(detector.metadata["name"]))
    return HearingTransport(f"listen:{text}", microphone, detector, microphone.board, sentence)


def _reopen_board(text: str) -> Transport:
    try:
        return open_board(text)
    except ProtocolError as error:  # it has not started yet
        raise DeviceError(str(error), error.hint) from error
