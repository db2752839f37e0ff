"""Two local processes train one network as one process would, and end with an error when one is lost."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_sounds import need

from soundsdk.errors import EXIT_FAILED, EXIT_OK, UsageError
from soundsdk_train.checkpoint import TrainingError

HERE = Path(__file__).parent
LONGEST_S = 300  # for a busy machine; a quiet one needs a tenth


@pytest.fixture(autouse=True)
def _tensorflow() -> None:
    need("tensorflow")


def free_addresses(count: int = 2) -> list[str]:
    """Return local addresses whose ports were free just now."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
    for server in servers:
        server.close()
    return addresses


def start(words: list[str]) -> subprocess.Popen[str]:
    """Start a Python process that computes on one thread."""
    one = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1")
    paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **one, "PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "3", "SOUNDSDK_DEBUG": ""}
    return subprocess.Popen(
        [sys.executable, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Return exit code and standard error of each process; none outlives this."""
    try:
        errors = [process.communicate(timeout=LONGEST_S)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, error) for process, error in zip(processes, errors, strict=True)]


def test_two_workers_train_the_network_of_one_process(tmp_path: Path) -> None:
    addresses = ",".join(free_addresses())
    outs = [tmp_path / f"{number}.npz" for number in (0, 1)]
    started = [start([str(HERE / "training_worker.py"), addresses, str(i), str(out)]) for i, out in enumerate(outs)]
    for code, error in finish(started):
        assert code == 0, error[-2000:]
    from training_worker import train

    alone = train(None, tmp_path / "alone")
    first, second = (np.load(out) for out in outs)
    about, other = (json.loads(str(file["about"])) for file in (first, second))
    assert about["refused"] == ["another worker has other settings, labels or recordings than worker 0."]
    assert other["refused"] == ["worker 1 has other settings, labels or recordings than worker 0."]
    assert (other["shared"], other["length"]) == (256, 256 * 300)
    np.testing.assert_allclose(about["losses"], alone.losses, rtol=1e-5)
    np.testing.assert_allclose(about["metrics"], alone.metrics, atol=1e-3)
    for number, weights in enumerate(alone.model.get_weights()):
        np.testing.assert_array_equal(first[str(number)], second[str(number)])
        np.testing.assert_allclose(first[str(number)], weights, atol=5e-5, rtol=1e-4, err_msg=str(number))
    assert (tmp_path / "0.train.checkpoint").exists()
    assert not (tmp_path / "1.train.checkpoint").exists()


def quick_config(path: Path) -> Path:
    path.write_text(
        "[model]\nstem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n[waveform]\nvariants = 0\n"
        "[train]\nepochs = 4\nbatch = 8\nwindow_frames = 56\n[quantize]\nclips_per_class = 2\n"
        "[negatives]\nuse = false\n[calibration]\nuse = false\n"
    )
    return path


def test_the_loss_of_a_worker_ends_the_command_and_all_resume(folders: Path, tmp_path: Path) -> None:
    need("tensorflow")
    common = ["train", "--data", str(folders), "--config", str(quick_config(tmp_path / "c.toml")), "--name", "m"]

    def command(number: int, addresses: str, *more: str) -> subprocess.Popen[str]:
        where = ["--workers", addresses, "--worker", str(number), "-o", str(tmp_path / "m.tflite")]
        return start(["-m", "soundsdk", *common, *where, *more])

    addresses = ",".join(free_addresses())
    lost, left = command(1, addresses), command(0, addresses)
    assert lost.stderr is not None
    for line in lost.stderr:
        if re.search("train: epoch 1 of 4", line):
            lost.kill()
            break
    lost.wait(LONGEST_S)
    ((code, error),) = finish([left])
    assert code == EXIT_FAILED, error[-2000:]
    assert "another worker is gone: " in error
    assert "--resume" in error
    assert "internal error" not in error
    assert [path.name for path in tmp_path.glob("m.*")] == ["m.train.checkpoint"]

    addresses = ",".join(free_addresses())
    # Nothing lies beside the output of worker 1: worker 0 gives it its checkpoint.
    (code, error), (other, quiet) = finish([command(0, addresses, "--resume"), command(1, addresses, "--resume")])
    assert (code, other) == (EXIT_OK, EXIT_OK), error[-2000:] + quiet[-2000:]
    assert "epoch 1 of 4" not in error + quiet
    assert "worker 0 writes" in quiet
    assert {path.name for path in tmp_path.glob("m.*")} == {"m.tflite", "m.run.json"}

    from soundsdk import cli

    assert cli.run([*common, "-o", str(tmp_path / "alone.tflite")]) == EXIT_OK
    losses: list[Any] = []
    for name in ("m", "alone"):
        losses.append(json.loads((tmp_path / f"{name}.run.json").read_text())["training"]["losses"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4, atol=2e-5)


def test_a_worker_that_does_not_come_is_waited_for_in_vain_and_no_longer() -> None:
    from soundsdk_train.workers import Workers

    addresses = free_addresses(3)
    with pytest.raises(TrainingError, match=r"worker 1, 2 did not come within 1 s") as error:
        Workers(addresses, 0, meet_s=1.0)
    assert "Start all 3 workers" in error.value.hint
    with pytest.raises(TrainingError, match=r"worker 2 could not meet worker 0 at 127\.0\.0\.1:[0-9]+ within 1 s"):
        Workers(addresses, 2, meet_s=1.0)


def test_strangers_and_other_lists_of_workers_are_not_met() -> None:
    import threading

    from soundsdk_train.workers import Workers

    addresses = free_addresses()
    host, _, port = addresses[0].rpartition(":")

    def knock() -> None:
        for text in ("GET / HTTP/1.1\r\n\r\n", f"1 {host}:1,{host}:2\n", f"7 {','.join(addresses)}\n"):
            for _ in range(20):
                try:
                    with socket.create_connection((host, int(port)), 1.0) as connection:
                        connection.sendall(text.encode())
                        assert connection.recv(1) == b""
                        break
                except OSError:
                    threading.Event().wait(0.05)

    stranger = threading.Thread(target=knock)
    stranger.start()
    with pytest.raises(TrainingError, match="worker 1 did not come"):
        Workers(addresses, 0, meet_s=1.5)
    stranger.join()


@pytest.mark.parametrize(
    ("addresses", "number", "message"),
    [
        (["one", "two:4700"], 0, "'one' is no address"),
        (["one:70000", "two:4700"], 0, "'one:70000' is no address"),
        (["one:4700", "one:4700"], 1, "the same address"),
        (["one:4700", "two:4700"], 2, "no worker 2 of 2"),
        (["one:4700"], 1, "no worker 1 of 1"),
    ],
)
def test_addresses_that_cannot_be_are_refused(addresses: list[str], number: int, message: str) -> None:
    from soundsdk_train.workers import Workers

    with pytest.raises(UsageError, match=message):
        Workers(addresses, number)


def test_a_batch_that_does_not_divide_is_refused() -> None:
    from soundsdk_train.workers import Workers

    workers = Workers()
    assert workers.rows(7) == slice(0, 7)
    workers.count, workers.number = 2, 1
    assert workers.rows(8) == slice(4, 8)
    with pytest.raises(UsageError, match="a batch of 7 does not divide among 2 workers"):
        workers.rows(7)


def test_a_number_without_addresses_is_refused(folders: Path, tmp_path: Path) -> None:
    from soundsdk import cli

    words = ["train", "--data", str(folders), "--worker", "1", "-o", str(tmp_path / "m.tflite")]
    assert cli.run(words) == 2
