"""Ctrl-C in a training: what was there stays, what was trained is kept, and --resume ends as if it had not come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_sounds import need, write_few

from soundsdk import cli
from soundsdk.errors import EXIT_INTERRUPTED
from soundsdk.models.shipped import load_model
from soundsdk_train.commands.train import STOPPING

CONFIG = (
    "[train]\nbatch = 8\nwindow_frames = 56\n[pretrained]\nhead_steps = 6\ntuned_steps = 4\n"
    "[calibration]\nuse = false\n[quantize]\nclips_per_class = 2\n[waveform]\nvariants = 0\n[negatives]\nuse = false\n"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with few recordings of one label, and settings that train on them in seconds."""
    need("tensorflow")
    root = tmp_path_factory.mktemp("project")
    write_few(root / "data")
    (root / "c.toml").write_text(CONFIG)
    return root


def words(project: Path, out: Path, *more: str) -> list[str]:
    data, config = str(project / "data"), str(project / "c.toml")
    return ["train", "--data", data, "--config", config, "--from", "home", "--name", "bell", "-o", str(out), *more]


@pytest.fixture(scope="module")
def whole(project: Path) -> bytes:
    """Return the detector of a training that was not interrupted."""
    assert cli.run(words(project, project / "whole.tflite")) == 0
    assert not list(project.glob("*.checkpoint"))
    return (project / "whole.tflite").read_bytes()


def interrupt_after(stage: str, epoch: int, number: int | None = None) -> Callable[[Any, Any], None]:
    from soundsdk_train import progress

    shown = progress.TrainingDisplay.epoch

    def report(self: Any, report: Any) -> None:
        shown(self, report)
        if (report.stage, report.epoch) == (stage, epoch):
            if number is not None:
                os.kill(os.getpid(), number)
            raise KeyboardInterrupt

    return report


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP, and ends a process at SIGTERM")
@pytest.mark.parametrize(
    ("stage", "epoch", "there", "name", "code", "sentence"),
    [
        ("new head", 1, True, "SIGHUP", 129, "soundsdk: ended, as the terminal was closed."),
        ("fine-tuning", 2, False, "SIGTERM", 143, "soundsdk: terminated."),
    ],
)
def test_an_interrupted_training_from_home_keeps_the_file_that_was_there_and_resumes_to_the_same_bytes(
    project: Path,
    whole: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    stage: str,
    epoch: int,
    there: bool,
    name: str,
    code: int,
    sentence: str,
) -> None:
    from soundsdk_train import progress

    out = tmp_path / "bell.tflite"
    good = load_model("home").data
    if there:
        out.write_bytes(good)
    with monkeypatch.context() as patched:
        number = getattr(signal, name)
        patched.setattr(progress.TrainingDisplay, "epoch", interrupt_after(stage, epoch, number))
        before = signal.signal(number, signal.SIG_DFL)  # ignored where tests run in the background
        assert cli.run(words(project, out)) == code
        signal.signal(number, before)
    said = capfd.readouterr().err
    assert (f"soundsdk: {STOPPING}\n" in said) is (number == signal.SIGINT)  # at once, before all that is said later
    assert "converting" not in said.partition(STOPPING)[0] or number != signal.SIGINT
    assert said.splitlines()[-2:] == [sentence, f"  The same command with --resume goes on to {out}."]
    assert "bell.interrupted.tflite is what was trained so far" in said
    assert out.read_bytes() == good if there else not out.exists()
    assert load_model(tmp_path / "bell.interrupted.tflite").labels == ["doorbell"]
    assert json.loads((tmp_path / "bell.interrupted.run.json").read_text())["training"]["interrupted"] is True
    stages = ["new-head", "fine-tuning"][: 1 if stage == "new head" else 2]
    assert {p.name for p in tmp_path.glob("*.checkpoint")} == {f"bell.{name}.checkpoint" for name in stages}
    assert cli.run(words(project, out, "--resume")) == 0
    assert f"{stage}: epoch 1 of" not in capfd.readouterr().err
    assert out.read_bytes() == whole
    assert not list(tmp_path.glob("*.checkpoint"))


def test_an_interrupted_file_is_marked_and_ctrl_c_says_what_is_kept(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from soundsdk_train import preparation, progress

    out = tmp_path / "bell.tflite"
    with monkeypatch.context() as patched:
        patched.setattr(progress.TrainingDisplay, "epoch", interrupt_after("fine-tuning", 1))
        assert cli.run(words(project, out)) == EXIT_INTERRUPTED
    capfd.readouterr()
    assert cli.run(["info", str(tmp_path / "bell.interrupted.tflite")]) == 0
    assert "interrupted: its training was ended after " in capfd.readouterr().out

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    # After the last epoch, before there is a file.
    with monkeypatch.context() as patched:
        patched.setattr("soundsdk_train.quantize.convert", interrupted)
        assert cli.run(words(project, out, "--resume", "--json")) == EXIT_INTERRUPTED
    checkpoint = tmp_path / "bell.fine-tuning.checkpoint"
    kept = f"kept: {checkpoint}; the same command with --resume goes on from there to {out}"
    captured = capfd.readouterr()
    assert captured.err.endswith(f"soundsdk: interrupted.\n  {kept}\n")
    assert json.loads(captured.out)["error"]["hint"] == kept
    with monkeypatch.context() as patched:
        patched.setattr(preparation, "load_clips", interrupted)
        assert cli.run(words(project, tmp_path / "new.tflite")) == EXIT_INTERRUPTED
    assert "nothing was trained yet, and nothing is kept" in capfd.readouterr().err
    assert not out.exists()


def test_a_checkpoint_that_is_not_there_or_of_another_training_is_refused(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from soundsdk_train import progress

    out = tmp_path / "bell.tflite"
    (tmp_path / "bell.v2.train.checkpoint").write_bytes(b"of bell.v2.tflite")
    assert cli.run(words(project, out, "--resume")) == 2
    assert f"there is no checkpoint beside {out} to resume from." in capfd.readouterr().err
    with monkeypatch.context() as patched:
        patched.setattr(progress.TrainingDisplay, "epoch", interrupt_after("new head", 1))
        assert cli.run(words(project, out)) == EXIT_INTERRUPTED
    kept = (tmp_path / "bell.new-head.checkpoint").read_bytes()
    capfd.readouterr()
    assert cli.run(words(project, out, "--resume", "--seed", "9")) == 2
    assert "is of a run with other settings, labels or data" in capfd.readouterr().err
    assert (tmp_path / "bell.new-head.checkpoint").read_bytes() == kept
    assert not out.exists()


def test_standard_error_holds_what_soundsdk_says_and_no_line_of_tensorflow(project: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    command = [sys.executable, "-m", "soundsdk", *words(project, tmp_path / "bell.tflite")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    own = ("skipped", "training starts", "sounds without", "note: ", "features are kept", "new head", "fine-tuning",
           "training", "converting", "choosing", "comparing", "record of the run", "negatives", "no negatives",
           "8 clips of 2 classes", "thresholds",
           # what was found in the folder
           f"{project / 'data'}: 8 clips", "nothing is held out", "              clips", "  doorbell        4",
           "  background      4",
           "warning: doorbell has only", "warning: doorbell: its score reaches",
           "warning: background has only", "rates: 16000 Hz (8)")  # fmt: skip
    strange = [line for line in done.stderr.splitlines() if not line.startswith(own)]
    assert strange == []


def test_epochs_for_few_recordings_say_that_training_starts_from_scratch(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from soundsdk_train.datasets import scan
    from soundsdk_train.preparation import choose_start
    from soundsdk_train.run_settings import RunSettings

    dataset = scan(project / "data")
    assert choose_start(dataset, None, RunSettings(), {}, None, 5) is None
    assert "training starts from scratch, as --epochs asks for; --from home" in capfd.readouterr().err
    assert choose_start(dataset, None, RunSettings(), {"train": {}}, None, None) is None
    assert "as [train] asks for" in capfd.readouterr().err
    assert choose_start(dataset, None, RunSettings(), {}, "none", 5) is None
    assert capfd.readouterr().err == ""


def test_a_signal_between_the_detector_and_its_record_leaves_both_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from soundsdk import whole_file
    from soundsdk_train import training_job
    from soundsdk_train.training_run import TrainedDetector

    out = tmp_path / "bell.tflite"
    out.write_bytes(b"old")
    record = {"training": {"interrupted": False}}
    made = TrainedDetector(b"new", None, None, record)
    monkeypatch.setattr(training_job, "make_detector", lambda *_, **__: (made, None))
    write = whole_file.write_whole

    def signalled(path: Path, *rest: Any, **more: Any) -> None:
        write(path, *rest, **more)
        if path == out:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(whole_file, "write_whole", signalled)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    try:
        assert cli.run(["train", "--data", str(tmp_path), "-o", str(out), "--json"]) == EXIT_INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, before)
    assert out.read_bytes() == b"new"
    assert json.loads((tmp_path / "bell.run.json").read_text()) == record
    assert json.loads(capfd.readouterr().out)["error"]["hint"] == f"{out} and its record are written."
