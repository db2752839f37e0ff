"""soundcore's detector against its definition in soundfw: the same scores, events and times, whatever comes in."""

from __future__ import annotations

import json
from array import array
from typing import Any

import numpy as np
import pytest
import soundcore

from core.tflite_builder import VALID, ModelBuilder
from soundfw.detect.detector import ON, from_stream
from soundfw.detect.level import Level
from soundfw.detect.thresholds import Thresholds

KINDS = 60
STEPS = 1500


def scripted(rng: np.random.Generator) -> soundcore.Stream:
    """Return a stream of random shape, scales and metadata; what it shows at each step is for the test to write."""
    classes = int(rng.integers(1, 7))
    attention = int(rng.choice([0, 1, classes]))
    bands = int(rng.choice([1, 3, 12, 40, 64]))
    coefficients = int(rng.choice([0, 0, 0, min(bands, 13)]))
    window = int(rng.choice([256, 400, 512]))
    hop = int(rng.choice([w for w in (64, 128, 160, 256, 400) if w <= window]))
    frames = int(rng.choice([1, 2, 5, 8, 31]))
    width = coefficients or bands
    rate_hz = int(rng.choice([8000, 16000, 44100]))
    b = ModelBuilder()
    features = b.tensor((1, frames, width, 1), 1 / 32)
    outputs = []
    scales = rng.choice([0.004, 0.0625, 0.25, 1.5, 3e4]), rng.choice([0.001, 0.05, 0.9])
    for count, scale in zip((classes, attention), scales, strict=True):
        if count:
            kernel = b.tensor((count, frames, width, 1), 0.01, data=np.zeros((count, frames, width, 1), np.int8))
            bias = b.tensor((count,), 0.01 / 32, data=np.zeros(count, np.int32), dtype="int32")
            out = b.tensor((1, 1, 1, count), float(np.float32(scale)), int(rng.integers(-128, 128)))
            strides = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
            b.op("CONV_2D", [features, kernel, bias], [out], padding=VALID, **strides)
            outputs.append(out)
    on = rng.integers(1, 1001, classes)
    rules = [
        {
            "on": int(on[i]),
            "off": int(rng.integers(1, on[i] + 1)),
            "min_ms": int(rng.choice([0, 100, 700, 5000, 60000])),
            "hold_ms": int(rng.choice([0, 100, 500, 2500, 60000])),
        }
        for i in range(classes)
    ]
    meta = {
        "soundsdk": 1,
        "name": "scripted",
        "labels": [f"c{i}" for i in range(classes)],
        "head": str(rng.choice(["softmax", "sigmoid"])),
        "frontend": {
            "version": 1, "rate_hz": rate_hz, "window": window, "hop": hop, "fft": 512, "bands": bands, "low_hz": 60,
            "high_hz": rate_hz // 2, "coefficients": coefficients, "floor_db": -100,
            "step_mdb": int(rng.choice([50, 400, 3000])),
        },
        "hop_frames": frames, "features": 0, "scores": 0, "states": [],
        "detector": {"pool_ms": int(rng.choice([0, 1, 300, 2000, 60000])), "classes": rules},
    }  # fmt: skip
    if attention:
        meta["attention"] = 1
    return soundcore.Stream(b.build([features], outputs, {"soundsdk": json.dumps(meta).encode()}))


def rules_of(thresholds: list[Thresholds]) -> array[int]:
    return array("H", [v for t in thresholds for v in (t.on, t.off, t.min_ms, t.hold_ms)])


def wandering(rng: np.random.Generator, steps: int, width: int) -> np.ndarray:
    """Return int8 values (steps, width) that stay, drift, jump and burst."""
    jumps = rng.random((steps, width)) < 0.05
    held = np.where(jumps, rng.integers(-128, 128, (steps, width)), 0)
    at = np.maximum.accumulate(np.where(jumps, np.arange(steps)[:, None], 0), axis=0)
    noise = rng.normal(0, rng.choice([0, 3, 30]), (steps, width))
    return np.clip(np.take_along_axis(held, at, axis=0) + noise, -128, 127).astype(np.int8)


@pytest.mark.parametrize("seed", range(KINDS))
def test_scores_events_and_times_are_those_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stream = scripted(rng)
    metadata = json.loads(stream.metadata)
    defined = from_stream(stream, metadata)
    rules = rules_of(defined.thresholds)
    detector = stream.detector(rules, metadata["head"] == "softmax", metadata["detector"]["pool_ms"])
    logits = wandering(rng, STEPS, len(stream.scores))
    attention = wandering(rng, STEPS, max(1, len(stream.attention)))
    loud = np.repeat(wandering(rng, STEPS, 1), len(stream.features), axis=1) // 2 + wandering(rng, STEPS, 1)[:, :1] // 4
    now = 0
    for _ in range(int(rng.choice([0, 3, 9]))):  # near 2**32 samples, and beyond: 74 hours at 16 kHz
        now += 2**30 - 10**5
        assert detector.step(now) == defined.step(stream.scores, stream.attention, now)
    for k in range(STEPS):
        stream.scores[:] = logits[k].data
        if len(stream.attention):
            stream.attention[:] = attention[k].data
        stream.features[:] = loud[k].astype(np.int8).data
        # Now and then sound has been lost before the step.
        now += stream.step_samples + (int(rng.integers(0, 10**6)) if rng.random() < 0.01 else 0)
        if k == STEPS // 2:
            changed = [Thresholds(t.on, t.off, t.hold_ms, t.min_ms) for t in defined.thresholds]
            defined.thresholds = changed
            rules[:] = rules_of(changed)
        closing = k == STEPS - 1
        count = defined.close(now) if closing else defined.step(stream.scores, stream.attention, now)
        assert (detector.close(now) if closing else detector.step(now)) == count, k
        assert list(detector.edge) == defined.edge, k
        assert list(detector.scores) == defined.scores, k
        for i, edge in enumerate(defined.edge):
            if edge:
                found = detector.id[i], now - detector.ago[i], detector.peak[i]
                assert found == (defined.id[i], defined.time[i], defined.peak[i]), (k, i, edge == ON)


def test_the_kinds_of_streams_have_many_events() -> None:
    """Count the events of a few kinds, so that the comparison above is of more than silence."""
    found = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        stream = scripted(rng)
        detector = from_stream(stream, json.loads(stream.metadata))
        logits = wandering(rng, STEPS, len(stream.scores))
        for k in range(STEPS):
            stream.scores[:] = logits[k].data
            found += detector.step(stream.scores, stream.attention, (k + 1) * stream.step_samples)
    assert found > 100


def test_it_refuses_rules_and_times_that_it_cannot_read() -> None:
    stream = scripted(np.random.default_rng(0))
    classes = len(stream.scores)
    good = array("H", [500, 300, 0, 500] * classes)
    wrong: list[Any] = [array("H", good[:-1]), array("I", good), bytes(good)]
    for rules in wrong:
        with pytest.raises(soundcore.Error, match="rules must hold"):
            stream.detector(rules, True, 0)
    for pool_ms in (-1, 60001):
        with pytest.raises(soundcore.Error, match="pool_ms must be"):
            stream.detector(good, True, pool_ms)
    detector = stream.detector(good, False, 60000)
    del good[-1]  # behind its back
    with pytest.raises(soundcore.Error, match="rules must hold"):
        detector.step(0)


def test_a_detector_keeps_its_stream_alive() -> None:
    stream = scripted(np.random.default_rng(1))
    detector = stream.detector(array("H", [500, 300, 0, 500] * len(stream.scores)), False, 0)
    scores = detector.scores
    del stream
    assert detector.step(1000) in range(len(scores) + 1)
    del detector
    assert all(0 <= value <= 1000 for value in scores)


@pytest.mark.parametrize("seed", range(20))
def test_the_level_is_that_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    defined, level = Level(), soundcore.SoundLevel()
    for _ in range(60):
        size = int(rng.choice([0, 1, 100, 256, 2048, 50000]))
        peak = int(rng.choice([0, 1, 300, 32768]))
        block = array("h", rng.integers(-peak, max(1, peak), size).astype(np.int16).tobytes())
        if peak == 32768:
            block = array("h", [-32768] * size)
        defined.add(block)
        level.add(block)
        if rng.random() < 0.3:
            assert level.read() == defined.read()
