"""A training that was cut off goes on as if it had not been, and what it had reached is never lost."""

from __future__ import annotations

import errno
import json
import os
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from training_sounds import need, quick_settings

from soundsdk.errors import UsageError
from soundsdk_train.checkpoint import CheckpointFiles, Snapshot, TrainingError

EPOCHS = 4


@pytest.fixture(autouse=True)
def _tensorflow() -> None:
    need("tensorflow")


class CutOffError(Exception):
    """A crash, in these tests."""


def fit(
    folder: Path,
    resume: bool = False,
    on_epoch: Callable[[Any], None] | None = None,
    epochs: int = EPOCHS,
    **train: Any,
) -> Any:
    """Train the small network on noise, with dropout and a validation set, and a checkpoint in folder."""
    from soundsdk_train import augment, tf_runtime, training_loop

    rng = np.random.default_rng(0)
    clips = [rng.integers(-128, 128, (60, 40)).astype(np.int8) for _ in range(20)]
    labels = np.eye(2, dtype=np.float32)[[0, 1] * 10]
    settings = quick_settings(train={"epochs": EPOCHS, **train}, model={"dropout": 0.3})
    tf_runtime.seed_everything(1)
    return training_loop.fit(
        augment.Bank(clips, labels),
        settings,
        settings.model,
        epochs=epochs,
        validation=(clips[:6], labels[:6]),
        on_epoch=on_epoch,
        seed=3,
        checkpoint=CheckpointFiles(folder / "m.tflite", resume).of("train", "the same run"),
    )


def cut_after(epoch: int) -> Callable[[Any], None]:
    def on_epoch(report: Any) -> None:
        if report.epoch == epoch:
            raise CutOffError

    return on_epoch


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    need("tensorflow")
    return fit(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_cut_off_at_any_epoch_it_ends_as_if_it_had_not_been(epoch: int, whole: Any, tmp_path: Path) -> None:
    with pytest.raises(CutOffError):
        fit(tmp_path, on_epoch=cut_after(epoch))
    seen: list[int] = []
    resumed = fit(tmp_path, resume=True, on_epoch=lambda report: seen.append(report.epoch))
    assert seen == list(range(epoch + 1, EPOCHS + 1))
    assert (resumed.losses, resumed.metrics) == (whole.losses, whole.metrics)
    assert resumed.best_epoch == whole.best_epoch
    for a, b in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_resume_training_begins_again(whole: Any, tmp_path: Path) -> None:
    fit(tmp_path)
    seen: list[int] = []
    fit(tmp_path, on_epoch=lambda report: seen.append(report.epoch))
    assert seen == [1, 2, 3, 4]


def test_a_loss_that_is_not_finite_is_an_error_and_keeps_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundsdk_train import training_loop
    from soundsdk_train.augment import Augmenter

    made = Augmenter.batch
    seen: list[int] = []

    def broken(self: Augmenter, chosen: Any) -> Any:
        batch = made(self, chosen)
        if len(seen) == 2:
            batch.features[:] = np.nan
        return batch

    # No batch is made ahead of the report of the epoch before, so that the third epoch is the broken one.
    def one_at_a_time(augmenter: Augmenter, epochs: int) -> Any:
        for _ in range(epochs):
            batches = list(augmenter.epoch())
            epoch = training_loop.EpochBatches(queue.Queue())
            for batch in [*batches, dict(augmenter.random.bit_generator.state)]:
                epoch.ready.put(batch)
            yield epoch

    with monkeypatch.context() as patched:
        patched.setattr(Augmenter, "batch", broken)
        patched.setattr(training_loop, "epochs_ahead", one_at_a_time)
        with pytest.raises(TrainingError, match="the loss is nan in epoch 3") as error:
            fit(tmp_path, on_epoch=lambda report: seen.append(report.epoch))
    assert "--resume --epochs 2" in error.value.hint
    kept = fit(tmp_path, resume=True, epochs=2)
    assert len(kept.losses) == 2
    assert all(np.isfinite(w).all() for w in kept.model.get_weights())


def test_a_full_disk_is_an_error_and_the_epoch_before_is_kept(
    whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace
    calls: list[object] = []

    def full(source: Any, target: Any) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(TrainingError, match="No space left on device") as error:
            fit(tmp_path)
    assert "--resume" in error.value.hint
    assert [p.name for p in tmp_path.iterdir()] == ["m.train.checkpoint"]
    resumed = fit(tmp_path, resume=True)
    assert resumed.losses == whole.losses


def test_checkpoints_of_other_runs_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    files = CheckpointFiles(tmp_path / "m.tflite", resume=True)
    files.of("train", 1).write(Snapshot([np.arange(3)], [np.ones(2)], {"epoch": 1}))
    found = files.of("train", 1).read()
    assert found is not None
    np.testing.assert_array_equal(found.state[0], np.arange(3))
    assert files.of("teacher 1", 1).read() is None
    with pytest.raises(UsageError, match="other settings, labels or data"):
        files.of("train", 2).read()
    (tmp_path / "m.train.checkpoint").write_bytes(b"PK damaged")
    with pytest.raises(UsageError, match="is damaged"):
        files.of("train", 1).read()
    assert CheckpointFiles(tmp_path / "m.tflite").of("train", 1).read() is None
    files.remove()
    assert list(tmp_path.iterdir()) == []


def test_another_number_of_epochs_is_refused_unless_it_is_reached(tmp_path: Path) -> None:
    with pytest.raises(CutOffError):
        fit(tmp_path, on_epoch=cut_after(2))
    with pytest.raises(UsageError, match="of 4 epochs, not 9"):
        fit(tmp_path, resume=True, epochs=9)
    assert len(fit(tmp_path, resume=True, epochs=2).losses) == 2


def test_the_command_resumes_to_the_same_file(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("tensorflow")
    from soundsdk_train import progress
    from soundsdk_train.commands.train import train

    config = tmp_path / "quick.toml"
    config.write_text(
        "[model]\nstem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n[waveform]\nvariants = 0\n"
        "[train]\nepochs = 3\nwindow_frames = 56\n[quantize]\nclips_per_class = 2\n[teacher]\ncount = 1\nepochs = 2\n"
    )

    def args(out: str, *more: str) -> list[str]:
        return ["--data", str(folders), "--config", str(config), "--name", "m", "-o", str(tmp_path / out), *more]

    whole = CliRunner().invoke(train, args("whole.tflite"), catch_exceptions=False)
    assert whole.exit_code == 0
    shown = progress.TrainingDisplay.epoch

    def cut(self: Any, report: Any) -> None:
        shown(self, report)
        if (report.stage, report.epoch) == ("train", 2):
            raise CutOffError

    with monkeypatch.context() as patched:
        patched.setattr(progress.TrainingDisplay, "epoch", cut)
        result = CliRunner().invoke(train, args("cut.tflite"))
    assert isinstance(result.exception, CutOffError)
    assert {p.name for p in tmp_path.glob("cut.*")} == {"cut.teacher-1.checkpoint", "cut.train.checkpoint"}
    result = CliRunner().invoke(train, args("cut.tflite", "--resume"), catch_exceptions=False)
    assert "train: epoch 3 of 3" in result.stderr
    assert "teacher 1: epoch" not in result.stderr
    assert (tmp_path / "cut.tflite").read_bytes() == (tmp_path / "whole.tflite").read_bytes()
    records = [json.loads((tmp_path / f"{name}.run.json").read_text()) for name in ("whole", "cut")]
    assert records[0]["training"] == records[1]["training"]
    assert not list(tmp_path.glob("*.checkpoint"))


def test_a_run_removes_its_own_checkpoints_and_no_other(tmp_path: Path) -> None:
    other = tmp_path / "bell.v2.train.checkpoint"
    other.write_bytes(b"of another run")
    files = CheckpointFiles(tmp_path / "bell.tflite")
    own = files.of("train").path
    own.write_bytes(b"of this run")
    files.remove()
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_the_checkpoint_of_an_earlier_run_is_kept_aside_and_named(tmp_path: Path) -> None:
    said: list[str] = []
    files = CheckpointFiles(tmp_path / "m.tflite", resume=False, say=said.append)
    for run in range(3):
        checkpoint = files.of("train", run)
        for epoch in (1, 2):
            checkpoint.write(Snapshot([np.array([run])], [], {"epoch": epoch}))
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "m.train.checkpoint", "m.train.checkpoint.old", "m.train.checkpoint.old1"
    ]  # fmt: skip
    assert [("m.train.checkpoint.old now" in text, "m.train.checkpoint.old1 now" in text) for text in said] == [
        (True, False), (False, True)
    ]  # fmt: skip
    (tmp_path / "m.train.checkpoint.old").rename(tmp_path / "m.train.checkpoint")
    kept = CheckpointFiles(tmp_path / "m.tflite", resume=True, say=said.append).of("train", 0)
    found = kept.read()
    assert found is not None
    assert (found.state[0].tolist(), found.about["epoch"]) == ([0], 2)
    kept.write(found)
    assert len(said) == 2
