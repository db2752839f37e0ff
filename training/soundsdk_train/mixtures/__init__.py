"""Training scenes with a label for every frame, mixed from recordings and synthesised sound.

material   recordings as clips of labels and of kinds of negatives, and where in them a label may hide
sounds     one event or one sound in front, as it is at its source
mixture    a scene: background, sounds in front, events, channel, microphone, level
truth      what is known of each label at each time
rendering  many scenes as features with frame targets, in several processes
"""

from __future__ import annotations

from soundsdk_train.mixtures.material import Material, read_material
from soundsdk_train.mixtures.mixture import mixture
from soundsdk_train.mixtures.rendering import scene_clips

__all__ = ["Material", "mixture", "read_material", "scene_clips"]
