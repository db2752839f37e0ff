"""The negatives of one training: those that fit its labels and its frontend, as clips."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from soundsdk.labels import is_background
from soundsdk_train.datasets import LabelledClip
from soundsdk_train.features import extract
from soundsdk_train.negatives.generated import KINDS, generated_negative, kind_schedule
from soundsdk_train.negatives.packing import STEP, NegativeItem, frontend_hash, packed_frontend, unpack
from soundsdk_train.negatives.strangers import stranger_items
from soundsdk_train.run_settings import FrontendSettings, RunSettings

SHIPPED = Path(__file__).with_name("shipped.neg")
GENERATED_SOURCE = "soundsdk, generated"
HELD_BACK = 5  # one of so many recordings is kept from trainings that calibrate, to choose thresholds by
_ALARMS = {"smoke", "fire", "co", "siren"}  # words that say which alarm


@dataclass
class ChosenNegatives:
    """Negatives as clips without variants. note: one line on what they are, or why there are none."""

    clips: list[LabelledClip] = field(default_factory=list)
    note: str = ""
    digest: str = ""  # SHA-256 of where they come from: the shipped file, or settings of the generator


def negatives_for(labels: Sequence[str], settings: RunSettings) -> ChosenNegatives:
    """Return the negatives to train labels with.

    With a sigmoid head they have no label in any frame; with softmax they are of the class of backgrounds or, without
    such a class, of all classes alike, so that no class is certain of a sound that is none of them (D. Hendrycks et
    al., "Deep Anomaly Detection with Outlier Exposure", 2019). Items that may hold a sound named by a label are left
    out.
    """
    if not settings.negatives.use or settings.negatives.share <= 0.0:
        return ChosenNegatives(note="negatives: off")
    softmax = settings.model.head == "softmax"
    backgrounds = [label for label in labels if is_background(label)]
    data = SHIPPED.read_bytes()
    if packed_frontend(data) == frontend_hash(settings.frontend):
        items, digest, which = _shipped(), hashlib.sha256(data).hexdigest(), "shipped"
    else:
        items = generated_items(settings.frontend, settings.negatives.generated, settings.seed)
        digest = f"generated-{settings.negatives.generated}-{settings.seed}"
        which = "generated; the shipped recordings are for the default frontend only"
    names = backgrounds[:1] if softmax else []
    alike = np.full(len(labels), 1.0 / len(labels), np.float32) if softmax and not backgrounds else None
    if settings.calibration.use and not settings.scenes.count:
        items = [item for item in items if not is_held_back(item)]
    strangers: list[NegativeItem] = []
    if settings.pretrained.file and not softmax:
        strangers = stranger_items(settings.frontend, settings.pretrained.strangers, settings.seed)
        digest += f"+{len(strangers)}" if strangers else ""
        which += f"; {len(strangers)} generated barks, sirens and alarms" if strangers else ""
    items = [*items, *strangers]
    chosen = [item for item in items if fits(item.words, labels)]
    clips = []
    for number, item in enumerate(chosen):
        strong = None if softmax else np.zeros((len(item.features), len(labels)), np.uint8)
        name = f"negative-{number:04d}-{item.kind}"
        sha256 = hashlib.sha256(item.features.tobytes()).hexdigest()
        pcm = np.zeros(0, np.int16)
        clip = LabelledClip(name, pcm, tuple(names), sha256, item.original, item.features, strong)
        clip.soft_labels = alike
        clips.append(clip)
    left_out = len(items) - len(chosen)
    named = ", ".join(label for label in labels if not is_background(label))
    why = f", {left_out} left out that may hold {named}" if left_out else ""
    return ChosenNegatives(clips, f"negatives: {len(clips)} ({which}{why})", digest)


def held_back_negatives(labels: Sequence[str], frontend: FrontendSettings) -> list[NegativeItem]:
    """Return the shipped recordings that trainings of these labels do not hear if they calibrate; [] for others."""
    if packed_frontend(SHIPPED.read_bytes()) != frontend_hash(frontend):
        return []
    return [item for item in _shipped() if is_held_back(item) and fits(item.words, labels)]


def is_held_back(item: NegativeItem) -> bool:
    """Return True for one of HELD_BACK recordings, chosen by its name, so that all its pieces are on one side.

    What is generated is made anew for a calibration, and needs none.
    """
    if item.source == GENERATED_SOURCE:
        return False
    recording = f"{item.source}/{item.original.split(', pitched')[0]}"
    return hashlib.sha256(recording.encode()).digest()[0] % HELD_BACK == 0


def fits(words: Sequence[str], labels: Sequence[str]) -> bool:
    """Return True if no label names a sound of an item with these words.

    Words match if they are equal or if one begins the other (bark, barking). A label that says no more than "alarm"
    excludes all that beeps and all alarms.
    """
    for label in labels:
        if is_background(label):
            continue
        named = {_singular(word) for word in re.split(r"[^a-z0-9]+", label.lower()) if word}
        if "alarm" in named and not named & _ALARMS:
            named |= {"beep", "ring", "siren", "smoke"}
        named.discard("alarm")  # which alarm is meant is in the other words
        if any(_alike(a, _singular(b)) for a in named for b in words):
            return False
    return True


def generated_items(frontend: FrontendSettings, count: int, seed: int) -> list[NegativeItem]:
    """Generate count negatives of all kinds, 5 s each, for any frontend of 16 kHz; others have none."""
    if frontend.rate_hz != 16000:
        return []
    out = []
    for number, kind in enumerate(kind_schedule(count)):
        pcm = generated_negative(np.random.default_rng([seed, number, 0x4E47]), kind)
        words = KINDS[kind].words.split()
        out.append(NegativeItem(extract(pcm, frontend), kind, words, GENERATED_SOURCE, kind, "MIT"))
    return out


@lru_cache(maxsize=1)
def _shipped() -> list[NegativeItem]:
    """Read the shipped items. Values are spread evenly over their step, so that the steps are no cue to a network."""
    rng = np.random.default_rng(0x4E47)
    items = unpack(SHIPPED.read_bytes())
    for item in items:
        spread = rng.integers(-(STEP // 2), STEP - STEP // 2, item.features.shape)
        values = np.clip(item.features + np.where(item.features > -128, spread, 0), -128, 127)
        item.features = values.astype(np.int8)
    return items


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _alike(a: str, b: str) -> bool:
    return a == b or (min(len(a), len(b)) >= 4 and (a.startswith(b) or b.startswith(a)))
