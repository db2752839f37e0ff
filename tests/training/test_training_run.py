"""A training run, from a folder of sounds to a detector file, and what must never be written."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from training_sounds import need, quick_settings, write_folders

from soundsdk.detector_file import FEATURE_SCALE
from soundsdk.errors import CheckError, DataError, OutputError, UsageError
from soundsdk_train import crnn, crnn_step, training_loop, training_run
from soundsdk_train.progress import TrainingDisplay


def test_training_end_to_end_gives_a_file_within_its_promises(trained: Any) -> None:
    detector, test = trained
    import soundcore

    assert detector.data[4:8] == b"TFL3"
    model = soundcore.Model(detector.data)
    assert model.input_shape(0) == (1, 8, 40, 1)
    assert model.input_quant(0) == (1 / 32, 0)
    assert detector.record["cost"]["arena_bytes"] == model.arena_size
    assert detector.record["judge"]["steps_equal"] == sum(len(c.features) // 8 for c in test)
    assert detector.record["cost"]["file_bytes"] == len(detector.data) < 40_000
    assert detector.int8_figures.clips == len(test) == 6


def test_metadata_is_complete(trained: Any) -> None:
    import soundcore

    detector, _ = trained
    stream = soundcore.Stream(detector.data)
    metadata = json.loads(stream.metadata)
    assert metadata["soundsdk"] == 1
    assert metadata["name"] == "quick"
    assert metadata["labels"] == ["high_tone", "low_tone", "noise"]
    assert metadata["head"] == "softmax"
    assert metadata["frontend"]["version"] == soundcore.FRONTEND_VERSION
    assert metadata["hop_frames"] * metadata["frontend"]["hop"] == stream.step_samples
    assert (metadata["features"], metadata["scores"], metadata["attention"]) == (0, 0, 1)
    model = soundcore.Model(detector.data)
    assert len(metadata["states"]) == model.inputs - 1 == model.outputs - 2
    for before, after in metadata["states"]:
        assert model.input_shape(before) == model.output_shape(after)
        assert model.input_quant(before) == model.output_quant(after)
    assert len(metadata["reference"]["mean"]) == len(metadata["reference"]["std"]) == 40
    assert len(metadata["detector"]["classes"]) == 3
    never = [label for label, rule in zip(metadata["labels"], metadata["detector"]["classes"], strict=True)
             if (rule["on"], rule["min_ms"]) == (1000, 60000)]  # fmt: skip
    assert never == ["noise"], "the class of backgrounds is no event"
    assert set(metadata["detector"]["classes"][0]) == {"on", "off", "min_ms", "hold_ms"}
    provenance = metadata["provenance"]
    assert len(provenance["data"]) == 64
    assert (provenance["clips"], provenance["test_fold"], provenance["seed"]) == (24, 1, 1)
    assert set(provenance["float"]) == set(provenance["int8"]) == {"accuracy", "macro_f1", "map"}
    assert "tensorflow" in provenance["versions"]


def test_stock_tflite_opens_the_file_and_agrees(trained: Any) -> None:
    import soundcore
    import tensorflow as tf

    detector, test = trained
    official = tf.lite.Interpreter(
        model_content=detector.data, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF
    )
    official.allocate_tensors()
    model = soundcore.Model(detector.data)
    inputs, outputs = official.get_input_details(), official.get_output_details()
    for i, details in enumerate(inputs):
        values = test[0].features[:8] if i == 0 else np.full(details["shape"], model.input_quant(i)[1])
        official.set_tensor(details["index"], values.reshape(details["shape"]).astype(np.int8))
        np.asarray(model.input(i))[:] = values.astype(np.int8).reshape(-1)
    official.invoke()
    model.invoke()
    for i, details in enumerate(outputs):
        assert official.get_tensor(details["index"]).tobytes() == bytes(model.output(i))


def test_run_record_is_complete(trained: Any, tmp_path: Path) -> None:

    detector, _ = trained
    path = training_run.write_detector(detector, tmp_path / "new" / "m.tflite")
    assert path == tmp_path / "new" / "m.run.json"
    assert (tmp_path / "new" / "m.tflite").read_bytes() == detector.data
    record = json.loads(path.read_text())
    assert record["settings"]["train"]["epochs"] == 3
    assert len(record["data"]) == 24
    assert all(len(digest) == 64 for digest in record["data"].values())
    assert len(record["training"]["losses"]) == 3
    assert record["versions"]["tensorflow"]
    assert "commit" in record
    assert record["float"]["macro_f1"] >= 0
    assert sorted(p.name for p in path.parent.iterdir()) == ["m.run.json", "m.tflite"]


def test_the_same_seed_gives_the_same_file(trained: Any, folders: Path) -> None:
    from soundsdk_train import datasets
    from soundsdk_train.preparation import load_split

    settings = quick_settings()
    train, test, labels = load_split(datasets.scan(folders), 1, settings)
    assert training_run.train_detector(train, test, labels, settings, test_fold=1).data == trained[0].data
    settings.seed = 2
    assert training_run.train_detector(train, test, labels, settings, test_fold=1).data != trained[0].data


@pytest.mark.parametrize("attention", ["shared", "class"])
def test_steps_equal_the_whole_sequence(attention: str) -> None:
    need("tensorflow")

    rng = np.random.default_rng(4)
    settings = quick_settings(model={"attention": attention, "blocks": [[8, 2, 2], [12, 1, 1], [16, 2, 2]]}).model
    network = crnn.build(settings, 40, 3)
    for variable in network.variables:  # batch normalisation must not be the identity
        value = (
            rng.uniform(0.5, 1.5, variable.shape) if "variance" in variable.name else rng.normal(0, 0.4, variable.shape)
        )
        variable.assign(value.astype(np.float32))
    features = rng.integers(-128, 128, (83, 40)).astype(np.int8)
    shape = crnn_step.spec(settings, 40, 3)
    step = crnn_step.step_function(crnn_step.fold_weights(network, shape), shape)
    outputs, _ = crnn_step.stream_clip(step, shape, features)
    whole = network(features[None, :80].astype(np.float32) * FEATURE_SCALE, training=False).numpy()[0]
    assert outputs.shape == whole.shape == (10, 3 + (3 if attention == "class" else 1))
    assert np.abs(whole).max() > 0.1
    assert np.abs(outputs - whole).max() <= 1e-4


def test_the_sequence_model_is_causal() -> None:
    need("tensorflow")

    settings = quick_settings().model
    network = crnn.build(settings, 40, 3)
    features = np.random.default_rng(1).normal(size=(1, 64, 40)).astype(np.float32)
    changed = features.copy()
    changed[:, 40:] += 1.0
    before, after = (network(x, training=False).numpy() for x in (features, changed))
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert (before[:, 5] != after[:, 5]).any()


def test_counted_parameters_are_those_of_the_folded_weights() -> None:
    need("tensorflow")

    settings = quick_settings().model
    shape = crnn_step.spec(settings, 40, 3)
    w = crnn_step.fold_weights(crnn.build(settings, 40, 3), shape)
    arrays = [a for pair in [*w.convs, w.scores, w.attention] for a in pair]
    arrays += [w.gru_input, w.gru_input_bias, w.gru_state, w.gru_state_bias]
    assert crnn.cost(settings, 40, 3, 62.5)["parameters"] == sum(a.size for a in arrays)


def test_a_byte_that_differs_from_the_judge_is_refused(trained: Any) -> None:
    from soundsdk_train import export
    from soundsdk_train.judge import choose_judge

    judge = choose_judge()
    detector, test = trained
    clips = [test[0].features]
    assert export.verify(detector.data, clips) == len(clips[0]) // 8

    class OneByteOff:
        def __init__(self, official: Any) -> None:
            self.official, self.calls = official, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self.official, name)

        def get_output(self, index: int) -> Any:
            out = self.official.get_output(index).copy()
            self.calls += index == 2
            if index == 2 and self.calls == 5:
                out.flat[1] ^= 1
            return out

    with pytest.raises(CheckError, match=r"differ on clip 0, step \d, output 2, byte 1"):
        export.verify(detector.data, clips, replace(judge, open=lambda data: OneByteOff(judge.open(data))))


def test_no_detector_is_written_when_the_engines_differ_and_the_checkpoint_stays(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("tensorflow")
    from soundsdk_train import engine_check
    from soundsdk_train.commands.train import train

    def differ(*args: object) -> int:
        raise CheckError("they differ.")

    monkeypatch.setattr(engine_check, "verify_apart", differ)
    config = tmp_path / "quick.toml"
    config.write_text(
        '[model]\nhead = "softmax"\n'
        "stem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n[train]\nepochs = 1\n"
    )
    out = tmp_path / "out" / "m.tflite"
    result = CliRunner().invoke(train, ["--data", str(folders), "--config", str(config), "-o", str(out)])
    assert isinstance(result.exception, CheckError)
    assert [path.name for path in out.parent.iterdir()] == ["m.train.checkpoint"]


def test_ctrl_c_keeps_the_best_so_far() -> None:
    need("tensorflow")
    from soundsdk_train import augment

    rng = np.random.default_rng(0)
    bank = augment.Bank(
        [rng.integers(-128, 128, (60, 40)).astype(np.int8) for _ in range(8)], np.eye(2, dtype="f")[[0, 1] * 4]
    )
    settings = quick_settings(train={"epochs": 50})

    def stop(progress: training_loop.EpochReport) -> None:
        assert progress.seconds_left is None or progress.seconds_left >= 0
        if progress.epoch == 2:
            raise KeyboardInterrupt

    result = training_loop.fit(bank, settings, settings.model, on_epoch=stop, seed=3)
    assert result.interrupted
    assert (result.best_epoch, len(result.losses)) == (2, 2)
    assert all(np.isfinite(w).all() for w in result.model.get_weights())

    def at_once(progress: training_loop.EpochReport) -> None:
        raise KeyboardInterrupt

    first = training_loop.fit(bank, settings, settings.model, on_epoch=at_once, seed=3)
    assert first.best_epoch == 1
    # One more epoch moved the weights that are kept.
    changed = zip(first.model.get_weights(), result.model.get_weights(), strict=True)
    assert all((a != b).any() for a, b in changed)


def test_the_best_epoch_by_validation_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    need("tensorflow")
    from soundsdk_train import augment

    rng = np.random.default_rng(0)
    clips = [rng.integers(-128, 128, (60, 40)).astype(np.int8) for _ in range(8)]
    labels = np.eye(2, dtype=np.float32)[[0, 1] * 4]
    values = iter([0.1, 0.9, 0.3, 0.2])
    monkeypatch.setattr(training_loop, "validation_metric", lambda *args: next(values))
    settings = quick_settings(train={"epochs": 4})
    result = training_loop.fit(
        augment.Bank(clips, labels), settings, settings.model, validation=(clips[:2], labels[:2])
    )
    assert result.best_epoch == 2
    assert result.metrics == [0.1, 0.9, 0.3, 0.2]


def test_mixed_precision_trains_as_it_would_on_a_gpu() -> None:
    need("tensorflow")
    import keras

    from soundsdk_train import augment

    rng = np.random.default_rng(0)
    clips = [np.full((60, 40), 100 - 200 * (i % 2), np.int8) + rng.integers(0, 20, (60, 40), np.int8) for i in range(8)]
    settings = quick_settings(train={"epochs": 3})
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        result = training_loop.fit(
            augment.Bank(clips, np.eye(2, dtype=np.float32)[[0, 1] * 4]), settings, settings.model
        )
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert all(np.isfinite(loss) for loss in result.losses)
    assert {v.dtype for v in result.model.trainable_variables} == {"float32"}
    fresh = training_loop.fit(augment.Bank(clips, np.eye(2, dtype=np.float32)[[0, 1] * 4]), settings, settings.model)
    assert fresh.losses == pytest.approx(result.losses, rel=0.25)


def test_strong_labels_and_a_sigmoid_head_train_and_export(folders: Path) -> None:
    need("tensorflow")
    from soundsdk_train import datasets
    from soundsdk_train.preparation import load_split

    settings = quick_settings(
        model={"head": "sigmoid", "attention": "class"}, data={"negatives": ["noise"], "licence": "made here"}
    )
    train, test, labels = load_split(datasets.scan(folders), 1, settings)
    assert labels == ["high_tone", "low_tone"]
    for clip in train:
        assert clip.features is not None
        clip.strong = np.tile(datasets.label_matrix([clip], labels).astype(np.uint8), (len(clip.features), 1))
    detector = training_run.train_detector(train, test, labels, settings, test_fold=1)
    assert detector.int8_figures is not None
    assert detector.int8_figures.confusion is None
    assert len(detector.record["data"]) == 24  # negatives are trained on


def test_teachers_are_trained_and_learned_from(folders: Path) -> None:
    need("tensorflow")
    from soundsdk_train import datasets
    from soundsdk_train.preparation import load_split

    settings = quick_settings(teacher={"count": 1, "epochs": 1}, train={"epochs": 1})
    train, test, labels = load_split(datasets.scan(folders), 1, settings)
    stages: list[str] = []
    training_run.train_detector(train, test, labels, settings, test_fold=1, on_epoch=lambda p: stages.append(p.stage))
    assert stages == ["teacher 1", "train"]


def test_train_and_evaluate_commands(folders: Path, tmp_path: Path) -> None:
    need("tensorflow")
    from soundsdk_train.commands.evaluate import evaluate
    from soundsdk_train.commands.train import train

    config = tmp_path / "quick.toml"
    config.write_text(
        '[model]\nhead = "softmax"\n'
        "stem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n"
        "[train]\nepochs = 2\nwindow_frames = 56\n[quantize]\nclips_per_class = 2\n"
    )
    out = tmp_path / "m.tflite"
    args = ["--data", str(folders), "--config", str(config), "--fold", "2", "--seed", "5", "-o", str(out)]
    result = CliRunner().invoke(train, [*args, "--tensorboard", str(tmp_path / "tb")], catch_exceptions=False)
    assert result.exit_code == 0
    assert "fold 2, INT8: accuracy" in result.output
    assert re.search(r"train: epoch 2 of 2  loss \d+\.\d+  metric 0\.\d+  0:00 left", result.stderr)
    assert list((tmp_path / "tb").rglob("events.out.tfevents.*"))
    record = json.loads((tmp_path / "m.run.json").read_text())
    assert record["settings"]["seed"] == 5

    result = CliRunner().invoke(
        evaluate, [str(out), "--data", str(folders), "--fold", "2", "--json"], catch_exceptions=False
    )
    report = json.loads(result.stdout)
    assert report["held_out"] is True
    assert report["int8"] == record["int8"]
    assert report["float"]["macro_f1"] == round(record["float"]["macro_f1"], 4)
    assert np.array(report["int8"]["confusion"]).sum() == report["int8"]["clips"] == 6
    result = CliRunner().invoke(evaluate, [str(out), "--data", str(folders)], catch_exceptions=False)
    assert "high_tone" in result.stdout
    assert "the model was trained on 24 of these 30 recordings" in result.stderr


@pytest.mark.parametrize(
    ("labels", "head", "error"),
    [
        (["a"], "softmax", "two classes"),
        (["a", "b"], "softmax", "no clip to train on has the label b"),
        ([], "sigmoid", "no label to learn"),
    ],
)
def test_data_that_cannot_train_is_refused(labels: list[str], head: str, error: str) -> None:
    need("tensorflow")
    from soundsdk_train.datasets import LabelledClip

    clips = [LabelledClip("x.wav", np.zeros(0, np.int16), ("a",), "0" * 64, features=np.zeros((56, 40), np.int8))]
    with pytest.raises(DataError, match=error):
        training_run.train_detector(clips, [], labels, quick_settings(model={"head": head}))


def test_an_output_that_cannot_be_written_is_reported_before_training(tmp_path: Path) -> None:

    with pytest.raises(UsageError, match="does not end in"):
        training_run.check_output(tmp_path / "model.bin")
    (tmp_path / "x.tflite").mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        training_run.check_output(tmp_path / "x.tflite")


def test_calibration_clips_are_stratified_and_repeatable() -> None:
    from soundsdk_train import quantize

    labels = np.eye(3, dtype=np.float32)[[0] * 50 + [1] * 3 + [2] * 10]
    chosen = quantize.calibration_indices(labels, 4, 7)
    assert labels[chosen].sum(0).tolist() == [4, 3, 4]
    assert chosen == quantize.calibration_indices(labels, 4, 7)


def test_a_small_folder_of_unequal_classes_gets_a_repeatable_split(tmp_path: Path) -> None:
    from soundsdk_train import datasets

    found = datasets.scan(write_folders(tmp_path / "d", per_class=5))
    assert found.folds == [1, 2, 3, 4, 5]
    for fold in found.folds:
        train, test = datasets.split(found, fold)
        assert (len(train), len(test)) == (12, 3)


def test_the_time_left_does_not_count_the_batch_that_compiles_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(training_loop.time, "monotonic", lambda: now[0])
    pace = training_loop.Pace()
    left = []
    for seconds in (60.0, 0.5, 0.5):
        now[0] += seconds
        assert pace.after("result") == "result"
        left.append(pace.left(100))
    assert left == [None, 50.0, 50.0]
    assert pace.left(0) == 0.0


def test_the_first_line_of_a_stage_waits_until_it_can_say_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingDisplay() as display:
        for epoch, left in ((1, None), (2, 118.0), (3, 117.0)):
            display.epoch(training_loop.EpochReport("new head", epoch, 120, 1.0, 0.5, left))
    assert capsys.readouterr().err.splitlines() == ["new head: epoch 2 of 120  loss 1.000  metric 0.500  1:58 left"]
