"""Scenes with known truth: events over a background, in a room, through a microphone.

SNR: RMS of the event where it sounds (a smoke alarm's pulses, not the pauses between them) over the RMS of all that
is mixed before it (background and distractors) between its onset and its offset; both at the microphone, before its
response and its gain, and above 60 Hz.
Onset: the first sample of the direct sound. Offset: the last one; the room may ring on, or the sound fade before.
Heard until: the end of the last 10 ms in which the event, with its room, is AUDIBLE_DB above the mean power of all else
in the second around them: what a detector's end of the event is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan
from soundsdk_sim.scenes import alarms, backgrounds, distractors, rooms, sirens
from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, add_at, choice, edges, from_db, high_pass, rms, samples, shape
from soundsdk_sim.scenes.recordings import Recordings

ALARM_LABELS = ("smoke_alarm", "siren")
DOOR_LABELS = ("doorbell", "knock")
REQUIRED_LABELS = (*ALARM_LABELS, *DOOR_LABELS)  # an event of these that is loud enough has to be found

Maker = Callable[[np.random.Generator, float], Signal]  # of a sound of at most so many seconds
SNR_RANGE_DB = (-5.0, 30.0)
_PEAK_DBFS = -15.0  # the loudest 50 ms of a scene, before the gain
_GAIN_RANGE_DB = (-30.0, 6.0)
AUDIBLE_DB = 3.0
_FRAME_S, _AROUND_S = 0.01, 0.5  # of heard_until(); the background is averaged so far before and after a frame


@dataclass(frozen=True, kw_only=True)
class SceneEvent(LabelledSpan):
    """One true event of a scene: a labelled span, how loud it is, and until when it is heard (None: its offset)."""

    snr_db: float
    heard_until_s: float | None = None

    @property
    def silent_from_s(self) -> float:
        """The time at which a listener hears it end: before the offset if it fades, after it in a room that rings."""
        return self.offset_s if self.heard_until_s is None else self.heard_until_s


@dataclass(frozen=True)
class Part:
    """A sound to mix into a scene."""

    label: str  # "smoke_alarm", "siren", a class of the recordings, or a distractor: "speech", "music", "beeps", ...
    start_s: float
    seconds: float
    snr_db: float  # for a distractor: over the bare background
    kind: str | None = None  # of alarms.KINDS or sirens.KINDS; drawn if None


@dataclass(frozen=True)
class Scene:
    """Mono sound and its true events."""

    pcm: NDArray[np.int16]
    events: list[SceneEvent]
    rate_hz: int = RATE_HZ

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.pcm) / self.rate_hz


def active_rms(x: Signal) -> float:
    """Return the RMS over the 20 ms frames within 30 dB of the loudest one."""
    frame = samples(0.02)
    count = len(x) // frame
    if count < 2:
        return rms(x)
    power = np.mean(x[: count * frame].reshape(count, frame) ** 2, axis=1)
    return float(np.sqrt(power[power >= power.max() * 1e-3].mean()))


def render(rng: np.random.Generator, part: Part, recordings: Recordings | None) -> Signal:
    """Make the dry sound of a true event; its onset is at 0 and its offset at its end."""
    if part.label == "smoke_alarm":
        return alarms.temporal_three(rng, part.seconds, part.kind or choice(rng, alarms.KINDS))
    if part.label == "siren":
        return sirens.siren(rng, part.seconds, part.kind or choice(rng, sirens.KINDS))
    if recordings is None:
        raise ValueError(f"{part.label} needs recordings")
    x = recordings.event(rng, part.label)[: samples(part.seconds)]
    x = shape(x, lambda f: high_pass(f, 60.0, 4))
    return x * edges(len(x), 0.01, 0.02)


def heard_until(mix: Signal, sound: Signal, start: int) -> int:
    """Return the sample of a mix at which a sound in it, begun at sample `start`, is heard no more (see above).

    That is the sound's own end if it is nowhere as loud as the rest.
    """
    frame = samples(_FRAME_S)
    own = np.zeros(-(-len(mix) // frame) * frame)
    other = own.copy()
    own[start : start + len(sound)] = sound
    other[: len(mix)] = mix
    other -= own
    power, rest = (np.mean(x.reshape(-1, frame) ** 2, axis=1) for x in (own, other))
    half = round(_AROUND_S / _FRAME_S)
    total = np.concatenate([[0.0], np.cumsum(rest)])
    at = np.arange(len(rest))
    first, last = np.maximum(at - half, 0), np.minimum(at + half + 1, len(rest))
    around = (total[last] - total[first]) / (last - first)
    loud = np.flatnonzero((power > around * from_db(2 * AUDIBLE_DB)) & (power > 0))
    return min(len(mix), int(loud[-1] + 1) * frame) if len(loud) else start + len(sound)


def compose(
    rng: np.random.Generator,
    bed: Signal,
    parts: Sequence[Part],
    recordings: Recordings | None = None,
    *,
    gain_db: float | None = None,
    room: bool = True,
    microphone: bool = True,
    events: Mapping[str, Maker] | None = None,
    others: Mapping[str, Maker] | None = None,
) -> Scene:
    """Mix a background (RMS 1) and parts into a scene; sound beyond its end is cut.

    events, others: what makes the parts of further labels, as events and as distractors.
    """
    events, others = events or {}, others or {}
    bed = shape(bed, lambda f: high_pass(f, 60.0, 4))
    n = len(bed)
    mix = bed.copy()
    truth: list[SceneEvent] = []
    sounds: list[tuple[int, Signal]] = []
    true_labels = {*ALARM_LABELS, *events, *(recordings.clips if recordings else ())}
    # Distractors first, so that an event's SNR counts them.
    for part in sorted(parts, key=lambda p: p.label in true_labels):
        start = samples(part.start_s)
        if start >= n:
            continue
        event = part.label in true_labels
        maker = (events if event else others).get(part.label)
        if maker is not None:
            dry = maker(rng, part.seconds)
        elif event:
            dry = render(rng, part, recordings)
        else:
            dry = distractors.distractor(rng, part.seconds, None if part.label == "any" else part.label)
        end = min(start + len(dry), n)
        under = rms((mix if event else bed)[start:end])
        wet = rooms.in_room(dry, rooms.room_response(rng)) if room else dry
        level = from_db(part.snr_db) * max(under, 1e-6) / max(active_rms(wet[: end - start]), 1e-9)
        add_at(mix, wet * level, start)
        if event:
            truth.append(SceneEvent(start / RATE_HZ, end / RATE_HZ, part.label, snr_db=part.snr_db))
            sounds.append((start, wet[: n - start] * level))
    truth = [
        replace(event, heard_until_s=heard_until(mix, sound, start) / RATE_HZ)
        for event, (start, sound) in zip(truth, sounds, strict=True)
    ]
    frame = samples(0.05)
    count = max(1, n // frame)
    loudest = float(np.sqrt(np.mean(mix[: count * frame].reshape(count, -1) ** 2, axis=1).max()))
    mix *= from_db(_PEAK_DBFS) / max(loudest, 1e-9)
    if microphone:
        mix = rooms.MicrophoneResponse.draw(rng).apply(rng, mix)
    gain = rng.uniform(*_GAIN_RANGE_DB) if gain_db is None else gain_db
    return Scene(rooms.to_pcm(mix * from_db(gain)), sorted(truth, key=lambda e: e.onset_s))


def in_a_row(
    rng: np.random.Generator, seconds: float, events: Sequence[tuple[str, str | None, float, float]], gap_s: float
) -> list[Part]:
    """Place (label, kind, seconds, snr_db) in a row with random gaps of at least gap_s; drop those that do not fit."""
    chosen = [events[i] for i in rng.permutation(len(events))]
    while chosen and sum(w[2] for w in chosen) + gap_s * (len(chosen) + 1) > seconds:
        chosen.pop()
    spare = seconds - sum(w[2] for w in chosen) - gap_s * (len(chosen) + 1)
    gaps = gap_s + spare * rng.dirichlet(np.ones(len(chosen) + 1))
    parts, at = [], 0.0
    for (label, kind, length, snr_db), gap in zip(chosen, gaps, strict=False):
        at += float(gap)
        parts.append(Part(label, at, length, snr_db, kind))
        at += length
    return parts


def draw_bed(rng: np.random.Generator, n: int, recordings: Recordings | None, recorded: float) -> Signal:
    """Draw a background of n samples: in a share `recorded` of scenes a recording, if there is any, over another."""
    if recordings is not None and recordings.background_labels and rng.uniform() < recorded:
        return recordings.background(rng, n) + from_db(rng.uniform(-35, -15)) * backgrounds.background(rng, n)
    return backgrounds.background(rng, n)


def make_scene(
    seed: int,
    seconds: float = 60.0,
    recordings: Recordings | None = None,
    snr_range_db: tuple[float, float] = SNR_RANGE_DB,
) -> Scene:
    """Make a random scene: a smoke alarm, one or two sirens, distractors, and barks and cries if recordings have them.

    seed: same seed, same scene. recordings: backgrounds and target clips; without them all sound is synthetic.
    Events keep 4 s apart and do not overlap; distractors fall anywhere.
    """
    rng = np.random.default_rng([seed, 0x5CE4E])
    n = samples(seconds)
    bed = draw_bed(rng, n, recordings, 0.85)
    events: list[tuple[str, str | None, float, float]] = [
        ("smoke_alarm", None, rng.uniform(7.0, 14.5), rng.uniform(*snr_range_db))
    ]
    for _ in range(int(rng.integers(1, 3))):
        events.append(("siren", None, rng.uniform(4.0, 10.0), rng.uniform(*snr_range_db)))
    if recordings is not None:
        for label in ("dog_bark", "baby_cry"):
            if label in recordings.clips and rng.uniform() < 0.6:
                events.append((label, None, 5.0, rng.uniform(*snr_range_db)))
    parts = in_a_row(rng, seconds, events, 4.0)
    for _ in range(int(rng.integers(2, 5)) if seconds >= 30 else int(rng.integers(0, 3))):
        length = rng.uniform(3.0, 9.0)
        start = rng.uniform(0.0, max(0.1, seconds - length))
        parts.append(Part("any", start, length, rng.uniform(0.0, 20.0)))
    return compose(rng, bed, parts, recordings)


def demo_scene(seed: int = 0, seconds: float = 40.0) -> Scene:
    """Make the scene of `soundsdk demo`: a smoke alarm, three sirens, and speech, music and beeps.

    All of it is synthesised. 40 s hold all events; a shorter scene is cut.
    """
    rng = np.random.default_rng([seed, 0xDE40])
    bed = backgrounds.background(rng, samples(seconds))
    sirens_in = [("siren", kind, length) for kind, length in (("wail", 6.5), ("yelp", 4.0), ("hi_lo", 5.0))]
    alarm = ("smoke_alarm", "piezo" if rng.uniform() < 0.7 else "low", 7.0)
    order = [sirens_in[i] for i in rng.permutation(3)]
    order.insert(int(rng.integers(0, 4)), alarm)
    snrs = rng.permutation([8.0, 12.0, 18.0, 24.0])
    parts = []
    at = 2.0
    for (label, kind, length), snr_db in zip(order, snrs, strict=True):
        parts.append(Part(label, at + rng.uniform(0, 0.6), length, float(snr_db), kind))
        at += length + 4.1
    others = ["speech", "music", str(rng.choice(["microwave", "telephone", "back_up"]))]
    for label, before in zip(rng.permutation(others), parts[:3], strict=True):
        start = before.start_s + before.seconds
        parts.append(Part(str(label), start - 0.5, 3.5, rng.uniform(6, 14)))
    return compose(rng, bed, parts, gain_db=float(rng.uniform(-8, 0)))
