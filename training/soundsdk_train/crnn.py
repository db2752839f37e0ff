"""The streaming CRNN on whole sequences, in Keras, and its cost.

Convolutions are padded on the left in time by kernel - stride zeros, so they are causal, and by hand in
frequency. The same weights give the step that runs on the device (crnn_step.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from soundsdk_train.run_settings import ModelSettings


@dataclass
class ConvShape:
    """One convolution of the step, with all that is needed to build it, count it or stream it."""

    name: str
    kind: str  # "conv" or "depthwise"
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]  # bands added below and above
    rows_in: int  # new rows per step
    bands_in: int
    channels_in: int
    channels_out: int
    relu: bool = True

    @property
    def context(self) -> int:
        """Rows carried from one step to the next."""
        return self.kernel[0] - self.stride[0]

    @property
    def rows_out(self) -> int:
        """New rows per step after the stride."""
        return self.rows_in // self.stride[0]

    @property
    def bands_out(self) -> int:
        """Bands after padding and stride."""
        return (self.bands_in + sum(self.pad) - self.kernel[1]) // self.stride[1] + 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates per step."""
        per_output = self.kernel[0] * self.kernel[1] * (self.channels_in if self.kind == "conv" else 1)
        return per_output * self.rows_out * self.bands_out * self.channels_out

    @property
    def parameters(self) -> int:
        """Weights and biases after batch normalisation is folded."""
        per_output = self.kernel[0] * self.kernel[1] * (self.channels_in if self.kind == "conv" else 1)
        return (per_output + 1) * self.channels_out


def _same_pad(bands: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max(0, (-(-bands // stride) - 1) * stride + kernel - bands)
    return total // 2, total - total // 2


def plan(settings: ModelSettings, width: int) -> list[ConvShape]:
    """Return the convolutions in order, from features (hop_frames, width, 1) to one row of (1, 1, channels)."""
    rows, bands, channels = settings.hop_frames, width, 1
    layers: list[ConvShape] = []

    def add(name: str, kind: str, kernel: Sequence[int], stride: tuple[int, int], out: int, same: bool = True) -> None:
        nonlocal rows, bands, channels
        pad = _same_pad(bands, kernel[1], stride[1]) if same else (0, 0)
        layer = ConvShape(name, kind, (kernel[0], kernel[1]), stride, pad, rows, bands, channels, out)
        layers.append(layer)
        rows, bands, channels = layer.rows_out, layer.bands_out, out

    time, freq = settings.stem_stride
    add("stem", "conv", settings.stem_kernel, (time, freq), settings.stem_filters)
    for i, (filters, time, freq) in enumerate(settings.blocks):
        add(f"block{i}_depthwise", "depthwise", settings.block_kernel, (time, freq), channels)
        add(f"block{i}_pointwise", "conv", (1, 1), (1, 1), filters)
    # Learned weighting over the remaining bands.
    add("bands", "depthwise", (1, bands), (1, 1), channels, same=False)
    return layers


def cost(settings: ModelSettings, width: int, classes: int, frames_per_second: float) -> dict[str, float]:
    """Count parameters (batch normalisation folded) and multiply-accumulates per step and per second of audio."""
    layers = plan(settings, width)
    inputs, units = layers[-1].channels_out, settings.gru_units
    outputs = classes + attentions(settings, classes)
    parameters = sum(layer.parameters for layer in layers)
    macs = sum(layer.macs for layer in layers)
    parameters += 3 * units * (inputs + units + 2) + outputs * (units + 1)
    macs += 3 * units * (inputs + units) + outputs * units
    steps = frames_per_second / settings.hop_frames
    return {"parameters": parameters, "macs_per_step": macs, "macs_per_second": round(macs * steps)}


def attentions(settings: ModelSettings, classes: int) -> int:
    """Return the number of attention logits per step: one, or one per class."""
    return classes if settings.attention == "class" else 1


def widened(settings: ModelSettings, factor: float, dropout: float) -> ModelSettings:
    """Return the same form with all filters and units times factor, for teachers."""
    return replace(
        settings,
        stem_filters=round(settings.stem_filters * factor),
        blocks=[[round(filters * factor), time, freq] for filters, time, freq in settings.blocks],
        gru_units=round(settings.gru_units * factor),
        dropout=dropout,
    )


def build(settings: ModelSettings, width: int, classes: int) -> Any:
    """Build the Keras model: (batch, frames, width) -> (batch, steps, classes + attentions), class logits first."""
    import keras
    from keras import layers as kl

    from soundsdk_train.crnn_layers import NormalizedRelu, SequenceGru, SharedDropout

    inputs = keras.Input((None, width), name="features")
    x = kl.Reshape((-1, width, 1))(inputs)
    for layer in plan(settings, width):
        if layer.context or any(layer.pad):
            x = kl.ZeroPadding2D(((layer.context, 0), layer.pad))(x)
        if layer.kind == "conv":
            x = kl.Conv2D(layer.channels_out, layer.kernel, layer.stride, use_bias=False, name=layer.name)(x)
        else:
            x = kl.DepthwiseConv2D(layer.kernel, layer.stride, use_bias=False, name=layer.name)(x)
        x = NormalizedRelu(layer.relu, name=f"{layer.name}_norm")(x)
    x = kl.Reshape((-1, x.shape[-1]))(x)
    x = SharedDropout(settings.dropout)(x)
    x = SequenceGru(settings.gru_units, name="gru")(x)
    x = SharedDropout(settings.dropout)(x)
    outputs = kl.Dense(classes + attentions(settings, classes), name="head", dtype="float32")(x)
    return keras.Model(inputs, outputs)
