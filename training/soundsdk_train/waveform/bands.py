"""Responses in frequency: band limits, equalisers, microphones and rooms."""

from __future__ import annotations

import numpy as np

from soundsdk_sim.scenes.dsp import high_pass, low_pass, peak
from soundsdk_sim.scenes.rooms import MicrophoneResponse, in_room, room_response
from soundsdk_train.waveform.signal import Waveform, filtered


def room(rng: np.random.Generator, x: Waveform) -> Waveform:
    """Put x into a drawn room; the direct sound stays in time, the tail beyond the end is cut."""
    wet = in_room(x.astype(np.float64), room_response(rng))
    return wet[: len(x)].astype(np.float32)


def microphone(rng: np.random.Generator, x: Waveform) -> Waveform:
    """Record x with a drawn microphone: its high-pass, tilt and resonance; noise floors are added elsewhere."""
    drawn = MicrophoneResponse.draw(rng)
    quiet = MicrophoneResponse(drawn.corner_hz, drawn.tilt_db_octave, drawn.resonance_hz, drawn.resonance_db, -200.0)
    return quiet.apply(rng, x.astype(np.float64)).astype(np.float32)


def limit_band(rng: np.random.Generator, x: Waveform) -> Waveform:
    """Cut the treble above 2-7 kHz, the bass below 60-300 Hz, or both."""
    kind = int(rng.integers(3))
    top = float(np.exp(rng.uniform(np.log(2000), np.log(7000))))
    bottom = float(rng.uniform(60, 300))
    order = int(rng.choice([2, 4, 8]))
    if kind == 0:
        return filtered(x, lambda f: low_pass(f, top, order))
    if kind == 1:
        return filtered(x, lambda f: high_pass(f, bottom, order))
    return filtered(x, lambda f: low_pass(f, top, order) * high_pass(f, bottom, order))


def equalise(rng: np.random.Generator, x: Waveform, widest_db: float) -> Waveform:
    """Tilt the spectrum about 1 kHz, by up to widest_db at 125 Hz and 8 kHz, and raise or lower one drawn band."""
    tilt = float(rng.uniform(-widest_db, widest_db)) / 3.0  # dB per octave
    centre, gain = float(np.exp(rng.uniform(np.log(150), np.log(6000)))), float(rng.uniform(-widest_db, widest_db))
    width = centre * float(rng.uniform(0.2, 1.0))
    return filtered(
        x,
        lambda f: 10.0 ** (tilt * np.log2(np.clip(f, 125.0, 8000.0) / 1000.0) / 20.0) * peak(f, centre, width, gain),
    )
