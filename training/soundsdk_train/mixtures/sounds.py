"""Single sounds of a scene at their source: an event with its truth, or a sound in front that is no event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes import alarms, bells, distractors, doorbells, impacts, knocks, rooms, sirens
from soundsdk_sim.scenes.dsp import (
    RATE_HZ,
    Signal,
    add_at,
    choice,
    edges,
    frame_levels,
    log_uniform,
    rms,
    samples,
    unit,
)
from soundsdk_train.mixtures.material import Material, MaterialClip
from soundsdk_train.negatives.electrical import ELECTRICAL
from soundsdk_train.negatives.generated import KINDS
from soundsdk_train.negatives.mixing import fits
from soundsdk_train.run_settings import SYNTHETIC_LABELS
from soundsdk_train.waveform.bands import equalise, limit_band
from soundsdk_train.waveform.codecs import codec
from soundsdk_train.waveform.levels import clip as clipped

Mask = NDArray[np.bool_]

_FRAME = samples(0.032)
_FADE_S = (0.003, 0.04)  # most recordings begin and end softly, so that an abrupt start is no cue
_VOICE_S = 4.0


# Music begins as a chime does; that it goes on tells them apart, so of a few notes nothing is learned.
_TUNES = ("bells", "music", "synthetic_music")
_SHORTEST_TUNE_S, _FIRST_NOTES_S = 3.0, 0.7


@dataclass(frozen=True)
class RecordedStyle:
    """Speed, pauses and lead of the recordings of a label. widest_speed: 1.5 plays at 1/1.5 to 1.5 times the speed."""

    widest_speed: float = 1.25
    gap_s: float = 0.3  # pauses up to here belong to the sound
    lead_s: float = 0.05  # time after an onset in which it cannot be known yet


STYLES = {"dog_bark": RecordedStyle(1.5, 0.35, 0.03), "baby_cry": RecordedStyle(1.22, 0.3, 0.12)}


@dataclass
class SourceEvent:
    """An event at its source. sounding: samples at which it is heard; possible: pauses and tails, where it may be."""

    sound: Signal
    sounding: Mask
    possible: Mask
    lead_s: float  # from the first sounding sample until it can be known
    edge_s: float = 0.0  # the same for each later pulse
    tail_s: float = 0.5
    headroom_db: float = 0.0  # by which its peaks exceed those of steady sounds of its level


def make_event(rng: np.random.Generator, label: str, longest_s: float, material: Material) -> SourceEvent | None:
    """Make one event of a label; None if the drawn recording holds nothing of it.

    Labels of SYNTHETIC_LABELS are synthesised, and once in 14 taken from a recording if there is one.
    """
    recorded = material.events.get(label, [])
    if label in SYNTHETIC_LABELS and (not recorded or rng.uniform() >= 0.07):
        usual = rng.uniform(2.0, 9.0) if rng.uniform() < 0.75 else rng.uniform(0.45, 2.5)
        event = _SYNTHESIS[label](rng, min(usual, longest_s))
        if rng.uniform() < 0.75:
            _ring(event, rooms.in_room(event.sound, rooms.room_response(rng)))
        return event
    made = _recorded(rng, material.draw(rng, recorded), label)
    if made is not None and rng.uniform() < 0.35:
        room = rooms.in_room(made.sound, rooms.room_response(rng))
        _ring(made, room[: len(made.sound) + samples(0.2)])
    if made is not None and rng.uniform() < 0.6:
        made.sound = made.sound * edges(len(made.sound), *_FADE_S)
    return made


def make_front(
    rng: np.random.Generator, kind: str, material: Material, labels: Sequence[str]
) -> tuple[Signal, dict[str, Mask]]:
    """Make a sound of 1 to 7 s that is none of the labels, and the masks of the labels that may hide in it.

    Where "doorbell" is a label, music lasts 3 s at least. kind: "distractor" (one of those in the scenes that measure),
    "generated", "children", "alarms", "bells", "impacts", or a kind of the material's negatives. May be empty.
    """
    length = samples(rng.uniform(_SHORTEST_TUNE_S if kind in _TUNES and "doorbell" in labels else 1.0, 7.0))
    masks: dict[str, Mask] = {}
    if kind in GENERATORS and kind not in material.negatives:
        sound, dry = GENERATORS[kind](rng, length), True
    elif kind == "distractor":
        sound, dry = distractors.distractor(rng, length / RATE_HZ, _distractor(rng, labels)), True
    elif kind == "generated":
        drawn = {
            name: k.weight for name, k in KINDS.items() if name not in _NOT_IN_FRONT and fits(k.words.split(), labels)
        }
        sound, dry = KINDS[choice(rng, drawn)].make(rng, length) * edges(length, 0.02, 0.05), True
    elif kind == "children":
        sound, dry = children(rng, [c for k in VOICES for c in material.negatives.get(k, [])], length), True
    else:
        clip = material.draw(rng, material.negatives[kind])
        speed = log_uniform(rng, 0.8, 1.25)
        sound, masks = at_speed(clip.sound, speed), {k: _mask_at_speed(m, speed) for k, m in clip.masks.items()}
        if len(sound) > length:
            start = int(rng.integers(0, len(sound) - length))
            sound = sound[start : start + length]
            masks = {k: m[start : start + length] for k, m in masks.items()}
        dry = rng.uniform() < 0.4
    if len(sound) < samples(0.05) or rms(sound) < 1e-6:
        return np.zeros(0), {}
    if kind in _TUNES and "doorbell" in labels:
        first_notes = np.arange(len(sound)) < samples(_FIRST_NOTES_S)
        masks["doorbell"] = first_notes | masks.get("doorbell", np.zeros(len(sound), np.bool_))
    if dry and rng.uniform() < 0.5:
        sound = rooms.in_room(sound, rooms.room_response(rng))[: len(sound) + samples(0.25)]
    if rng.uniform() < 0.7:
        sound = sound * edges(len(sound), *_FADE_S)
    if rng.uniform() < 0.4:
        sound = through_device(rng, sound)
    return sound, masks


# Sounds in front that a run has only if it names them (scenes.front).
GENERATORS: dict[str, Callable[[np.random.Generator, int], Signal]] = {
    "alarms": lambda rng, n: alarms.alarm_sound(rng, n / RATE_HZ).sound,
    "bells": bells.bell_music,
    "impacts": impacts.impacts,
}


def _distractor(rng: np.random.Generator, labels: Sequence[str]) -> str | None:
    """Return the kind of distractor to make: any of them, but none that is itself of a label."""
    if not set(labels) & set(distractors.BEEPS):
        return None
    kind = choice(rng, distractors.KINDS)
    return choice(rng, {name: 1.0 for name in distractors.BEEPS if name not in labels}) if kind == "beeps" else kind


# Backgrounds, signals that are no sound of a place, and tones of any pitch, which may be those of an alarm.
_NOT_IN_FRONT = ("rain", "traffic", "background", "steady_tones", "odd_beeps", "kettle", *ELECTRICAL)
VOICES = ("speech", "synthetic_speech")  # kinds of negatives that `children` plays faster


def children(rng: np.random.Generator, clips: Sequence[MaterialClip], n: int) -> Signal:
    """Make n samples of children at play: one to five voices, 1.2 to 1.8 times as fast and high, and shouts."""
    out = np.zeros(n)
    for _ in range(int(rng.integers(1, 6))):
        voice = (
            clips[int(rng.integers(len(clips)))].sound[: samples(2 * _VOICE_S)]
            if clips
            else distractors.distractor(rng, _VOICE_S, "speech")
        )
        voice = at_speed(voice, rng.uniform(1.2, 1.8))
        start = int(rng.integers(-(len(voice) // 2), max(1, n - len(voice) // 2)))
        add_at(out, unit(voice) * log_uniform(rng, 0.2, 1.5), start)
    if rng.uniform() < 0.6:
        shouts = distractors.distractor(rng, rng.uniform(1.0, 5.0), "calls")
        add_at(out, shouts * log_uniform(rng, 0.2, 1.5), int(rng.integers(0, max(1, n - len(shouts)))))
    return unit(out)


def through_device(rng: np.random.Generator, sound: Signal) -> Signal:
    """Pass a sound through a drawn band limit, equaliser, codec or overdriven stage, or several of them."""
    x = sound.astype(np.float32)
    drawn = rng.uniform()
    if drawn < 0.2:
        level = max(float(np.abs(x).max()), 1e-9)
        x = codec(rng, x * np.float32(0.7 / level)) * np.float32(level / 0.7)
    elif drawn < 0.45:
        x = limit_band(rng, x)
    if rng.uniform() < 0.5:
        x = equalise(rng, x, 8.0)
    if rng.uniform() < 0.15:
        x = clipped(rng, x)
    return x.astype(np.float64)


def at_speed(sound: Signal, speed: float) -> Signal:
    """Return a sound played faster or slower, its pitch with it."""
    return np.interp(np.arange(0, len(sound) - 1, speed), np.arange(len(sound)), sound)


def active(sound: Signal, within_db: float = 26.0) -> Mask:
    """Return the samples in frames of 32 ms that are loud: within so many dB of the loudest, and above the noise."""
    level = frame_levels(sound, _FRAME)
    if not len(level):
        return np.ones(len(sound), np.bool_)
    loudest = float(level.max())
    floor = min(2.0 * float(np.percentile(level, 10)), 0.25 * loudest)
    loud = np.repeat(level > max(loudest * 10 ** (-within_db / 20), floor), _FRAME)
    return np.concatenate([loud, np.zeros(len(sound) - len(loud), np.bool_)])


def closed(mask: Mask, gap: int) -> Mask:
    """Return a mask with its gaps of up to `gap` samples filled."""
    out = mask.copy()
    turns = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    for end, start in zip(turns[1:-1:2], turns[2::2], strict=True):
        if start - end <= gap:
            out[end:start] = True
    return out


def _alarm(rng: np.random.Generator, seconds: float) -> SourceEvent:
    made = alarms.alarm_sound(rng, seconds)
    sounding = np.zeros(len(made.sound), np.bool_)
    for start, end in made.spans:
        sounding[start:end] = True
    # A pause lasts up to 1.65 s: until then the alarm may go on.
    return SourceEvent(made.sound, sounding, np.ones(len(sounding), np.bool_), 0.12, 0.06, 1.8)


def _siren(rng: np.random.Generator, seconds: float) -> SourceEvent:
    sound = sirens.any_siren(rng, max(seconds, 1.2))
    all_of_it = np.ones(len(sound), np.bool_)
    return SourceEvent(sound, all_of_it, all_of_it.copy(), 0.35)


def _doorbell(rng: np.random.Generator, seconds: float) -> SourceEvent:
    made = doorbells.doorbell_sound(rng, max(seconds, 2.5))
    sounding = _within(made.spans, len(made.sound))
    return SourceEvent(made.sound, sounding, np.ones(len(sounding), np.bool_), made.known_s, 0.2, 1.0)


def _knock(rng: np.random.Generator, seconds: float) -> SourceEvent:
    drawn = knocks.draw_knock(rng)
    made = knocks.knock_sound(rng, max(seconds, 1.5), drawn)
    sounding = _within(made.spans, len(made.sound))
    until_known_s = drawn.blows_s[1] + 0.08  # one blow is no knock
    return SourceEvent(made.sound, sounding, np.ones(len(sounding), np.bool_), until_known_s, 0.1, 0.6, 8.0)


def _within(spans: Sequence[tuple[int, int]], length: int) -> Mask:
    out = np.zeros(length, np.bool_)
    for start, end in spans:
        out[start:end] = True
    return out


_SYNTHESIS: dict[str, Callable[[np.random.Generator, float], SourceEvent]] = {
    "smoke_alarm": _alarm,
    "siren": _siren,
    "doorbell": _doorbell,
    "knock": _knock,
}


def _recorded(rng: np.random.Generator, clip: MaterialClip, label: str) -> SourceEvent | None:
    style = STYLES.get(label, RecordedStyle())
    speed = log_uniform(rng, 1 / style.widest_speed, style.widest_speed)
    sound = at_speed(clip.sound, speed)
    unsure = _mask_at_speed(clip.masks.get(label, np.zeros(len(clip.pcm), np.bool_)), speed)
    longest = samples(rng.uniform(1.5, 8.0))
    if len(sound) > longest:
        start = int(rng.integers(0, len(sound) - longest))
        sound, unsure = sound[start : start + longest], unsure[start : start + longest]
    if rms(sound) < 1e-6:
        return None
    loud = active(sound)
    sure = loud & ~unsure
    if not sure.any():
        return None
    possible = closed(sure, samples(1.2)) | (loud & unsure)
    return SourceEvent(sound, closed(sure, samples(style.gap_s)), possible, style.lead_s)


def _mask_at_speed(mask: Mask, speed: float) -> Mask:
    at = np.arange(0, len(mask) - 1, speed)
    return mask[np.rint(at).astype(np.int64)]


def _ring(event: SourceEvent, sound: Signal) -> None:
    """Give an event the sound that it has in a room; its tail is not part of what sounds."""
    more = np.zeros(max(0, len(sound) - len(event.sounding)), np.bool_)
    event.sound = sound
    event.sounding = np.concatenate([event.sounding, more])[: len(sound)]
    event.possible = np.concatenate([event.possible, more])[: len(sound)]
