"""Teachers in files: what they score, and what is refused."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import teacher_models
from training_sounds import RATE, need, sound

from soundsdk.errors import DataError, ModelError, UsageError

SHARED = Path(os.environ.get("SOUNDSDK_DATA", Path(__file__).parents[3] / "shared" / "data")) / "models"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("tensorflow")
    return tmp_path_factory.mktemp("teachers")


@pytest.fixture(scope="module")
def tflite(folder: Path) -> Path:
    teacher_models.write_class_map(folder / "tones_class_map.csv")
    return teacher_models.write_tflite(folder / "tones.tflite")


def teacher(path: Path, **settings):
    from soundsdk_train.distillation.teacher import open_teacher
    from soundsdk_train.run_settings import TeacherFileSettings

    return open_teacher(path, TeacherFileSettings(**settings))


def pcm(*labels: str, seconds: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(5)
    parts = [sound(label, rng, seconds) if label else rng.normal(0, 1e-4, int(RATE * seconds)) for label in labels]
    return (np.concatenate(parts) * 32767).astype(np.int16)


def test_scores_follow_the_sound_frame_by_frame(tflite):
    one = teacher(tflite, hop_s=0.125)
    assert one.names == list(teacher_models.NAMES)
    assert one.window_s == 0.25
    scores = one.scores(pcm("", "noise", "", "high tone"))
    assert scores.hop_s == 0.125
    assert scores.values.shape == (31, 3)  # windows that begin at 0, 0.125 ... 3.75 s
    assert scores.values.dtype == np.float32
    begins = np.arange(31) * 0.125
    noise = scores.values[:, 2]
    assert (noise[(begins >= 1.0) & (begins <= 1.75)] > 0.9).all()
    assert (noise[begins < 0.7] < 0.1).all()
    assert (noise[(begins >= 2.0)] < 0.1).all()
    assert scores.values[begins >= 3.0, 1].max() > 0.9
    assert scores.values[begins < 2.7, 1].max() < 0.1


def test_a_clip_of_any_length_is_scored_to_its_end(tflite):
    one = teacher(tflite, hop_s=0.25)
    sound_ = pcm("noise")
    for samples, frames in ((1, 1), (3999, 1), (4000, 1), (4001, 2), (8000, 2), (8001, 3), (16000, 4)):
        assert one.scores(sound_[:samples]).values.shape == (frames, 3), samples
    # The last window ends with the sound: its last moment is not lost.
    late = np.concatenate([np.zeros(6000, np.int16), sound_[:3000]])
    assert one.scores(late).values[-1, 2] > 0.9


def test_another_rate_is_converted(tflite):
    one = teacher(tflite)
    rng = np.random.default_rng(5)
    at_32k = (sound("high tone", rng, rate=32000) * 32767).astype(np.int16)
    scores = one.scores(at_32k, 32000)
    assert scores.values.shape == (5, 3)
    assert scores.values[:, 1].max() > 0.9


def test_tflite_saved_model_and_onnx_agree(tflite, folder):
    expected = teacher(tflite).scores(pcm("low tone", "noise")).values
    saved = teacher(teacher_models.write_saved_model(folder / "saved"), window_s=0.25)
    # Without a class map the first output counts, here the power per bin.
    assert saved.classes == 50
    saved = teacher(folder / "saved", window_s=0.25, class_map=str(folder / "tones_class_map.csv"))
    np.testing.assert_allclose(saved.scores(pcm("low tone", "noise")).values, expected, atol=1e-4)
    need("onnxruntime")
    onnx = teacher(teacher_models.write_onnx(folder / "tones.onnx"))
    assert onnx.names == list(teacher_models.NAMES)
    np.testing.assert_allclose(onnx.scores(pcm("low tone", "noise")).values, expected, atol=1e-4)


def test_logits_need_their_activation(folder):
    path = teacher_models.write_tflite(folder / "logits.tflite", logits=True)
    names = str(teacher_models.write_class_map(folder / "names.csv"))
    with pytest.raises(ModelError, match="not probabilities") as raised:
        teacher(path, class_map=names).scores(pcm("noise"))
    assert "teacher_file.activation" in raised.value.hint
    expected = teacher(folder / "tones.tflite").scores(pcm("noise")).values
    got = teacher(path, class_map=names, activation="sigmoid").scores(pcm("noise")).values
    np.testing.assert_allclose(got, expected, atol=1e-5)
    softmax = teacher(path, class_map=names, activation="softmax").scores(pcm("noise")).values
    np.testing.assert_allclose(softmax.sum(1), 1.0, atol=1e-5)


def test_identity_changes_with_what_the_scores_depend_on(tflite, folder):
    same = teacher(tflite).identity
    assert teacher(tflite).identity == same
    assert teacher(tflite, hop_s=0.1).identity != same
    assert teacher(tflite, activation="sigmoid").identity != same
    other = folder / "other.tflite"
    other.write_bytes(tflite.read_bytes() + b"\0")
    assert teacher(other, class_map=str(folder / "tones_class_map.csv")).identity != same


def int8_detector(path: Path) -> Path:
    from soundsdk.models.shipped import load_model

    path.write_bytes(load_model("home").data)
    return path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.tflite", None, "there is no teacher"),
        ("text.tflite", b"not a model at all", "is not a model that can teach"),
        ("empty.tflite", b"", "is not a model that can teach"),
        ("damaged.tflite", b"\x1c\0\0\0TFL3" + bytes(40), "cannot be loaded"),
        ("folder", "folder", "lacks saved_model.pb"),
    ],
)
def test_a_wrong_teacher_file_is_named_in_a_sentence(tmp_path, name, content, says):
    need("tensorflow")
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=says) as raised:
        teacher(path)
    assert name in raised.value.message
    assert raised.value.hint


def test_a_detector_of_soundsdk_is_refused_as_it_takes_features(tmp_path):
    need("tensorflow")
    with pytest.raises(ModelError, match=r"has \d+ inputs instead of one"):
        teacher(int8_detector(tmp_path / "home.tflite"))


def test_a_model_of_features_or_integers_is_refused(tmp_path):
    need("tensorflow")
    import tensorflow as tf

    for name, spec in (
        ("features", tf.TensorSpec((1, 96, 64), tf.float32)),
        ("integers", tf.TensorSpec((1, 4000), tf.int32)),
        ("batch", tf.TensorSpec((8, 4000), tf.float32)),
    ):
        function = tf.function(lambda x: tf.cast(x, tf.float32) * 0.5, input_signature=[spec])
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(converter.convert())
        with pytest.raises(ModelError, match="not samples of sound"):
            teacher(path)


def test_a_broken_onnx_file_is_refused(tmp_path):
    need("onnxruntime")
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"\x08\x08nonsense")
    with pytest.raises(ModelError, match="cannot be loaded"):
        teacher(path)


def test_a_class_map_of_another_model_is_refused(tflite, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("one\ntwo\n")
    with pytest.raises(ModelError, match="gives no float32 scores of 2 classes"):
        teacher(tflite, class_map=str(names))


@pytest.mark.parametrize(("settings", "says"), [({"hop_s": 0.0}, "hop_s"), ({"activation": "tanh"}, "activation")])
def test_settings_out_of_range_are_usage_errors(tflite, settings, says):
    from soundsdk_train.run_settings import from_dict

    with pytest.raises(UsageError, match=says):
        teacher(tflite, **asdict(from_dict({"teacher_file": settings}).teacher_file))


def test_class_maps_are_tables_or_lists(tmp_path):
    from soundsdk_train.distillation.class_map import read_class_names

    path = tmp_path / "names"
    teacher_models.write_class_map(path)
    assert read_class_names(path) == list(teacher_models.NAMES)
    path.write_text("Dog\nCat, meow\n")
    assert read_class_names(path) == ["Dog", "Cat, meow"]
    for content, says in (
        (b"", "is empty"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"index,display_name\n1,Dog\n", "row 2"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=says):
            read_class_names(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_class_names(tmp_path / "missing")


def test_labels_find_their_classes_by_table_or_by_name():
    from soundsdk_train.distillation.class_map import label_map

    names = ["Dog", "Bark", "Baby cry, infant cry", "Siren", "Smoke detector, smoke alarm"]
    found = label_map(
        ["dog_bark", "baby_cry", "siren", "smoke_alarm", "my_doorbell", "background"],
        {"dog_bark": ["Dog", 1], "my_doorbell": [], "siren": ["siren"]},
        names,
        5,
    )
    assert found.indices == [[0, 1], [2], [3], [4], [], []]
    assert found.known.tolist() == [True, True, True, True, False, False]
    scores = np.array([[0.2, 0.5, 0.1, 0.0, 1.0], [0.9, 0.8, 0.0, 0.3, 0.0]], np.float32)
    np.testing.assert_allclose(found.apply(scores), [[0.5, 0.1, 0.0, 1.0, 0.0, 0.0], [0.9, 0.0, 0.3, 0.0, 0.0, 0.0]])
    found.combine = "sum"
    np.testing.assert_allclose(found.apply(scores)[:, 0], [0.7, 1.0])


@pytest.mark.parametrize(
    ("table", "names", "says", "hint"),
    [
        ({}, ["Dog"], "no class of the name siren", r"\[teacher_file.map\] siren"),
        ({"siren": ["Sirene"]}, ["Siren"], "no class 'Sirene'", "class map lists"),
        ({"siren": ["Police siren"]}, ["Siren"], "no class 'Police siren'", "Siren"),
        ({"siren": [5]}, ["Siren"], "names class 5, and the teacher has 1", "0 to 0"),
        ({"siren": ["Siren"]}, [], "no class map is there", "class_map"),
        ({"siren": []}, ["Siren"], "knows none of the labels", "--teacher"),
        ({"alarm": [0]}, ["Siren"], "names none of the labels", "siren"),
    ],
)
def test_labels_that_map_to_nothing_are_usage_errors(table, names, says, hint):
    from soundsdk_train.distillation.class_map import label_map

    with pytest.raises(UsageError, match=says) as raised:
        label_map(["siren"], table, names, 1)
    import re

    assert re.search(hint, raised.value.hint)


def test_the_settings_file_holds_the_table_of_labels(tmp_path):
    from soundsdk_train.run_settings import read_settings

    path = tmp_path / "s.toml"
    path.write_text('[teacher_file]\nhop_s = 0.48\n[teacher_file.map]\nsiren = ["Siren", 3]\ndoorbell = []\n')
    assert read_settings(path).teacher_file.map == {"siren": ["Siren", 3], "doorbell": []}
    for text, says in (("siren = 3", "must be a list"), ("siren = [1.5]", "must be of type str or int")):
        path.write_text(f"[teacher_file.map]\n{text}\n")
        with pytest.raises(UsageError, match=says):
            read_settings(path)


def test_yamnet_hears_a_smoke_alarm_of_the_generator():
    need("tensorflow")
    if not (SHARED / "yamnet.tflite").is_file():
        pytest.skip(f"no yamnet.tflite in {SHARED}: set SOUNDSDK_DATA")
    from soundsdk_sim.scenes import alarms

    one = teacher(SHARED / "yamnet.tflite")
    assert one.classes == 521
    alarm = alarms.temporal_three(np.random.default_rng(1), 4.0, "piezo")
    alarm = (alarm / np.abs(alarm).max() * 8000).astype(np.int16)
    heard = one.scores(np.concatenate([np.zeros(32000, np.int16), alarm])).values
    index = one.names.index("Beep, bleep"), one.names.index("Smoke detector, smoke alarm"), one.names.index("Alarm")
    assert heard[:4, index].max() < 0.1
    assert heard[:, index].max() > 0.3
