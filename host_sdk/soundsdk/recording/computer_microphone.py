"""This computer's microphones, through PortAudio: which there are, and the sound of one at a detector's rate.

with ComputerMicrophone("", 16000) as microphone:
    heard = microphone.read(1.0)

What is lost on the way is counted: samples that PortAudio reports as lost, and those that nobody read in time.
"""

from __future__ import annotations

import math
import shlex
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import DeviceError, ToolError, UsageError
from soundsdk.install.packages import need
from soundsdk.install.programs import system_install_command
from soundsdk.labels import meant, printable
from soundsdk.recording.sound_files import SUFFIXES

QUEUE_S = 10  # of sound that waits to be read; more is lost, and counted
_SILENT_S = 5.0  # a microphone that sends no sample for so long is gone
_OPEN: set[int] = set()  # ids of the microphones that are open
_LIST = "List this computer's microphones with soundsdk listen --list."
_NONE = "Plug one in, or allow this program to use it. For a recording there is soundsdk sim FILE."


@dataclass(frozen=True)
class Microphone:
    """A microphone, as PortAudio lists it. number: by which it can be chosen; system: which sound system offers it."""

    number: int
    name: str
    system: str
    channels: int
    rate_hz: int  # its own; 0 where PortAudio does not know it
    default: bool


@dataclass(frozen=True)
class HeardBlock:
    """Sound of a microphone. lost: samples that are missing before it."""

    pcm: NDArray[np.int16]
    lost: int


def _portaudio(what: str) -> Any:
    need(what, "listen")
    try:
        import sounddevice
    except OSError as error:
        raise ToolError(
            f"{what} needs PortAudio, which is not installed.", f"Run {system_install_command(_package())}"
        ) from error
    return sounddevice


def look_again() -> None:
    """Let PortAudio find microphones that were plugged in after it had begun.

    It cannot while one of this program is open; then those that are known keep their numbers.
    """
    if not _OPEN:
        sounddevice = _portaudio("soundsdk listen")
        # The way that sounddevice's documentation names; it has no public one.
        try:
            sounddevice._terminate()
            sounddevice._initialize()
        except sounddevice.PortAudioError as error:
            raise _unlisted(error) from error


def _package() -> str:
    """Return the name of PortAudio's package: Debian's and its kin's ends in its version."""
    command = system_install_command("")
    return "libportaudio2" if "apt-get" in command else "portaudio"


def microphones(what: str = "soundsdk listen") -> list[Microphone]:
    """Return the microphones of this computer, the default first.

    what: what needs them, for messages. ToolError if sounddevice or PortAudio is not installed, DeviceError if
    PortAudio cannot list them.
    """
    sounddevice = _portaudio(what)
    try:
        systems = sounddevice.query_hostapis()
        devices = sounddevice.query_devices()
        default = sounddevice.default.device[0]
    except sounddevice.PortAudioError as error:
        raise _unlisted(error) from error
    found = [
        Microphone(
            number,
            printable(str(one["name"])),
            str(systems[one["hostapi"]]["name"]),
            int(one["max_input_channels"]),
            _whole_hz(one["default_samplerate"]),
            number == default,
        )
        for number, one in enumerate(devices)
        if one["max_input_channels"] > 0
    ]
    return sorted(found, key=lambda one: not one.default)


def _whole_hz(rate_hz: float) -> int:
    """Return a rate that PortAudio lists; 0 for one that it does not know, which some drivers say as NaN."""
    return round(rate_hz) if math.isfinite(rate_hz) and rate_hz > 0 else 0


def _unlisted(error: Exception) -> DeviceError:
    hint = "Check that this computer's sound works: that of the system, of the container, of this user."
    return DeviceError(f"PortAudio cannot list this computer's microphones: {_reason(error)}.", hint)


def check_no_recording(word: str, what: str) -> None:
    """Raise UsageError, with the verb that hears it, if a word names a recording where a microphone is meant.

    what: what was called.
    """
    if Path(word).suffix.lower() in SUFFIXES:
        message = f"{what} hears a microphone, and {word} is none."
        raise UsageError(message, f"For a recording: soundsdk sim {shlex.quote(word)}")


def choose_microphone(found: list[Microphone], wanted: str) -> Microphone:
    """Return the microphone with that number, that name, or a name that contains it; the default for an empty one.

    DeviceError if there is none, or more than one.
    """
    if not found:
        raise DeviceError("this computer has no microphone.", _NONE)
    if not wanted:
        return found[0]
    number, name = int(wanted) if wanted.isascii() and wanted.isdigit() else -1, wanted.casefold()
    groups = (
        [one for one in found if one.number == number],
        [one for one in found if one.name.casefold() == name],
        [one for one in found if number < 0 and name in one.name.casefold()],
    )
    same = next((group for group in groups if group), [])
    if not same:
        near = meant(wanted, [one.name for one in found])
        raise DeviceError(f"this computer has no microphone {wanted}.", f"{near}{_LIST}")
    # One microphone is there once for every sound system: the default's is meant.
    ours = [one for one in same if one.system == found[0].system] or same
    if len(ours) > 1:
        names = ", ".join(f"{one.number} ({one.name})" for one in ours)
        raise DeviceError(f"{len(ours)} microphones are called {wanted}: {names}.", "Choose one by its number.")
    return ours[0]


class ComputerMicrophone:
    """A microphone of this computer, open: mono int16 at rate_hz.

    The device delivers that rate if it offers it; else its own rate is converted (soxr, high quality) and its channels
    are averaged, as sound files are. ToolError without sounddevice or PortAudio, DeviceError if there is no such
    microphone or it cannot be used.
    """

    def __init__(self, wanted: str, rate_hz: int, what: str = "soundsdk listen") -> None:
        sounddevice = _portaudio(what)
        self.rate_hz = rate_hz
        self.lost = 0  # samples at rate_hz, of the blocks read so far
        self.microphone = choose_microphone(microphones(what), wanted)
        self.device_rate_hz, self._channels = _format(sounddevice, self.microphone, rate_hz)
        self._resampler: Any = None
        if self.device_rate_hz != rate_hz:
            import soxr

            self._resampler = soxr.ResampleStream(self.device_rate_hz, rate_hz, 1, dtype="float32")
        self._lock = threading.Condition()
        self._queue: deque[tuple[bytes, int]] = deque()
        self._queued = 0  # frames
        self._missing = 0  # frames lost since the newest block of the queue
        self._end_s = 0.0  # of the newest block, on the stream's clock; 0 if it is not known
        self._heard_at = time.monotonic()
        self._begun = False
        self._finished = False
        self._stream: Any = None
        try:
            self._stream = sounddevice.RawInputStream(
                device=self.microphone.number,
                samplerate=self.device_rate_hz,
                channels=self._channels,
                dtype="int16",
                callback=self._keep,
                finished_callback=self._finish,
            )
            self._stream.start()
            _OPEN.add(id(self))
        except sounddevice.PortAudioError as error:
            self.close()
            raise DeviceError(
                f"the microphone {self.microphone.name} cannot be used: {_reason(error)}.",
                "Close other programs that use it, or choose another: soundsdk listen --list.",
            ) from error

    @property
    def sentence(self) -> str:
        """Sentence on which microphone is heard, and at which rate."""
        name = f"listening to {self.microphone.name} at {self.device_rate_hz} Hz"
        return name if self._resampler is None else f"{name}, converted to {self.rate_hz} Hz"

    def _keep(self, data: Any, frames: int, moment: Any, status: Any) -> None:
        """Keep a block; PortAudio calls it from a thread of its own."""
        start_s = float(getattr(moment, "inputBufferAdcTime", 0.0) or 0.0)
        with self._lock:
            if status.input_overflow and self._begun:
                known = start_s and self._end_s  # PortAudio says that samples are missing; its clock, how many
                gap_s = start_s - self._end_s if known else 0.0
                self._missing += max(1, round(gap_s * self.device_rate_hz))
            self._begun = True
            self._end_s = start_s + frames / self.device_rate_hz if start_s else 0.0
            self._heard_at = time.monotonic()
            if self._queued + frames > QUEUE_S * self.device_rate_hz:
                self._missing += frames
            else:
                self._queue.append((bytes(data), self._missing))
                self._queued += frames
                self._missing = 0
            self._lock.notify_all()

    def _finish(self) -> None:
        """Note that the stream has ended."""
        with self._lock:
            self._finished = True
            self._lock.notify_all()

    def wait(self, timeout_s: float) -> None:
        """Wait until a block is there, at most timeout_s."""
        with self._lock:
            self._lock.wait_for(lambda: bool(self._queue), timeout_s)

    def read(self, timeout_s: float) -> HeardBlock | None:
        """Return the next block, waiting at most timeout_s for it; None if none came.

        ConnectionLost if the microphone is gone.
        """
        with self._lock:
            self._lock.wait_for(lambda: self._queue or self._finished, min(timeout_s, _SILENT_S))
            if not self._queue:
                if not self._finished and time.monotonic() - self._heard_at < _SILENT_S:
                    return None
                name = self.microphone.name
                raise ConnectionLost(f"the microphone {name} gives no sound.", "Check that it is plugged in.")
            data, missing = self._queue.popleft()
            self._queued -= len(data) // (2 * self._channels)
        lost = round(missing * self.rate_hz / self.device_rate_hz) if missing > 1 else missing
        self.lost += lost
        return HeardBlock(self._converted(np.frombuffer(data, np.int16)), lost)

    def _converted(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        if self._channels == 1 and self._resampler is None:
            return samples
        from soundsdk.recording.audio_file import to_int16

        mono = (samples.reshape(-1, self._channels).astype(np.float32) / 32768.0).mean(axis=1, dtype=np.float32)
        return to_int16(mono if self._resampler is None else self._resampler.resample_chunk(mono))

    def close(self) -> None:
        """Close the microphone; what has been heard and not read is dropped."""
        _OPEN.discard(id(self))
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> ComputerMicrophone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _format(sounddevice: Any, microphone: Microphone, rate_hz: int) -> tuple[int, int]:
    """Return the rate and the channels to open a microphone with: as the detector wants them, else its own."""
    error: Exception | None = None
    for rate in dict.fromkeys((rate_hz, microphone.rate_hz or rate_hz)):
        for channels in dict.fromkeys((1, microphone.channels)):
            try:
                sounddevice.check_input_settings(
                    device=microphone.number, channels=channels, dtype="int16", samplerate=rate
                )
                return rate, channels
            except (sounddevice.PortAudioError, ValueError) as reason:
                error = reason
    raise DeviceError(
        f"the microphone {microphone.name} cannot be used: {_reason(error)}.",
        "Close other programs that use it, or choose another: soundsdk listen --list.",
    ) from error


def _reason(error: Exception | None) -> str:
    """Return PortAudio's words without its codes."""
    words = str(error.args[0] if error is not None and error.args else error)
    return words.partition(" [PaErrorCode")[0].removeprefix("Error opening RawInputStream: ").strip().rstrip(".")
