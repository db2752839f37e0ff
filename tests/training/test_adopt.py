"""soundsdk adopt: models as other tools write them become detectors that compute what they did, or are refused."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import other_models
import pytest
import soundcore
from training_sounds import need

from endless_pipe import endless_pipe
from soundsdk import cli
from soundsdk.errors import ModelError, UsageError

LABELS = "a,b,c"
BANDS, FRAMES = other_models.BANDS, other_models.FRAMES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("tensorflow")
    pytest.importorskip("tflite_micro", reason="the official interpreter (extra 'train') is for Linux on x86-64 only")
    return tmp_path_factory.mktemp("models")


def _adopt(path: Path, *words: str) -> int:
    made = str(path.with_name(f"{path.stem}_sdk.tflite"))
    return cli.run(["adopt", str(path), "--labels", LABELS, "-o", made, "--json", *words])


# name: what follows the path, what the file's own scores are
RUN = {
    "int8_full": [], "int8_float_io": [], "uint8_io": [], "leaky_relu": ["--head", "softmax"],
    "hard_swish": ["--head", "sigmoid"], "transpose": ["--head", "softmax"], "gru_short": ["--head", "softmax"],
    "gru_reset_after": ["--head", "softmax"], "gru_unrolled": ["--head", "softmax"],
    "lstm_short": ["--head", "softmax"], "bands_first": [],
}  # fmt: skip
REFUSED = {
    "float_default": "input 0 is FLOAT32, not int8", "dynamic_range": "input 0 is FLOAT32, not int8",
    "int16x8": "input 0 is INT16, not int8", "prelu": "operator 4 (PRELU): unsupported operator",
    "gelu": "(GELU): unsupported operator", "conv1d": "(REDUCE_MAX): unsupported operator",
    "elu": "(DEQUANTIZE): unsupported operator",
}  # fmt: skip


def _file(name: str, folder: Path) -> Path:
    path = folder / f"{name}.tflite"
    return path if path.is_file() else other_models.write(name, folder)


@pytest.mark.parametrize("name", RUN)
def test_a_model_that_can_run_becomes_a_detector(name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = _file(name, folder)
    capfd.readouterr()
    assert _adopt(path, *RUN[name]) == 0
    said = json.loads(capfd.readouterr().out)
    assert (said["window_frames"], said["hop_frames"], said["streams"]) == (FRAMES, FRAMES // 4, False)
    assert said["steps_compared"] == 72
    assert cli.run(["info", said["output"], "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)
    assert facts["metadata"]["labels"] == LABELS.split(",")
    assert facts["metadata"]["head"] == ("sigmoid" if "sigmoid" in RUN[name] else "softmax")
    assert facts["arena_bytes"] == said["arena_bytes"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_cannot_is_refused_by_name(name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = _file(name, folder)
    capfd.readouterr()
    assert _adopt(path, "--head", "softmax") == 1
    assert not path.with_name(f"{path.stem}_sdk.tflite").exists()
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].startswith(f"soundsdk: {path} cannot be adopted: ")
    assert REFUSED[name] in lines[0]
    assert len(lines) == 2


def _logits_of_windows(path: Path, features: np.ndarray, hop: int) -> np.ndarray:
    """Return what TensorFlow Lite's reference kernels compute of each window of real features that ends in a hop."""
    import tensorflow as tf

    kernels = tf.lite.experimental.OpResolverType.BUILTIN_REF
    lite = tf.lite.Interpreter(model_content=path.read_bytes(), experimental_op_resolver_type=kernels)
    lite.allocate_tensors()
    entry, end = lite.get_input_details()[0], lite.get_output_details()[0]
    scale, zero = entry["quantization"]
    out = []
    for last in range(FRAMES, len(features) + 1, hop):
        window = features[last - FRAMES : last].astype(np.float64)
        q = np.clip(np.round(window / scale) + zero, -128, 127).astype(np.int8)
        lite.set_tensor(entry["index"], q.reshape(entry["shape"]))
        lite.invoke()
        out.append(lite.get_tensor(end["index"]).ravel().copy())
    return np.array(out)


def _scores(path: Path, pcm: np.ndarray) -> tuple[np.ndarray, tuple[float, int]]:
    stream = soundcore.Stream(path.read_bytes())
    out, at = [], 0
    while at < len(pcm):
        at += stream.feed(pcm[at:])
        if stream.stepped:
            out.append(np.frombuffer(stream.scores, np.int8).copy())
    return np.array(out), stream.scores_quant


def _sound() -> np.ndarray:
    rng = np.random.default_rng(7)
    loud = np.repeat(rng.uniform(0, 12000, size=40), 800)
    return (rng.normal(0, 1, size=len(loud)) * loud).clip(-32768, 32767).astype(np.int16)


def _features(pcm: np.ndarray, **settings: int) -> np.ndarray:
    frontend = soundcore.Frontend(**settings)
    out = np.zeros(frontend.frames_after(len(pcm)) * BANDS, np.int8)
    frontend.push(pcm, out)
    return out.reshape(-1, BANDS).astype(np.float64)


@pytest.mark.parametrize("hop", [1, 2, 8])
def test_a_window_slides_over_the_frames_of_the_frontend(
    hop: int, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _file("leaky_relu", folder)
    assert _adopt(path, "--head", "softmax", "--hop-frames", str(hop)) == 0
    pcm = _sound()
    found, _ = _scores(path.with_name("leaky_relu_sdk.tflite"), pcm)
    full = FRAMES // hop - 1  # steps until the window holds nothing but sound
    wanted = _logits_of_windows(path, _features(pcm) / 32, hop)
    assert len(found) - full == len(wanted) > 10
    assert np.abs(found[full:].astype(int) - wanted).max() <= 1  # halves round away from 0, or to even
    assert (found[full:] == wanted).mean() > 0.95
    assert len(np.unique(found)) > 10


@pytest.mark.parametrize(("unit", "factor"), [("db", 1.0), ("ln", math.log(10) / 10), ("log10", 0.1)])
def test_levels_reach_the_model_in_its_unit(
    unit: str, factor: float, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _file("leaky_relu", folder)
    settings = {"floor_db": -80, "step_mdb": 500}
    words = ["--head", "softmax", "--hop-frames", "8", "--frontend", "floor_db=-80,step_mdb=500", "--unit", unit]
    assert _adopt(path, *words, "--offset", str(40 * factor)) == 0
    pcm = _sound()
    level_db = -80 + (_features(pcm, **settings) + 128) * 0.5
    found, _ = _scores(path.with_name("leaky_relu_sdk.tflite"), pcm)
    wanted = _logits_of_windows(path, (level_db + 40) * factor, 8)
    assert len(found) == len(wanted) > 5
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert len(np.unique(found)) > 5 or unit == "db"  # at these numbers the model saturates


def _streaming(folder: Path, scale: float) -> Path:
    """Write a model with a state: a running sum of frames. scale: of the state where it leaves."""
    from soundsdk_train.adoption.network import Form, Network

    network = Network(_file("leaky_relu", folder).read_bytes(), "x")
    features, scores = network.inputs[0], network.outputs[0]
    form = network.form(features)
    before, after = network.tensor(Form(form.shape, (0.05, 3))), network.tensor(Form(form.shape, (scale, 3)))
    network.operators.insert(0, network.operator("ADD", [features, before], after, "AddOptions"))
    for op in network.operators[1:]:
        op.inputs = np.array([after if t == features else t for t in op.inputs], np.int32)
    network.inputs, network.outputs = [before, features], [after, scores]
    path = folder / f"streaming_{scale}.tflite"
    path.write_bytes(network.pack({}))
    return path


@pytest.mark.parametrize("scale", [0.05, 0.08])
def test_a_model_with_a_state_streams_and_a_state_of_another_scale_is_brought_to_its_own(
    scale: float, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _streaming(folder, scale)
    capfd.readouterr()
    if scale != 0.05:  # nothing but the scale tells the state
        assert _adopt(path, "--head", "sigmoid") == 2
        assert "2 inputs, and their shapes do not say which takes the features" in capfd.readouterr().err
    assert _adopt(path, "--head", "sigmoid", "--input", "1") == 0
    said = json.loads(capfd.readouterr().out)
    assert (said["streams"], said["hop_frames"]) == (True, FRAMES)
    data = Path(said["output"]).read_bytes()
    names = [name for name, *_ in soundcore.operators(data)]
    assert names.count("QUANTIZE") == 1 + (scale != 0.05)  # the features', and the state's
    capfd.readouterr()
    assert _adopt(path, "--head", "sigmoid", "--hop-frames", "2", "--input", "1") == 2
    assert "carries states and takes 8 frames a step" in capfd.readouterr().err


WRONG: list[tuple[list[str], int, str]] = [
    (["--labels", "a,b"], 1, "has no output for 2 labels: its outputs have 3 values"),
    (["--labels", "a,,c"], 2, "--labels has an empty label"),
    (["--labels", "a,b,a"], 2, "--labels has a twice"),
    (["--labels", "a,b\nb,c"], 2, "cannot be a label"),
    (["--labels", "a,b\x1b[31m,c"], 2, "cannot be a label"),
    (["--labels", "a,b/c,d"], 2, "cannot be a label"),
    (["--labels", f"a,{'b' * 65},c"], 2, "has 65 bytes in UTF-8"),
    (["--head", "softmax", "--input", "1"], 2, "has no input 1: it has 1"),
    (["--head", "softmax", "--frontend", "bands=41"], 1, "is not made of frames of 41 values"),
    (["--frontend", "bandz=40"], 2, "a frontend has no 'bandz'"),
    (["--frontend", "bands=many"], 2, "bands of --frontend is 'many'"),
    (["--frontend", "bands=400"], 2, "bands must be 1..128"),
    (["--frontend", "no-such"], 2, "no-such"),
    ([], 2, "ends in logits, which says nothing about"),
    (["--head", "softmax", "--hop-frames", "9"], 2, "the model's window is 8"),
    (["--head", "softmax", "--offset", "3"], 2, "--offset is for levels"),
    (["--head", "softmax", "--unit", "db", "--offset", "500"], 2, "which has no 0 in it"),
    (["--head", "softmax", "--unit", "db", "--frontend", "coefficients=40"], 2, "an MFCC is no level"),
]


@pytest.mark.parametrize(("words", "code", "says"), WRONG, ids=[f"{at} {says}" for at, (*_, says) in enumerate(WRONG)])
def test_what_does_not_fit_the_model_is_said(
    words: list[str], code: int, says: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _file("leaky_relu", folder)
    capfd.readouterr()
    assert _adopt(path, *words) == code
    assert says in capfd.readouterr().err


def test_a_softmax_is_no_sigmoid(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = _file("int8_full", folder)
    capfd.readouterr()
    assert _adopt(path, "--head", "sigmoid") == 2
    assert "ends in a softmax, not a sigmoid" in capfd.readouterr().err


def test_files_that_are_no_models_are_refused(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    damaged = folder / "damaged.tflite"
    damaged.write_bytes(_file("int8_full", folder).read_bytes()[:400])
    other = folder / "other.tflite"
    other.write_bytes(b"PK\x03\x04" + bytes(100))
    for path, says in ((damaged, "damaged.tflite"), (other, "is no TensorFlow Lite file"), (folder, "cannot be read")):
        assert _adopt(path) == 1
        assert says in capfd.readouterr().err
    assert _adopt(other_models.write_two_subgraphs(folder)) == 1
    assert "2 subgraphs" in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_file_without_an_end_is_not_read_to_it(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with endless_pipe(tmp_path / "model.tflite") as taken:
        assert _adopt(tmp_path / "model.tflite") == 1
    assert "is no TensorFlow Lite file" in capfd.readouterr().err
    assert taken[0] < 32 << 20


def test_what_was_there_is_kept(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "x.tflite"
    source.write_bytes(_file("leaky_relu", folder).read_bytes())
    before, out, record = source.read_bytes(), tmp_path / "x_sdk.tflite", tmp_path / "x_sdk.run.json"
    (tmp_path / "link.tflite").symlink_to(source)
    for same in ("x.tflite", "link.tflite"):
        words = ["--labels", LABELS, "--head", "softmax", "-o", str(tmp_path / same)]
        assert cli.run(["adopt", str(source), *words]) == 2
        assert "is the model itself" in capfd.readouterr().err
    assert source.read_bytes() == before
    out.write_bytes(b"a detector")
    record.write_text("{}", encoding="ascii")
    for _ in range(2):  # the second makes the same file, and keeps nothing
        assert _adopt(source, "--head", "softmax") == 0
    said = [json.loads(line)["previous"] for line in capfd.readouterr().out.splitlines()]
    assert said == [str(tmp_path / "x_sdk.previous.tflite"), None]
    assert (tmp_path / "x_sdk.previous.tflite").read_bytes() == b"a detector"
    assert (tmp_path / "x_sdk.previous.run.json").read_text(encoding="ascii") == "{}"
    assert not record.exists()
    assert len(list(tmp_path.iterdir())) == 5


def test_shapes_of_an_input_are_told_apart() -> None:
    need("tensorflow")
    from soundsdk_train.adoption.ends import layout
    from soundsdk_train.adoption.network import Form

    def found(*shape: int) -> tuple[int, bool]:
        return layout(Form(shape, (0.1, 0)), 40)

    assert found(1, 49, 40, 1) == (49, False)
    assert found(1, 49, 40) == (49, False)
    assert found(1, 1, 49, 40) == (49, False)
    assert found(1, 40, 49, 1) == (49, True)
    assert found(1, 40, 40, 1) == (40, False)
    assert found(1, 1960) == (49, False)
    assert found(1, 1, 40, 1) == (1, False)
    for shape in ((1, 49, 39, 1), (1, 1961), (2, 49, 40)):
        with pytest.raises(ModelError, match="not made of frames of 40 values"):
            found(*shape)


def test_the_zero_of_a_unit_lies_within_the_levels() -> None:
    from soundsdk_train.adoption.window import feature_quant
    from soundsdk_train.run_settings import FrontendSettings

    scale, zero = feature_quant(FrontendSettings(), "db", 0.0)
    assert scale == pytest.approx(0.4)
    assert (-128 - zero) * scale == pytest.approx(-100, abs=0.2)
    assert feature_quant(FrontendSettings(), "soundsdk", 0.0) == (1 / 32, 0)
    with pytest.raises(UsageError):
        feature_quant(FrontendSettings(floor_db=-140, step_mdb=100), "db", 0.0)


def test_an_lstm_keeps_its_states_itself_and_streams(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "core"))
    from graph_generator import Graph, Value
    from lstm_generator import add_lstm

    g = Graph(np.random.default_rng(6))
    x = g.value((1, 4, BANDS), 0.04, 5)
    y, scale, zero, units = add_lstm(g.b, g.rng, x.index, ([1, 4], BANDS, x.scale), plain=3)
    last = g.softmax(g.reshape(g.slice(Value(y, (1, 4, units), scale, zero), 1, 3, 4), (1, units)))
    path = folder / "lstm.tflite"
    path.write_bytes(g.b.build([x.index], [last.index]))
    capfd.readouterr()
    assert _adopt(path) == 0
    said = json.loads(capfd.readouterr().out)
    assert (said["streams"], said["window_frames"], said["hop_frames"]) == (True, 4, 4)
    found, _ = _scores(Path(said["output"]), _sound())
    assert len(np.unique(found, axis=0)) > 5
