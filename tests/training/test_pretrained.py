"""Training from a detector: its network read back, and what of it is kept."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
from training_sounds import need, quick_settings, write_few

from soundsdk import cli, detector_file
from soundsdk.errors import ModelError
from soundsdk.models.shipped import find_model
from soundsdk_sim.scenes import make_scene


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
    need("tensorflow")
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


@pytest.fixture(scope="module")
def quick_detector(trained: tuple, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a detector of three classes, as small as can be."""
    path = tmp_path_factory.mktemp("quick") / "quick.tflite"
    path.write_bytes(trained[0].data)
    return path


def test_what_is_read_back_is_what_was_written(quick_detector: Path) -> None:
    from soundsdk_train import crnn_step
    from soundsdk_train.pretrained.network import rebuilt
    from soundsdk_train.pretrained.reading import read_network

    network = read_network(detector_file.load(quick_detector))
    shape = crnn_step.spec(network.form, network.frontend.width, 3)
    again = crnn_step.fold_weights(rebuilt(network), shape)
    for (kernel, bias), (read_kernel, read_bias) in zip(again.convs, network.weights.convs, strict=True):
        np.testing.assert_allclose(kernel, read_kernel, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(bias, read_bias, rtol=1e-5, atol=1e-7)
    for name in ("gru_input", "gru_input_bias", "gru_state", "gru_state_bias"):
        np.testing.assert_array_equal(getattr(again, name), getattr(network.weights, name))
    assert network.form.blocks == [[8, 2, 2], [8, 2, 2]]
    assert (network.form.stem_filters, network.form.gru_units) == (4, 8)


@pytest.mark.parametrize(("tuned_steps", "moved"), [(0, False), (3, True)])
def test_convolutions_move_in_the_second_stage_only(
    quick_detector: Path, folders: Path, tuned_steps: int, moved: bool
) -> None:
    from soundsdk_train import datasets, training_bank
    from soundsdk_train.pretrained.choice import start_from
    from soundsdk_train.pretrained.transfer import transfer

    steps = {"head_steps": 3, "tuned_steps": tuned_steps}
    settings = quick_settings(model={"head": "sigmoid"}, pretrained=steps)
    network = start_from(str(quick_detector), settings)
    clips = datasets.load_clips(datasets.scan(folders).recordings[::5], settings.frontend, settings.model.hop_frames)
    bank = training_bank.training_bank(clips.clips, ["low_tone"], settings)
    reports = []
    trained = transfer(bank, settings, network, on_epoch=reports.append)
    assert {r.stage for r in reports} == {"new head", "fine-tuning"} if moved else {"new head"}
    assert len(trained.losses) == len(reports)
    differs = []
    names = ("stem", "block0_depthwise", "block0_pointwise")
    for layer, (kernel, bias) in zip(names, network.weights.convs, strict=False):
        differs.append(not np.array_equal(trained.model.get_layer(layer).get_weights()[0], kernel))
        assert np.array_equal(trained.model.get_layer(f"{layer}_norm").get_weights()[1], bias)
    assert all(differs) if moved else not any(differs)
    assert not np.array_equal(trained.model.get_layer("gru").get_weights()[0], network.weights.gru_input)
    # A head of one label and one attention, whatever the detector had.
    assert trained.model.get_layer("head").get_weights()[0].shape == (8, 2)


def test_train_from_a_detector_writes_one_of_the_new_label(
    quick_detector: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_few(tmp_path / "data")
    config = tmp_path / "c.toml"
    config.write_text(
        "[train]\nbatch = 8\nwindow_frames = 56\n[pretrained]\nhead_steps = 4\ntuned_steps = 2\n"
        "[quantize]\nclips_per_class = 2\n[waveform]\nvariants = 0\n[negatives]\nuse = false\n"
    )
    out = tmp_path / "bell.tflite"
    words = ["train", "--data", str(tmp_path / "data"), "--config", str(config), "-o", str(out)]
    assert cli.run([*words, "--from", str(quick_detector)]) == 0
    assert "sounds without a label: background" in capfd.readouterr().err
    made = detector_file.load(out)
    assert made.labels == ["doorbell"]
    assert made.metadata["head"] == "sigmoid"
    base = detector_file.load(quick_detector)
    assert made.metadata["provenance"]["from"]["sha256"] == hashlib.sha256(base.data).hexdigest()
    assert cli.run([*words, "--from", str(quick_detector), "--epochs", "3"]) == 2
    assert "--epochs is of a training from scratch" in capfd.readouterr().err


def test_a_file_of_another_form_is_refused_by_name() -> None:
    need("tensorflow")
    from soundsdk_train.pretrained.reading import read_network

    detector = detector_file.load(find_model("home"))
    other = dataclasses.replace(detector, metadata={**detector.metadata, "labels": ["one"]})
    with pytest.raises(ModelError, match="not one to train from"):
        read_network(other)


def two_folders(root: Path, clips: int) -> Path:
    """Write a project of one label and a folder of backgrounds."""
    for folder in ("doorbell", "background"):
        (root / folder).mkdir(parents=True)
        for i in range(clips):
            (root / folder / f"{i}.wav").write_bytes(b"")
    return root


def test_a_folder_of_backgrounds_is_no_label_and_makes_the_head_one_of_events(tmp_path: Path) -> None:
    from soundsdk.labels import is_background
    from soundsdk_train.datasets import scan
    from soundsdk_train.preparation import choose_head, labels_to_learn
    from soundsdk_train.run_settings import RunSettings

    dataset = scan(two_folders(tmp_path, 2))
    settings = RunSettings()
    choose_head(dataset, settings, {})
    assert settings.model.head == "sigmoid"
    assert labels_to_learn(dataset, settings) == ["doorbell"]
    settings = RunSettings()
    choose_head(dataset, settings, {"model": {"head": "softmax"}})
    assert settings.model.head == "softmax"
    assert labels_to_learn(dataset, settings) == ["background", "doorbell"]
    assert all(map(is_background, ("background", "noise", "silence", "other", "others", "negatives", "neg_speech")))
    assert not any(map(is_background, ("doorbell", "noisy", "glass", "another")))


@pytest.mark.parametrize(
    ("clips", "given", "arguments", "name"),
    [
        (39, {}, {}, "home"),
        (40, {}, {}, None),
        (39, {}, {"start": "none"}, None),
        (39, {}, {"start": "scratch"}, None),
        (39, {}, {"epochs": 5}, None),
        (39, {"train": {"batch": 16}}, {}, None),
        (39, {"augment": {"gain_db": 3.0}}, {}, "home"),
        (90, {}, {"start": "esc10"}, "esc10"),
    ],
)
def test_few_recordings_start_from_home_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: int, given: dict, arguments: dict, name: str | None
) -> None:
    from soundsdk_train.datasets import scan
    from soundsdk_train.preparation import choose_head, choose_start
    from soundsdk_train.pretrained import choice
    from soundsdk_train.run_settings import RunSettings

    monkeypatch.setattr(choice, "start_from", lambda name, settings, **_: name)
    settings = RunSettings()
    dataset = scan(two_folders(tmp_path, clips))
    choose_head(dataset, settings, given)
    assert choose_start(dataset, None, settings, given, **arguments) == name


def test_the_negatives_that_score_highest_come_up_more_often() -> None:
    from soundsdk_train.augment import Bank
    from soundsdk_train.pretrained.hard_negatives import with_hard_negatives
    from soundsdk_train.run_settings import RunSettings

    settings = RunSettings()
    settings.model.head = "sigmoid"
    settings.pretrained.hard_share, settings.pretrained.hard_times = 0.25, 3
    features = [np.full((40 + i, 40), 10 * i - 60, np.int8) for i in range(12)]
    labels = np.zeros((12, 1), np.float32)
    labels[:4] = 1.0
    bank = Bank(features, labels, copies=[1] * 4, negatives=8)

    def louder_is_higher(batch: np.ndarray, training: bool) -> np.ndarray:
        assert not training
        return batch.mean(-1, keepdims=True)

    harder = with_hard_negatives(bank, louder_is_higher, settings)
    assert len(harder) == 12 + 2 * 2
    assert harder.negatives == 8 + 2 * 2
    assert sorted(harder.lengths[12:].tolist()) == [50, 50, 51, 51]  # the two loudest of the eight
    assert np.array_equal(harder.lengths[:12], bank.lengths)
    assert len(bank) == 12  # the one given is as it was
    settings.model.head = "softmax"
    assert with_hard_negatives(bank, louder_is_higher, settings) is bank
