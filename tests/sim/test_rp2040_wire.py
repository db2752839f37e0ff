"""Recording from and pushing to the unmodified firmware on an emulated Pico: USB, littlefs, resets, power cycles."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest
from target_needs import micropython_uf2
from tiny_model import build, metadata

from soundsdk.detector_file import DetectorFile, load
from soundsdk.device import audio_lines, push
from soundsdk.device.session import Device
from soundsdk_sim.rp2040 import I2sMicrophone, Rp2040

MICROPHONE = I2sMicrophone(sck=16, ws=17, sd=18)  # as boards/rpi_pico.toml has it
PATIENCE_S = 120.0  # the emulated board is slower than a real one, and a busy computer makes it slower still
TIMEOUTS = push.PushTimeouts(
    answer_s=PATIENCE_S / 6, restart_s=PATIENCE_S, confirm_s=PATIENCE_S, request_every_s=2.0
)


class EmulatedLink:
    """A Transport to the emulated board. Its time goes on while it is read, and catches up when it is written to."""

    serial_number = None
    path = "an emulated Pico"

    def __init__(self, board: Rp2040) -> None:
        self._board = board
        self._sent = b""
        self._last = time.monotonic()

    def _run(self, ms: float) -> None:
        self._sent += self._board.run(ms)
        self._last = time.monotonic()

    def read(self, timeout_s: float) -> bytes:
        if not self._sent:
            self._run(max(2.0, min(1000 * timeout_s, 20.0)))
        data, self._sent = self._sent, b""
        return data

    def write(self, data: bytes) -> None:
        # A host that has slept finds a board that has not.
        self._run(min(1000 * (time.monotonic() - self._last), 2000.0))
        self._board.send(data)

    def close(self) -> None:
        pass

    def reopen(self) -> EmulatedLink:
        return self


@pytest.fixture(scope="module")
def uf2() -> Path:
    return micropython_uf2()


def noise(seconds: float) -> np.ndarray:
    return np.round(np.random.default_rng(1).normal(0, 2000, int(16000 * seconds))).astype(np.int16)


def powered(board: Rp2040) -> Device:
    board.boot()
    board.feed(noise(120))
    return Device(EmulatedLink(board), hello_s=PATIENCE_S, answer_s=PATIENCE_S)


def test_audio_lines_carry_what_the_microphone_hears(uf2: Path) -> None:
    with Rp2040(uf2, MICROPHONE) as board:
        pico = powered(board)
        take = audio_lines.record(pico, 2, bits=16, silence_s=PATIENCE_S)
        coded = audio_lines.record(pico, 2, bits=4, silence_s=PATIENCE_S)
        assert pico.counts.damaged == 0
    # No sample is lost at three times the rate of the default codec, and each is the microphone's.
    for each in (take, coded):
        assert (each.captured, each.lost, each.lost_board) == (32_000, 0, 0)
    heard = noise(120)
    samples = take.pieces[0].pcm
    windows = np.lib.stride_tricks.sliding_window_view(heard, 16)
    (first,) = np.flatnonzero((windows == samples[:16]).all(axis=1))
    assert np.array_equal(heard[first : first + 32_000], samples)
    x = heard[first + coded.at - take.at :][:32_000].astype(float)
    assert 10 * np.log10((x**2).sum() / ((x - coded.pieces[0].pcm) ** 2).sum()) >= 20


@pytest.fixture
def other(tmp_path: Path) -> DetectorFile:
    path = tmp_path / "other.tflite"
    path.write_bytes(build(metadata(name="other", ballast="x" * 6000)))
    return load(path)


def test_a_pushed_model_outlives_the_power_and_an_unconfirmed_one_does_not(
    uf2: Path, other: DetectorFile, tmp_path: Path
) -> None:
    digest = hashlib.sha256(other.data).hexdigest()
    with Rp2040(uf2, MICROPHONE) as board:
        pico = powered(board)
        image = pico.hello.sha256

        def save_trial(step: str, done: int, total: int) -> None:
            if (step, done) == ("confirming", 0):
                assert (pico.hello.sha256, pico.hello.extra) == (digest, {"trial": True})
                board.save_flash(tmp_path / "trial.bin")

        done = push.push(pico, other, save_trial, TIMEOUTS)
        assert (done.hello.sha256, done.hello.extra) == (digest, {})
        assert (tmp_path / "trial.bin").is_file()
        board.save_flash(tmp_path / "confirmed.bin")
    for flash, sha256, extra in (
        ("trial.bin", image, {"rolled_back": "push.unconfirmed"}),
        ("confirmed.bin", digest, {}),
    ):
        with Rp2040(uf2, MICROPHONE, flash=tmp_path / flash) as board:
            hello = powered(board).hello
            assert (hello.sha256, hello.extra) == (sha256, extra)
