"""Takes for `soundsdk record`: from a board or this computer's microphone, at once or on an event, into a dataset."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundsdk.device.audio_lines import Joiner, Progress, Take, TakeInterrupted
from soundsdk.device.ports import listed
from soundsdk.device.session import Device
from soundsdk.recording.computer_microphone import ComputerMicrophone

if TYPE_CHECKING:
    from soundsdk.device.system import System

_PC_WAIT_S = 0.5


def best_bits(device: Device, system: System | None = None) -> int:
    """Return the bits per sample that the link can carry: a USB-to-serial bridge (115,200 baud) is too slow for 4.

    system: the computer whose ports are listed (default: this one).
    """
    path = device.transport.path
    bridge = any(port.kind == "bridge" and path in (port.path, port.by_id) for port in listed(system))
    return 3 if bridge else 4


def facts_of(device: Device, bits: int) -> dict[str, Any]:
    """Return the facts about the board for a sidecar."""
    hello = device.hello
    return {
        "source": "board",
        "board": hello.board,
        "serial_number": device.transport.serial_number,
        "firmware": hello.fw,
        "model": hello.model,
        "sha256": hello.sha256,
        "codec": "pcm" if bits == 16 else "adpcm",
        "bits": bits,
    }


def record_pc(seconds: int, rate_hz: int = 16000, progress: Progress | None = None) -> Take:
    """Record from this computer's default microphone, mono.

    seconds: length of the take. rate_hz: samples a second. progress: called with the samples so far and in all. Samples
    that its sound system loses are a gap. Raises MissingPackageError without sounddevice, ToolError without PortAudio,
    DeviceError if the microphone is missing or gives no sound within 5 s, and TakeInterrupted with what had arrived on
    Ctrl-C.
    """
    samples = seconds * rate_hz
    joined = Joiner()
    at = 0
    try:
        with ComputerMicrophone("", rate_hz, "--pc") as microphone:
            while at < samples:
                if (block := microphone.read(_PC_WAIT_S)) is None:
                    continue
                at += block.lost
                pcm = block.pcm[: max(0, samples - at)]
                if len(pcm):
                    joined.add(at, pcm)
                at += len(pcm)
                if progress:
                    progress(min(at, samples), samples)
    except KeyboardInterrupt:
        if not joined.pieces():
            raise
        taken = Take(0, joined.end, rate_hz, joined.pieces(), whole=False, interrupted=True)
        raise TakeInterrupted(taken) from None
    return Take(0, samples, rate_hz, joined.pieces())


def save(
    dataset: Path, label: str, take: Take, facts: dict[str, Any], *, labels: bool = False
) -> tuple[Path, list[Path]]:
    """Write a take that has just ended, labels as in write(); return the paths of its sidecar and its sound files."""
    from soundsdk.recording.dataset_files import write

    sidecar, *files = write(dataset, label, take, facts, time.time() - take.samples / take.rate_hz, labels=labels)
    return sidecar, files


def takes(
    device: Device,
    seconds: int,
    count: int,
    bits: int,
    trigger: str | None,
    pre_roll_s: float,
    progress: Progress | None = None,
) -> Generator[Take, None, None]:
    """Yield `count` takes, one after the other: at once, or one for every event of the label `trigger`."""
    from soundsdk.device.audio_lines import record, triggered

    if trigger is None:
        for _ in range(count):
            take = record(device, seconds, bits, progress)
            yield take
            if not take.whole:
                return
        return
    with contextlib.closing(triggered(device, trigger, seconds, pre_roll_s, bits)) as coming:
        for number, take in enumerate(coming, 1):
            yield take
            if number == count:
                return
