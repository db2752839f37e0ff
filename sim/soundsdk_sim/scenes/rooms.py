"""Rooms and microphones: the path of a sound to the samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soundsdk_sim.scenes.dsp import RATE_HZ, SOUND_M_S, Signal, convolve, high_pass, peak, rms, samples, shape


def room_response(rng: np.random.Generator, rt60_s: float | None = None, distance_m: float | None = None) -> Signal:
    """Draw the impulse response of a shoebox room, direct sound 1.0 at sample 0.

    Reflections up to the second order come from image sources (Allen and Berkley 1979) with one wall coefficient from
    Sabine's equation; behind them noise decays by 60 dB in rt60_s (0.1-0.9 s if None), at the level of the
    diffuse field, 16 pi r^2 / A times the direct energy.
    """
    rt60 = rng.uniform(0.1, 0.9) if rt60_s is None else rt60_s
    size = np.array([rng.uniform(2.5, 9), rng.uniform(2.2, 7), rng.uniform(2.2, 3.5)])
    volume = float(size.prod())
    surface = 2 * float(size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    absorbing_m2 = 0.161 * volume / rt60
    reflect = float(np.sqrt(max(0.05, 1.0 - min(0.95, absorbing_m2 / surface))))
    mic = size * rng.uniform(0.15, 0.85, 3)
    if distance_m is None:
        source = size * rng.uniform(0.1, 0.9, 3)
    else:
        way = rng.standard_normal(3)
        source = np.clip(mic + distance_m * way / np.linalg.norm(way), 0.1, size - 0.1)
    direct_m = max(0.3, float(np.linalg.norm(source - mic)))

    # An image is (mirrored or not, how many room lengths away) on each axis.
    grid = np.array([(m, q) for m in (-1, 0, 1) for q in (0, 1)])
    index = np.stack(np.meshgrid(*[np.arange(len(grid))] * 3, indexing="ij"), -1).reshape(-1, 3)
    m, q = grid[index, 0], grid[index, 1]
    order = np.abs(2 * m - q).sum(1)
    keep = (order > 0) & (order <= 2)
    image = (1 - 2 * q[keep]) * source + 2 * m[keep] * size
    distance = np.maximum(np.linalg.norm(image - mic, axis=1), direct_m)
    delay = np.rint((distance - direct_m) / SOUND_M_S * RATE_HZ).astype(np.int64)
    early = reflect ** order[keep] * direct_m / distance

    n = max(samples(rt60 * 0.8), int(delay.max()) + 1)
    h = np.zeros(n)
    np.add.at(h, delay, early)
    decay = 10.0 ** (-3.0 * np.arange(n) / (rt60 * RATE_HZ))
    tail = rng.standard_normal(n) * decay
    tail[: min(n, samples(0.004 + 0.002 * volume ** (1 / 3)))] = 0.0
    # Air and furniture swallow the treble first.
    tail = shape(tail, lambda f: 1.0 / np.sqrt(1.0 + (f / 4000.0) ** 2))
    energy = float(np.sum(tail**2))
    diffuse = min(16 * np.pi * direct_m**2 / absorbing_m2, 30.0)
    if energy > 0:
        h += tail * np.sqrt(diffuse / energy)
    h[0] = 1.0
    return h


def in_room(x: Signal, h: Signal) -> Signal:
    """Return the sound in the room, with its tail, scaled to the RMS of the dry sound over its length."""
    wet = convolve(x, h)
    level, dry = rms(wet[: len(x)]), rms(x)
    return wet * (dry / level) if level > 0 else wet


@dataclass(frozen=True)
class MicrophoneResponse:
    """Frequency response and self noise of a microphone in its case."""

    corner_hz: float  # second-order high-pass
    tilt_db_octave: float  # around 1 kHz
    resonance_hz: float
    resonance_db: float
    noise_dbfs: float  # self noise, white, before the gain

    @classmethod
    def draw(cls, rng: np.random.Generator) -> MicrophoneResponse:
        """Draw a random microphone."""
        return cls(
            corner_hz=rng.uniform(20, 150),
            tilt_db_octave=rng.uniform(-1.5, 1.5),
            resonance_hz=rng.uniform(3500, 7800),
            resonance_db=rng.uniform(0, 8),
            noise_dbfs=rng.uniform(-90, -65),
        )

    def apply(self, rng: np.random.Generator, x: Signal) -> Signal:
        """Return the output of the microphone for x (full scale 1.0), before gain and clipping."""

        def response(f: Signal) -> Signal:
            octaves = np.log2(np.clip(f, 100.0, 8000.0) / 1000.0)
            tilt = 10.0 ** (self.tilt_db_octave * octaves / 20.0)
            return high_pass(f, self.corner_hz) * tilt * peak(f, self.resonance_hz, 800.0, self.resonance_db)

        filtered = shape(x, response)
        return filtered + rng.standard_normal(len(x)) * 10.0 ** (self.noise_dbfs / 20.0)


def to_pcm(x: Signal) -> np.ndarray:
    """Convert to int16 samples; values beyond full scale are clipped, as in a converter."""
    return np.clip(np.rint(x * 32767.0), -32768, 32767).astype(np.int16)
