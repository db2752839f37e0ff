"""Negatives that are generated: voices, music, household, alarms, sharp events, electrical signals, from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes import alarms, backgrounds, distractors, sirens
from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, add_at, edges, from_db, samples, unit
from soundsdk_sim.scenes.rooms import to_pcm
from soundsdk_train.negatives import electrical, machines, sharp, voices
from soundsdk_train.run_settings import WaveformAugmentSettings
from soundsdk_train.waveform import through_channel

_SECONDS = 5.0


@dataclass(frozen=True)
class NegativeKind:
    """A kind of generated negative. words: those in a label that make it unfit; weight: how often it is drawn."""

    make: Callable[[np.random.Generator, int], Signal]
    words: str
    weight: float = 1.0


def _smoke_alarm(rng: np.random.Generator, n: int) -> Signal:
    """Make a smoke or fire alarm that begins within half of the time, or sounds throughout."""
    start = int(rng.integers(0, n // 2)) if rng.uniform() < 0.5 else 0
    out = np.zeros(n)
    add_at(out, alarms.alarm_sound(rng, (n - start) / RATE_HZ).sound, start)
    return unit(out)


def _siren(rng: np.random.Generator, n: int) -> Signal:
    return unit(sirens.any_siren(rng, n / RATE_HZ))


_BEEP = "beep beeper buzzer appliance"
_TOOL = "saw drill tool machine motor engine grinder"
_PEOPLE = "voice human people talk talking"

KINDS: dict[str, NegativeKind] = {
    "speech": NegativeKind(distractors.speech, f"speech word {_PEOPLE}", 2.0),
    "babble": NegativeKind(voices.babble, f"speech crowd {_PEOPLE}", 1.0),
    "children": NegativeKind(voices.children, f"speech child children kid laugh laughter shout {_PEOPLE}", 3.0),
    "shouts": NegativeKind(voices.shouts, f"shout scream yell {_PEOPLE}", 1.5),
    "singing": NegativeKind(voices.singing, f"singing song music {_PEOPLE}", 1.5),
    "laughter": NegativeKind(voices.laughter, f"laugh laughter laughing {_PEOPLE}", 1.5),
    "calls": NegativeKind(distractors.calls, f"animal call bird cat dog bark meow {_PEOPLE}", 1.0),
    "whistle": NegativeKind(distractors.whistle, "whistle whistling", 1.0),
    "music": NegativeKind(distractors.music, "music song instrument piano guitar", 2.0),
    "microwave": NegativeKind(distractors.microwave, f"microwave oven timer {_BEEP}", 0.7),
    "reverse_beeper": NegativeKind(distractors.back_up, f"reverse truck lorry {_BEEP}", 0.7),
    "telephone": NegativeKind(distractors.telephone, "telephone phone ringtone ring ringer", 1.0),
    "clock_alarm": NegativeKind(distractors.clock_alarm, f"clock wake timer {_BEEP}", 0.7),
    "chirps": NegativeKind(distractors.chirps, f"chirp keypad battery {_BEEP}", 0.7),
    "single_beeps": NegativeKind(distractors.single_beeps, f"timer washer dryer dishwasher {_BEEP}", 0.7),
    "odd_beeps": NegativeKind(machines.odd_beeps, f"morse scanner till {_BEEP}", 0.7),
    "doorbell": NegativeKind(distractors.doorbell, "doorbell bell chime ring", 1.0),
    "steady_tones": NegativeKind(machines.steady_tones, "tone feedback whine hum", 1.0),
    "horns": NegativeKind(machines.horns, "horn honk car truck lorry train ship vehicle", 1.0),
    "saws": NegativeKind(machines.saws, f"{_TOOL} chainsaw vacuum blender", 1.0),
    "strokes": NegativeKind(machines.strokes, "saw brush wiper scratch sanding", 0.7),
    "squeaks": NegativeKind(machines.squeaks, "squeak door hinge brake creak toy", 1.0),
    "kettle": NegativeKind(machines.kettle, "kettle steam hiss leak whistle", 0.7),
    "fan": NegativeKind(backgrounds.fan, f"fan vacuum hairdryer {_TOOL}", 0.7),
    "ticks": NegativeKind(backgrounds.ticks, "tick clock", 0.5),
    "smoke_alarm": NegativeKind(_smoke_alarm, f"smoke fire co carbon detector {_BEEP}", 2.5),
    "siren": NegativeKind(_siren, "siren ambulance police emergency fire burglar", 2.5),
    "knocks": NegativeKind(sharp.knocks, "knock knocking door step footstep hammer impact", 1.0),
    "claps": NegativeKind(sharp.claps, "clap clapping applause", 0.7),
    "bangs": NegativeKind(sharp.bangs, "gun shot gunshot bang explosion firework door slam impact", 1.0),
    "breaking_glass": NegativeKind(sharp.breaking_glass, "glass break breaking shatter window dish", 1.0),
    "struck_bells": NegativeKind(sharp.struck_bells, "bell doorbell chime gong ring bicycle glass", 1.0),
    "coughs": NegativeKind(sharp.coughs, "cough coughing sneeze sneezing throat", 1.0),
    "clanks": NegativeKind(backgrounds.clanks, "dish door step footstep knock knocking impact hammer clap glass", 1.5),
    "rain": NegativeKind(backgrounds.rain, "rain water shower tap drip", 0.7),
    "traffic": NegativeKind(backgrounds.traffic, "traffic road car engine vehicle", 0.7),
    "background": NegativeKind(backgrounds.background, "", 1.5),
    **{
        name: NegativeKind(make, {"mains_hum": "hum", "power_on_clicks": "click"}.get(name, ""), 2.5)
        for name, make in electrical.ELECTRICAL.items()
    },
}


def generated_negative(
    rng: np.random.Generator, kind: str, seconds: float = _SECONDS, kinds: Mapping[str, NegativeKind] = KINDS
) -> NDArray[np.int16]:
    """Make one negative of a kind, 16 kHz: the sound at a drawn level, through a drawn room, microphone and codec.

    Electrical signals stay as they are.
    """
    n = samples(seconds)
    x = kinds[kind].make(rng, n)
    if kind not in electrical.ELECTRICAL:
        x = x * edges(n, 0.02, 0.05) * from_db(rng.uniform(-40, -12))
        settings = WaveformAugmentSettings(level_db=[-10.0, 10.0])
        x = through_channel(rng, x.astype(np.float32), settings).astype(np.float64)
    return to_pcm(x)


def kind_schedule(count: int) -> list[str]:
    """Return count kinds in proportion to their weights, each as near to its share as whole numbers allow."""
    weights = np.array([kind.weight for kind in KINDS.values()])
    due = np.cumsum(weights) / weights.sum() * count
    numbers = np.diff(np.concatenate([[0], np.rint(due)])).astype(int)
    return [name for name, number in zip(KINDS, numbers, strict=True) for _ in range(number)]
