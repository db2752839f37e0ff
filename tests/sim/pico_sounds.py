"""Sound for the emulated Pico and what its detector finds in it, and requests to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from soundfw.wire import framing
from soundsdk.boards import find_board
from soundsdk.models.shipped import load_model
from soundsdk_sim.board import PcmSource, VirtualBoard, run_recording
from soundsdk_sim.rp2040 import I2sMicrophone, Rp2040
from soundsdk_sim.scenes.alarms import temporal_three
from soundsdk_sim.scenes.rooms import to_pcm

RATE = 16000
TAIL_S = 3  # of silence: events end in it


def microphone() -> I2sMicrophone:
    """Return a microphone on the pins of the board file."""
    mic = find_board("rpi_pico").mic
    assert mic is not None
    assert mic.sck is not None
    assert mic.ws is not None
    assert mic.sd is not None
    return I2sMicrophone(mic.sck, mic.ws, mic.sd)


def alarm() -> np.ndarray:
    """Return 5 s of sound: a smoke alarm from 0.5 s on, over a little noise."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1e-3, 5 * RATE)
    sound = temporal_three(rng, 4.0)
    x[RATE // 2 : RATE // 2 + len(sound)] += 0.3 * sound / np.abs(sound).max()
    return to_pcm(x)


def messages(lines: Any) -> list[dict[str, Any]]:
    return [m for m in (framing.decode(line) for line in lines) if m is not None]


def send(board: Rp2040, kind: str, **members: Any) -> None:
    board.send(b"\n" + framing.encode({"type": kind, **members}) + b"\n")


def request(board: Rp2040, kind: str, timeout_ms: float = 5000, **members: Any) -> list[dict[str, Any]]:
    """Send a command and return every message up to its answer, which is the last one."""
    send(board, kind, **members)
    send(board, "fence")  # no such command: its rejection follows the answer
    return messages(board.read_until(b'"re":"fence"', timeout_ms).splitlines())


def without_seq(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in ("seq", "crc")}


def events(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [without_seq(m) for m in found if m["type"] == "event"]


def direct_events(pcm: np.ndarray) -> list[dict[str, Any]]:
    """Return the events of a sound, and silence after it, without an emulator."""
    model = load_model("home").path.read_bytes()
    silence = np.zeros(TAIL_S * RATE, np.int16)
    return events(messages(run_recording(model, np.concatenate([pcm, silence]), RATE).lines))


def decisions(pcm: np.ndarray) -> list[int]:
    """Return for each edge of a sound's events, silence after it, the sample at which the step ends that decides it."""
    found: list[int] = []
    lines = bytearray()

    def write(data: Any) -> int:
        lines.extend(data)
        return len(data)

    sound = np.concatenate([pcm, np.zeros(TAIL_S * RATE, np.int16)])
    board = VirtualBoard(load_model("home").path.read_bytes(), PcmSource(sound), write)
    while board.app.step():
        found += [int(board.app.pipeline.now)] * (lines.count(b'"event"') - len(found))
    return found
