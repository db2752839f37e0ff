"""Random music as a MIDI file: songs of some seconds in a row, with drawn instruments, keys, tempi and parts.

The format is the Standard MIDI File 1.0 (one track, 480 ticks a beat at 120 beats a minute: 960 ticks a second).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

TICKS_PER_SECOND = 960
_MODES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 7, 10), (0, 2, 4, 7, 9))
# General MIDI programs that sing, whine or whistle: choirs, bowed strings, winds, ocarina, synthesisers.
_VOICE_LIKE = (40, 52, 53, 54, 56, 65, 68, 71, 72, 73, 74, 75, 78, 79, 85)
_DRUMS = (35, 36, 38, 39, 40, 42, 44, 46, 49, 51, 56)  # keys of the percussion channel
_DRUM_CHANNEL = 9
_BEATS = {
    "melody": (0.25, 0.5, 0.5, 1, 1, 2),
    "chords": (2, 4),
    "bass": (0.5, 1),
    "arpeggio": (0.25, 0.5),
    "hold": (4, 8),
}

Message = tuple[float, bytes]  # seconds, MIDI message


def song(rng: np.random.Generator, seconds: float, start_s: float) -> list[Message]:
    """Return the messages of one song of one to five parts."""
    scale, tonic, beat_s = _MODES[int(rng.integers(4))], int(rng.integers(36, 60)), 60.0 / rng.uniform(55, 180)
    out: list[Message] = []
    parts, voice_like = int(rng.integers(1, 6)), rng.uniform() < 0.3
    for channel in range(parts):
        if channel == parts - 1 and parts > 1 and rng.uniform() < 0.6:
            out += _drums(rng, seconds, start_s, beat_s)
            continue
        sung = voice_like or rng.uniform() < 0.3
        program = int(rng.choice(_VOICE_LIKE)) if sung else int(rng.integers(0, 120))
        out.append((start_s, bytes([0xC0 | channel, program])))
        out.append((start_s, bytes([0xB0 | channel, 7, int(rng.integers(60, 127))])))  # volume
        out.append((start_s, bytes([0xB0 | channel, 91, int(rng.integers(0, 127))])))  # reverberation
        out += _part(rng, seconds, start_s, beat_s, channel, scale, tonic)
    out += [(start_s + seconds, bytes([0xB0 | channel, 123, 0])) for channel in range(16)]  # all notes off
    return out


def midi_file(messages: Sequence[Message]) -> bytes:
    """Return a MIDI file of messages in any order."""
    track, last = bytearray(b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big")), 0
    for at_s, message in sorted(messages, key=lambda m: m[0]):
        ticks = max(last, round(at_s * TICKS_PER_SECOND))
        track += _variable_length(ticks - last) + message
        last = ticks
    track += b"\x00\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS_PER_SECOND // 2)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + bytes(track)


def _part(
    rng: np.random.Generator,
    seconds: float,
    start_s: float,
    beat_s: float,
    channel: int,
    scale: Sequence[int],
    tonic: int,
) -> list[Message]:
    out: list[Message] = []
    octave, role = 12 * int(rng.integers(0, 4)), str(rng.choice(list(_BEATS)))
    degree, slides, at = int(rng.integers(0, 7)), rng.uniform() < 0.25, rng.uniform(0, beat_s)
    while at < seconds - 0.1:
        length = min(float(rng.choice(_BEATS[role])) * beat_s, seconds - at)
        for step in (0, 2, 4) if role == "chords" else (0,):
            note = degree + step
            key = tonic + octave + 12 * (note // len(scale)) + scale[note % len(scale)]
            if 24 <= key <= 108:
                out.append((start_s + at, bytes([0x90 | channel, key, int(rng.integers(50, 127))])))
                out.append((start_s + at + length * rng.uniform(0.4, 0.98), bytes([0x80 | channel, key, 0])))
        if slides:
            direction = int(rng.integers(-1, 2))
            for share in np.linspace(0, 1, 8):
                bend = int(8192 + direction * 3000 * share)
                out.append((start_s + at + 0.9 * length * share, bytes([0xE0 | channel, bend & 127, bend >> 7])))
        at += length + (beat_s if rng.uniform() < 0.12 else 0.0)
        degree = int(np.clip(degree + rng.integers(-3, 4), -3, 14))
    out.append((start_s + seconds - 0.01, bytes([0xE0 | channel, 0, 64])))
    return out


def _drums(rng: np.random.Generator, seconds: float, start_s: float, beat_s: float) -> list[Message]:
    count = int(rng.integers(4, 12))
    pattern = [(float(rng.integers(0, 8)) / 2 * beat_s, int(rng.choice(_DRUMS))) for _ in range(count)]
    out: list[Message] = []
    bar_s = 0.0
    while bar_s < seconds:
        for after_s, key in pattern:
            at = bar_s + after_s
            if at < seconds - 0.1:
                out.append((start_s + at, bytes([0x90 | _DRUM_CHANNEL, key, int(rng.integers(50, 127))])))
                out.append((start_s + at + 0.1, bytes([0x80 | _DRUM_CHANNEL, key, 0])))
        bar_s += 4 * beat_s
    return out


def _variable_length(value: int) -> bytes:
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))
