"""Shipped negatives that no training hears, as a detector that was just trained hears them: from their features."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.calibration.heard import HeardRecording, Listener
from soundsdk_train.evaluation.timeline import LEAD_S, noise_floor
from soundsdk_train.features import extract
from soundsdk_train.negatives.mixing import held_back_negatives
from soundsdk_train.run_settings import frontend_of


def hear_held_back(model: bytes, listener: Listener) -> list[HeardRecording]:
    """Hear the negatives that are held back from trainings of these labels, each after LEAD_S of quiet.

    None for a frontend whose features are not shipped.
    """
    frontend = frontend_of(listener.metadata)
    items = held_back_negatives(listener.labels, frontend)
    if not items:
        return []
    rng = np.random.default_rng(0)
    lead = extract(noise_floor(rng, round(LEAD_S * frontend.rate_hz)), frontend)
    second = frontend.rate_hz / frontend.hop
    out = []
    for number, item in enumerate(items):
        logits, attention = outputs_of(model, np.concatenate([lead, item.features]))
        ends = listener.step_samples * (1 + np.arange(len(logits), dtype=np.int64))
        name, seconds = f"{item.kind}-{number}", len(item.features) / second
        out.append(HeardRecording(name, logits, attention, ends, [], item.kind, seconds))
    return out


def outputs_of(model: bytes, features: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return the logits (steps, labels) and attentions (steps, 0, 1 or labels) of a clip's features, from a cold start.

    They are those of soundcore.Stream for the sound that the features (frames, width) are of.
    """
    import soundcore

    network = soundcore.Model(model)
    assert network.metadata is not None
    about = json.loads(network.metadata)
    hop, pairs, source = about["hop_frames"], about["states"], about["features"]
    states = {i: np.full(len(network.input(i)), network.input_quant(i)[1], np.int8) for i, _ in pairs}
    scores, weights = [], []
    for at in range(0, len(features) - hop + 1, hop):
        np.asarray(network.input(source))[:] = features[at : at + hop].reshape(-1)
        for i, state in states.items():
            np.asarray(network.input(i))[:] = state
        network.invoke()
        states = {i: np.frombuffer(bytes(network.output(o)), np.int8) for i, o in pairs}
        scores.append(bytes(network.output(about["scores"])))
        weights.append(bytes(network.output(about["attention"])) if about.get("attention") is not None else b"")
    steps, labels = len(scores), len(about["labels"])
    logits = np.frombuffer(b"".join(scores), np.int8).reshape(steps, labels)
    return logits, np.frombuffer(b"".join(weights), np.int8).reshape(steps, len(weights[0]) if steps else 0)
