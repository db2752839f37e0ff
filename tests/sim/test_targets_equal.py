"""The same recording gives the same event lines on every target, byte for byte: twelve clips, two detectors.

Six clips of ESC-10, three generated scenes, digital silence, full-scale noise and ten minutes.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path

import numpy as np
import pytest
from target_needs import need_target

from soundfw.wire import framing
from soundsdk.models.shipped import load_model
from soundsdk.recording.audio_file import read
from soundsdk_sim.scenes import Scene, make_scene
from soundsdk_sim.targets.runner import run_on_target

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SOUNDSDK_DATA", ROOT.parent / "shared" / "data")) / "esc10"
RATE_HZ = 16000

# file: the label that must be detected in it, by detector
RECORDED = {
    "001 - Dog bark/4-192236-A.ogg": {"home": "dog_bark", "esc10": "dog_bark"},
    "001 - Dog bark/1-30226-A.ogg": {"home": "dog_bark", "esc10": "dog_bark"},
    "004 - Baby cry/4-185575-C.ogg": {"home": "baby_cry", "esc10": "baby_cry"},
    "004 - Baby cry/4-59579-A.ogg": {"home": "baby_cry", "esc10": "baby_cry"},
    "007 - Helicopter/1-172649-A.ogg": {"esc10": "helicopter"},
    "009 - Rooster/1-26806-A.ogg": {"esc10": "rooster"},
}
SCENES = {f"scene {seed}": seed for seed in (1, 2, 3)}
LONG_SEEDS = range(1, 11)  # a minute each
CLIPS = [*RECORDED, *SCENES, "silence", "noise", "ten minutes"]
MODELS = ["home", "esc10"]


@functools.cache
def scene(seed: int) -> Scene:
    return make_scene(seed, 60.0)


@functools.cache
def sound(clip: str) -> np.ndarray:
    if clip in RECORDED:
        if not (DATA / clip).is_file():
            pytest.skip(f"no recordings in {DATA}: set SOUNDSDK_DATA to the folder that holds esc10")
        return read(DATA / clip, RATE_HZ)
    if clip in SCENES:
        return scene(SCENES[clip]).pcm
    if clip == "silence":
        return np.zeros(30 * RATE_HZ, np.int16)
    if clip == "noise":
        return np.random.default_rng(1).integers(-32768, 32768, 30 * RATE_HZ).astype(np.int16)
    return np.concatenate([scene(seed).pcm for seed in LONG_SEEDS])


@functools.cache
def lines(target: str, clip: str, model: str) -> list[bytes]:
    need_target(target)
    return run_on_target(target, load_model(model), sound(clip)).lines


def messages(clip: str, model: str) -> list[dict]:
    """Return the messages of the firmware in this Python."""
    found = [framing.decode(line) for line in lines("cpython", clip, model)]
    assert None not in found
    return [message for message in found if message]


def detected(clip: str, model: str) -> list[str]:
    return [m["label"] for m in messages(clip, model) if m["type"] == "event" and m["edge"] == "on"]


def test_there_are_twelve_clips_and_the_long_one_is_ten_minutes() -> None:
    assert len(CLIPS) == len(set(CLIPS)) == 12
    assert len(sound("ten minutes")) == 600 * RATE_HZ
    assert np.abs(sound("noise").astype(int)).max() == 32768


@pytest.mark.parametrize("clip", RECORDED)
def test_the_sound_of_a_recording_is_detected(clip: str) -> None:
    for model, label in RECORDED[clip].items():
        assert label in detected(clip, model)


@pytest.mark.parametrize("clip", SCENES)
def test_the_sounds_of_a_scene_are_detected(clip: str) -> None:
    assert {event.label for event in scene(SCENES[clip]).events} & set(detected(clip, "home"))


def test_the_long_clip_is_full_of_events() -> None:
    assert len(detected("ten minutes", "home")) >= 20
    # A classifier of ten sounds that is unsure of all others; with the other clips, as many.
    assert len(detected("ten minutes", "esc10")) >= 10
    assert sum(len(detected(clip, "esc10")) for clip in CLIPS) >= 20
    assert [m["type"] for m in messages("ten minutes", "home")].count("status") >= 59


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("target", ["unix", "qemu-arm", "qemu-rv32"])
def test_the_lines_are_the_same_bytes(target: str, clip: str, model: str) -> None:
    expected, got = lines("cpython", clip, model), lines(target, clip, model)
    assert [line for line in got if b'"type":"status"' not in line] == [
        line for line in expected if b'"type":"status"' not in line
    ]
    # In a status line free memory and time are the target's own, and so is the checksum over them.
    own = re.compile(rb'"(step_us|heap_free)":\d+|"crc":.*')
    assert [own.sub(b"", line) for line in got] == [own.sub(b"", line) for line in expected]
    assert None not in map(framing.decode, got)
