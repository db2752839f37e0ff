"""A Keras network that starts from the weights of a detector."""

from __future__ import annotations

from typing import Any

import numpy as np

from soundsdk_train.crnn import build
from soundsdk_train.crnn_step import Weights
from soundsdk_train.pretrained.reading import DetectorNetwork
from soundsdk_train.run_settings import ModelSettings


def load_encoder(model: Any, weights: Weights) -> None:
    """Set a Keras network's convolutions and recurrent layer; its head is left as it is.

    Normalisations become the identity plus the folded bias: mean 0, variance 1 - epsilon, scale 1.
    """
    names = [layer.name.removesuffix("_norm") for layer in model.layers if layer.name.endswith("_norm")]
    for name, (kernel, bias) in zip(names, weights.convs, strict=True):
        model.get_layer(name).set_weights([kernel])
        norm = model.get_layer(f"{name}_norm")
        one, zero = np.ones_like(bias), np.zeros_like(bias)
        norm.set_weights([one, bias, zero, one - norm.epsilon])
    gru_bias = np.stack([weights.gru_input_bias, weights.gru_state_bias])
    model.get_layer("gru").set_weights([weights.gru_input, weights.gru_state, gru_bias])


def rebuilt(network: DetectorNetwork) -> Any:
    """Return the detector's own network in Keras, head included: it scores as the file does, but for its rounding."""
    scores, attention = network.weights.scores, network.weights.attention
    model = build(network.form, network.frontend.width, scores[1].size)
    load_encoder(model, network.weights)
    head = [np.concatenate([s, a], -1) for s, a in zip(scores, attention, strict=True)]
    model.get_layer("head").set_weights(head)
    return model


def with_new_head(network: DetectorNetwork, form: ModelSettings, classes: int) -> Any:
    """Return a Keras network with the detector's encoder and recurrent layer, and a head for so many classes.

    form: that of the detector, with the head, attention and dropout to train with.
    """
    model = build(form, network.frontend.width, classes)
    load_encoder(model, network.weights)
    return model
