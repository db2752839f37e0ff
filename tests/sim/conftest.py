"""The fixtures of the simulator's tests: a detector of two tones, and a recording for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_model import BURSTS, build, metadata, tones

from soundsdk_sim.scenes import Scene, make_scene


@pytest.fixture(scope="session")
def model() -> bytes:
    return build(metadata())


@pytest.fixture(scope="session")
def model_file(model: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tones.tflite"
    path.write_bytes(model)
    return path


@pytest.fixture(scope="session")
def sound() -> np.ndarray:
    """Return 10 s at 16 kHz, float, with BURSTS."""
    return tones(10, BURSTS)


@pytest.fixture(scope="session")
def pcm(sound: np.ndarray) -> np.ndarray:
    return np.round(sound * 32768).astype(np.int16)


@pytest.fixture(scope="session")
def wav(sound: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "clip.wav"
    soundfile.write(path, sound, 16000, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def unseen_scenes() -> dict[int, Scene]:
    """Eight synthetic scenes of 60 s by seed, made once: no training used these seeds (it begins at 900000)."""
    return {seed: make_scene(seed) for seed in range(8000, 8008)}
