"""A stand-in for the package sounddevice: microphones that hear arrays, as PortAudio delivers sound."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

_WAIT_S = 0.01


class PortAudioError(Exception):
    """The error of everything that PortAudio refuses."""


@dataclass
class FakeMicrophone:
    """A microphone. sound: int16, (frames,) or (frames, channels), at the rate it is opened with, delivered at once.

    rates_hz, channels: what it can be opened with. lost: {number of a block: frames that are missing before it}. ends:
    it is unplugged after the sound; otherwise silence follows. clock: PortAudio says when a block began.
    """

    sound: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))
    name: str = "Fake Microphone"
    rate_hz: int = 16000  # its own
    rates_hz: tuple[int, ...] = (16000,)
    channels: tuple[int, ...] = (1,)
    lost: dict[int, int] = field(default_factory=dict)
    ends: bool = False
    clock: bool = True
    block_frames: int = 480
    system: int = 0
    delivered: threading.Event = field(default_factory=threading.Event)  # set after the sound


class _Stream:
    def __init__(self, microphone: FakeMicrophone, samplerate: int, channels: int, callbacks: tuple[Any, Any]) -> None:
        self._microphone, self._rate_hz, self._channels = microphone, samplerate, channels
        self._callback, self._finished = callbacks
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        microphone, frame, size = self._microphone, 0, self._microphone.block_frames
        sound = microphone.sound.reshape(-1, self._channels)
        for number, start in enumerate(range(0, len(sound), size)):
            block = sound[start : start + size]
            frame += microphone.lost.get(number, 0)
            self._deliver(block, frame, number in microphone.lost)
            frame += len(block)
        microphone.delivered.set()
        while not microphone.ends and not self._stop.wait(_WAIT_S):
            self._deliver(np.zeros((size, self._channels), np.int16), frame, False)
            frame += size
        self._finished()

    def _deliver(self, block: np.ndarray, frame: int, overflow: bool) -> None:
        began_s = 5.0 + frame / self._rate_hz if self._microphone.clock else 0.0
        moment, status = SimpleNamespace(inputBufferAdcTime=began_s), SimpleNamespace(input_overflow=overflow)
        self._callback(np.ascontiguousarray(block).tobytes(), len(block), moment, status)


def fake_sounddevice(*microphones: FakeMicrophone, default: int = 0) -> SimpleNamespace:
    """Return a module like sounddevice with these microphones; the first is the default, behind a loudspeaker."""
    loudspeaker = {"name": "Loudspeaker", "hostapi": 0, "max_input_channels": 0, "default_samplerate": 44100.0}
    devices: list[dict[str, Any]] = [loudspeaker]
    for one in microphones:
        devices.append({
            "name": one.name, "hostapi": one.system, "max_input_channels": max(one.channels),
            "default_samplerate": float(one.rate_hz),
        })  # fmt: skip

    def check_input_settings(*, device: int, channels: int, dtype: str, samplerate: int) -> None:
        assert dtype == "int16"
        if samplerate not in microphones[device - 1].rates_hz:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")
        if channels not in microphones[device - 1].channels:
            raise PortAudioError("Invalid number of channels [PaErrorCode -9998]")

    def raw_input_stream(
        *, device: int, samplerate: int, channels: int, dtype: str, callback: Any, finished_callback: Any
    ) -> _Stream:
        check_input_settings(device=device, channels=channels, dtype=dtype, samplerate=samplerate)
        return _Stream(microphones[device - 1], samplerate, channels, (callback, finished_callback))

    module = SimpleNamespace(looked_again=0)

    def look_again() -> None:
        module.looked_again += 1

    vars(module).update(
        _terminate=lambda: None,
        _initialize=look_again,
        PortAudioError=PortAudioError,
        query_devices=lambda: devices,
        query_hostapis=lambda: [{"name": "Sounds"}, {"name": "Old Sounds"}],
        default=SimpleNamespace(device=[default + 1 if microphones else -1, 0]),
        check_input_settings=check_input_settings,
        RawInputStream=raw_input_stream,
    )
    return module
