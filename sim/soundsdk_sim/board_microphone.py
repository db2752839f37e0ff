"""The microphone of a board that sends its sound over its port, for a detector on this computer.

Any board of soundsdk can, those that run a detector of their own included; a board without native code does nothing
else (soundfw.sender).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.device import audio_lines
from soundsdk.device.messages import Ack, Audio
from soundsdk.device.session import Device
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import ModelError, SoundsdkError
from soundsdk.recording.computer_microphone import HeardBlock
from soundsdk.recording.recorder import best_bits

if TYPE_CHECKING:
    import soundcore

QUEUE_S = 10  # of sound that waits here; then the port is left to fill
_READ_S = 0.1


class BoardMicrophone:
    """A board that records without end, open. where: its address.

    approximate: the board derives its losses from a clock. Raises what Device.open() and a recording raise, and
    ModelError if its rate is not the detector's.
    """

    def __init__(self, where: str, rate_hz: int) -> None:
        self._device = Device.open(where)
        try:
            hello = self._device.hello
            if hello.rate_hz and hello.rate_hz != rate_hz:
                where = self._device.transport.path
                raise ModelError(
                    f"the board at {where} hears at {hello.rate_hz} Hz, the detector at {rate_hz} Hz.",
                    "Choose a detector of that rate with -m.",
                )
            self.board = hello.board
            self.approximate = hello.extra.get("lost_approximate") is True
            # A slow line carries no plain samples; a board without soundcore sends them whatever is asked for.
            self._bits = 3 if best_bits(self._device) == 3 else 16
            self._restarts = self._device.counts.restarts
            self._gain = _gain(hello.extra)
            audio_lines.start(self._device, audio_lines.MAX_BOARD_S, self._bits)
        except BaseException:
            self._device.close()
            raise
        self.path = self._device.transport.path
        self.lost = 0  # samples, of the blocks read so far
        self._limit = QUEUE_S * rate_hz
        self._end = -1  # position after the newest sample
        self._lock = threading.Condition()
        self._queue: deque[HeardBlock] = deque()
        self._queued = 0
        self._failure: SoundsdkError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def sentence(self, detector: str) -> str:
        """Return a sentence on what runs where."""
        sends = f"{self.board} at {self.path} sends its sound"
        if self._bits != 16:
            sends += f" in {self._bits} bits a sample"
        if self.approximate:
            sends += ", and counts its losses by the clock"
        return f"the detector {detector} runs on this computer: {sends}"

    def _run(self) -> None:
        """Receive the sound; it runs in a thread of its own."""
        try:
            self._receive()
        except SoundsdkError as error:
            with self._lock:
                self._failure = error
                self._lock.notify_all()

    def _receive(self) -> None:
        device = self._device
        heard_at = time.monotonic()
        while not self._stop.is_set():
            item = device.read(_READ_S)
            if device.counts.restarts != self._restarts:
                raise ConnectionLost(f"the board at {self.path} has restarted.", "It is opened again.")
            if isinstance(item, Audio):
                # One wrong position far ahead makes all later lines old ones: that is a silence too.
                if self._keep(item.at, audio_lines.decode(item)):
                    heard_at = time.monotonic()
            elif isinstance(item, Ack) and item.re == "record.done":
                device.request("record", seconds=audio_lines.MAX_BOARD_S, bits=self._bits)
            if time.monotonic() - heard_at > audio_lines.SILENCE_S:
                raise ConnectionLost(f"the board at {self.path} sends no sound.", "Reset it.")

    def _keep(self, at: int, pcm: NDArray[np.int16]) -> bool:
        """Queue the sound of a line, once there is room; return False for a line that is empty or came twice."""
        if not len(pcm) or at < self._end:
            return False
        lost = at - self._end if self._end >= 0 else 0
        self._end = at + len(pcm)
        with self._lock:
            self._lock.wait_for(lambda: self._queued < self._limit or self._stop.is_set())
            self._queue.append(HeardBlock(self._amplified(pcm), lost))
            self._queued += len(pcm)
            self._lock.notify_all()
        return True

    def _amplified(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Apply the gain and the filter of the board's settings, where the board has not."""
        if self._gain is None:
            return pcm
        out = np.empty(len(pcm), np.int16)
        self._gain.convert(pcm.astype("<i2").tobytes(), out.data)
        return out

    def wait(self, timeout_s: float) -> None:
        """Wait until a block is there, at most timeout_s."""
        with self._lock:
            self._lock.wait_for(lambda: bool(self._queue or self._failure), timeout_s)

    def read(self, timeout_s: float) -> HeardBlock | None:
        """Return the next block, waiting at most timeout_s for it; None if none came.

        ConnectionLost if the board is gone, has restarted or sends nothing.
        """
        self.wait(timeout_s)
        with self._lock:
            if self._queue:
                block = self._queue.popleft()
                self._queued -= len(block.pcm)
                self.lost += block.lost
                self._lock.notify_all()
                return block
            if self._failure is None:
                return None
            if isinstance(self._failure, ConnectionLost):
                raise self._failure
            raise ConnectionLost(str(self._failure), self._failure.hint)

    def close(self) -> None:
        """Stop the board's recording and close its port."""
        self._stop.set()
        with self._lock:
            self._lock.notify_all()
        self._thread.join(timeout=30)
        with contextlib.suppress(SoundsdkError):
            audio_lines.stop(self._device)
        self._device.close()


def _gain(members: dict[str, Any]) -> soundcore.I2sUnpacker | None:
    """Return what applies the gain and the filter that a board's hello asks for; None if it asks for none."""
    import soundcore

    shift, dc_shift = members.get("shift", 0), members.get("dc_shift", 0)
    if not (isinstance(shift, int) and isinstance(dc_shift, int) and (shift or dc_shift)):
        return None
    try:
        return soundcore.I2sUnpacker(bits=16, shift=shift, dc_shift=dc_shift)
    except soundcore.Error as error:
        raise ModelError(f"the board's microphone settings cannot be used: {error.args[1]}.") from error
