"""A virtual board in this process."""

from __future__ import annotations

import numpy as np
import pytest
import soundcore

from soundsdk.errors import ModelError
from soundsdk_sim.board import PcmSource, VirtualBoard, run_recording
from soundsdk_sim.noise import add_noise


def test_features_kept_for_the_plot_are_those_the_model_got(model: bytes, pcm: np.ndarray) -> None:
    result = run_recording(model, pcm, 16000, features=True)
    frontend = soundcore.Frontend()
    frames = np.zeros((frontend.frames_after(len(pcm)), 40), np.int8)
    frontend.push(pcm, frames.reshape(-1))
    assert result.features is not None
    assert len(result.features) == len(frames) // 8 * 8
    assert np.array_equal(result.features, frames[: len(result.features)])


@pytest.mark.parametrize("block", [64, 256, 1000, 2048])
def test_event_lines_do_not_depend_on_the_blocks(model: bytes, pcm: np.ndarray, block: int) -> None:
    def lines(block_samples: int) -> list[bytes]:
        out = bytearray()

        def write(data: bytes) -> int:
            out.extend(data)
            return len(data)

        board = VirtualBoard(model, PcmSource(pcm), write, block_samples=block_samples)
        while board.app.step():
            pass
        return [line for line in out.split(b"\n") if b'"event"' in line]

    assert len(lines(block)) == 6
    assert lines(block) == lines(512)


def test_lines_are_seen_as_soon_as_they_are_sent(model: bytes, pcm: np.ndarray) -> None:
    seen: list[bytes] = []
    assert run_recording(model, pcm, 16000, seen.append).lines == seen


def test_a_refused_model_is_an_error_of_the_host() -> None:
    with pytest.raises(ModelError, match=r"\(model\."):
        run_recording(b"TFL3" * 100, np.zeros(100, np.int16), 16000)


def test_noise_has_the_level_asked_for() -> None:
    pcm = (8000 * np.sin(np.arange(160000) * 0.3)).astype(np.int16)
    for snr_db in (-6.0, 0.0, 20.0):
        noise = add_noise(pcm, snr_db).astype(float) - pcm
        measured = 20 * np.log10(np.std(pcm) / np.std(noise))
        assert measured == pytest.approx(snr_db, abs=0.3 if snr_db >= 0 else 1.0)
    assert np.array_equal(add_noise(pcm, 10), add_noise(pcm, 10))
    assert not np.array_equal(add_noise(pcm, 10), add_noise(pcm, 10, seed=1))
