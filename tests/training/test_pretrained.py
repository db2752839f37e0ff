"""Training from a detector: its network read back, and what of it is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from training_sounds import need

from soundsdk import detector_file
from soundsdk.errors import ModelError
from soundsdk.models import find_model
from soundsdk_sim.scenes import make_scene

need("tensorflow", "tflite_micro")


def int8_outputs(data: bytes, pcm: np.ndarray) -> np.ndarray:
    """Return scores and attention of every step as real numbers, from the code that runs on the device."""
    import soundcore

    stream = soundcore.Stream(data)
    quantised = ((stream.scores, stream.scores_quant), (stream.attention, stream.attention_quant))
    rows, at, sound = [], 0, pcm.tobytes()
    while at < len(pcm):
        at += stream.feed(sound, at)
        if stream.stepped:
            rows.append([scale * (v - zero) for values, (scale, zero) in quantised for v in values])
    return np.array(rows)


@pytest.mark.parametrize("name", ["home", "esc10"])
def test_the_network_read_back_scores_as_the_file_does(name: str) -> None:
    from soundsdk_train.features import extract
    from soundsdk_train.pretrained.network import rebuilt
    from soundsdk_train.pretrained.reading import read_network

    detector = detector_file.load(find_model(name))
    network = read_network(detector)
    pcm = make_scene(3, 20.0, None).pcm
    expected = int8_outputs(detector.data, pcm)
    features = extract(pcm, network.frontend).astype(np.float32) * detector_file.FEATURE_SCALE
    got = np.asarray(rebuilt(network)(features[None]))[0, : len(expected)]
    for column in range(expected.shape[1]):
        assert np.corrcoef(expected[:, column], got[:, column])[0, 1] > 0.95
    # The states of the INT8 file are rounded at every step: outputs drift apart by little against their spread.
    difference = np.abs(got - expected)
    assert difference.mean() < 0.2 * expected.std(0).mean()
    assert np.abs(1 / (1 + np.exp(-got)) - 1 / (1 + np.exp(-expected))).max() < 0.2


def test_what_is_read_back_is_what_was_written(trained: tuple) -> None:
    """Weights quantised once are read exactly: at most half a step of each channel away from the float ones."""
    import tempfile

    from soundsdk_train import crnn_step
    from soundsdk_train.pretrained.network import rebuilt
    from soundsdk_train.pretrained.reading import read_network

    detector, _ = trained
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quick.tflite"
        path.write_bytes(detector.data)
        network = read_network(detector_file.load(path))
    shape = crnn_step.spec(network.form, network.frontend.width, 3)
    again = crnn_step.fold_weights(rebuilt(network), shape)
    for (kernel, bias), (read_kernel, read_bias) in zip(again.convs, network.weights.convs, strict=True):
        np.testing.assert_allclose(kernel, read_kernel, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(bias, read_bias, rtol=1e-5, atol=1e-7)
    for field in ("gru_input", "gru_input_bias", "gru_state", "gru_state_bias"):
        np.testing.assert_array_equal(getattr(again, field), getattr(network.weights, field))
    assert network.form.blocks == [[8, 2, 2], [8, 2, 2]]
    assert dataclasses.replace(network.form, dropout=0.2) == network.form


def test_a_file_of_another_form_is_refused_by_name(tmp_path: Path) -> None:
    from soundsdk_train.pretrained.reading import read_network

    detector = detector_file.load(find_model("home"))
    other = dataclasses.replace(detector, metadata={**detector.metadata, "labels": ["one"]})
    with pytest.raises(ModelError, match="not one to train from"):
        read_network(other)
