"""Sound scenes with known truth, made from a seed.

scene = demo_scene(seed=1)             # 40 s, nothing recorded
scene = make_scene(7, 60.0, Recordings.open(folder, folds=[4]))
scene = door_scene(7)                  # doorbells and knocks among what is mistaken for them
scene.pcm, scene.rate_hz, scene.events # int16 samples, 16000, [SceneEvent(onset_s, offset_s, label, snr_db=…)]
"""

from __future__ import annotations

from soundsdk_sim.scenes.doorstep import door_scene, scene_maker
from soundsdk_sim.scenes.recordings import Recordings
from soundsdk_sim.scenes.scene import Part, Scene, SceneEvent, compose, demo_scene, make_scene

__all__ = [
    "Part",
    "Recordings",
    "Scene",
    "SceneEvent",
    "compose",
    "demo_scene",
    "door_scene",
    "make_scene",
    "scene_maker",
]
