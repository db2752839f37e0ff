"""The ends of events of shipped detectors, in generated scenes: with their sound, or little more than a second later.

`soundsdk evaluate-scenes` shows the same of more scenes; the cards in firmware/models have its figures.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soundfw.detect import detector as firmware
from soundsdk.models.shipped import load_model
from soundsdk_sim.scenes import Recordings, Scene, compose, door_scene, make_scene
from soundsdk_sim.scenes.detection import detect_in_scenes, end_delays
from soundsdk_sim.scenes.dsp import samples
from soundsdk_sim.scenes.matching import MARGIN_S
from soundsdk_sim.scenes.scene import draw_bed, in_a_row

DATA = Path(os.environ.get("SOUNDSDK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "esc10"


def delays(name: str, scenes: list[Scene]) -> list[float]:
    """Return how long after its sound each event found of 5 dB SNR or more ended, in seconds."""
    detector = load_model(name)
    outcomes = detect_in_scenes(detector.data, scenes)
    return [delay for label in detector.metadata["labels"] for delay in end_delays(outcomes, label)]


def late(found: list[float]) -> int:
    return sum(delay > MARGIN_S for delay in found)


@pytest.mark.parametrize(
    ("name", "make", "least", "most_late"), [("home", make_scene, 15, 1), ("knock_doorbell", door_scene, 15, 0)]
)
def test_alarms_and_doorbells_end_with_their_sound(
    name: str, make: Callable[[int, float], Scene], least: int, most_late: int
) -> None:
    found = delays(name, [make(seed, 60.0) for seed in range(7000, 7008)])
    assert len(found) >= least
    assert late(found) <= most_late
    assert abs(np.median(found)) < 0.3


def everyday_scene(seed: int, recordings: Recordings, seconds: float = 60.0) -> Scene:
    """Lay clips of all classes, 5 to 30 dB above a generated background, in a row with gaps of 4 s or more."""
    rng = np.random.default_rng([seed, 0xE5C])
    bed = draw_bed(rng, samples(seconds), None, 0.0)
    labels = sorted(recordings.clips)
    events = [(labels[i], None, 5.0, float(rng.uniform(5.0, 30.0))) for i in rng.permutation(len(labels))]
    return compose(rng, bed, in_a_row(rng, seconds, events, 4.0), recordings)


def test_a_detector_without_a_class_for_nothing_ends_its_events_with_their_sound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not DATA.is_dir():
        pytest.skip(f"no clips of ESC-10 at {DATA}: SOUNDSDK_DATA names the folder they are in")
    recordings = Recordings.open(DATA)
    scenes = [everyday_scene(seed, recordings) for seed in range(7000, 7010)]
    found = delays("esc10", scenes)
    assert len(found) >= 10
    assert late(found) <= 0.1 * len(found)
    # By its score alone, nearly every event outlasts its sound: the level is what ends it.
    monkeypatch.setattr(firmware, "Levels", lambda *_: None)
    by_score = delays("esc10", scenes)
    assert late(by_score) > 0.7 * len(by_score)
