"""Generated sounds of the labels of `home`, which a network that starts from it confuses with a new label first.

Its recurrent layer keeps sirens, alarms and barks apart from all else, and a rooster then comes close to them. The
shipped negatives hold few of them: 6 sirens and 25 barks.
"""

from __future__ import annotations

import numpy as np

from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, add_at
from soundsdk_train.features import extract
from soundsdk_train.negatives.barks import barking
from soundsdk_train.negatives.generated import KINDS, NegativeKind, generated_negative
from soundsdk_train.negatives.packing import NegativeItem
from soundsdk_train.run_settings import FrontendSettings

SOURCE = "soundsdk, generated"
_SEED = 0x484F4D45


def _barks(rng: np.random.Generator, n: int) -> Signal:
    """Make a dog that begins to bark within half of the time."""
    out = np.zeros(n)
    start = int(rng.integers(0, n // 2))
    add_at(out, barking(rng, (n - start) / RATE_HZ).sound, start)
    return out


STRANGERS: dict[str, NegativeKind] = {
    "barks": NegativeKind(_barks, "dog bark barking puppy howl animal"),
    "siren": KINDS["siren"],
    "smoke_alarm": KINDS["smoke_alarm"],
}


def stranger_kinds(count: int) -> list[str]:
    """Return so many kinds, each as often as the others."""
    names = list(STRANGERS)
    return [names[i % len(names)] for i in range(count)]


def stranger_items(frontend: FrontendSettings, count: int, seed: int) -> list[NegativeItem]:
    """Generate so many strangers of 5 s for any frontend of 16 kHz; others have none."""
    if frontend.rate_hz != RATE_HZ:
        return []
    out = []
    for number, kind in enumerate(stranger_kinds(count)):
        pcm = generated_negative(np.random.default_rng([_SEED, seed, number]), kind, kinds=STRANGERS)
        words = STRANGERS[kind].words.split()
        out.append(NegativeItem(extract(pcm, frontend), kind, words, SOURCE, kind, "MIT"))
    return out
