"""`soundsdk sim --on`: the options it allows, and the errors of targets that fail.

That the targets are equal is tested in test_targets_equal.py.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from target_needs import need_target
from tiny_model import build, metadata

from soundfw.wire import framing
from soundsdk.boards import find_board
from soundsdk.cli import run as cli
from soundsdk.detector_file import from_bytes, load
from soundsdk.errors import DataError, DeviceError, ModelError
from soundsdk.models.shipped import load_model
from soundsdk_sim.targets import images, on_qemu, on_unix
from soundsdk_sim.targets.line_collector import LineCollector
from soundsdk_sim.targets.names import TARGETS
from soundsdk_sim.targets.qemu_machine import QemuMachine
from soundsdk_sim.targets.runner import run_on_target
from waiting import PATIENCE_S

QUICK = ["unix", "qemu-arm", "qemu-rv32"]


def events(text: str | bytes) -> list[str]:
    raw = text if isinstance(text, str) else text.decode()
    return [line for line in raw.splitlines() if '"type":"event"' in line]


@pytest.fixture(params=QUICK)
def target(request: pytest.FixtureRequest) -> str:
    """Return a target whose image is there, so that no message about building it appears."""
    need_target(request.param)
    images.cached_image(request.param.replace("-", "_"))
    return str(request.param)


def call(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capfd.readouterr()
    code = cli(["sim", *map(str, words)])
    return code, *capfd.readouterr()


def test_formats_noise_and_picture_are_those_of_the_simulator(
    target: str, wav: Path, model_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for words in (["--format", "tsv"], ["--format", "audacity"], ["--noise-db", "20", "--format", "tsv"]):
        here = call(capfd, wav, "--model", model_file, *words)
        assert here[1].count("\t") >= 6
        assert call(capfd, "--on", target, wav, "--model", model_file, *words) == here
    call(capfd, wav, "--model", model_file, "--plot", tmp_path / "a.png")
    code, out, err = call(capfd, "--on", target, wav, "--model", model_file, "--plot", tmp_path / "b.png")
    assert (code, err, len(events(out))) == (0, f"wrote {tmp_path / 'b.png'}\n", 6)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_each_of_several_recordings_starts_a_fresh_board(
    target: str, wav: Path, model_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    once = events(call(capfd, wav, "--model", model_file)[1])
    again = tmp_path / "again.wav"
    again.write_bytes(wav.read_bytes())
    code, out, _ = call(capfd, "--on", target, wav, again, "--model", model_file)
    assert code == 0
    assert events(out) == once + once


def test_a_recording_shorter_than_a_step(target: str) -> None:
    got = run_on_target(target, load_model(), np.ones(10, np.int16))
    assert got.lines == run_on_target("cpython", load_model(), np.ones(10, np.int16)).lines
    assert len(got.lines) == 1


def test_lines_come_while_it_runs(target: str, pcm: np.ndarray) -> None:
    detector, realtime = load_model(), target == "unix"  # which takes a second for what emulators need half a minute
    if realtime:
        detector, sound = from_bytes(build(metadata()), "tones.tflite"), pcm[: 6 * 16000]
    else:
        sound = np.random.default_rng(1).integers(-3000, 3000, 300 * 16000).astype(np.int16)
    times: list[float] = []
    begin = time.monotonic()
    lines = run_on_target(target, detector, sound, lambda line: times.append(time.monotonic() - begin), realtime).lines
    assert len(times) == len(lines) >= (4 if realtime else 30)
    # Buffered lines would all come at once.
    assert times[-1] - times[1] > (1.5 if realtime else 0.2 * (time.monotonic() - begin))


def test_a_model_that_the_firmware_refuses_is_refused_with_the_same_words(
    target: str, wav: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = metadata()
    bad["detector"]["classes"][1]["off"] = 700
    (tmp_path / "bad.tflite").write_bytes(build(bad))
    here = call(capfd, wav, "--model", tmp_path / "bad.tflite")
    assert here[0] == 1
    assert "detector.threshold" in here[2]
    assert call(capfd, "--on", target, wav, "--model", tmp_path / "bad.tflite") == here


def test_a_model_for_which_there_is_no_memory(pcm: np.ndarray) -> None:
    need_target("qemu-arm")
    program = "waste = bytearray(150000)\n" + on_qemu.PROGRAM.lstrip()
    with pytest.raises(ModelError, match="memory") as caught:
        on_qemu.collect_lines(find_board("qemu_arm"), load_model(), pcm, program=program)
    assert caught.value.exit_code == 1


def test_realtime_on_unix_takes_as_long_as_the_sound(
    tmp_path: Path, sound: np.ndarray, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    need_target("unix")
    images.cached_image("unix")
    soundfile.write(tmp_path / "c.wav", sound[: 16000 * 3 // 2], 16000)
    begin = time.monotonic()
    code, out, _ = call(capfd, "--on", "unix", "--realtime", tmp_path / "c.wav", "--model", model_file)
    assert 1.4 < time.monotonic() - begin < PATIENCE_S  # the upper bound only ends a hang: cores are shared
    assert code == 0
    assert events(out) == events(call(capfd, tmp_path / "c.wav", "--model", model_file)[1]) != []


@pytest.mark.parametrize(
    "words",
    [
        *[["--on", name, "--pty"] for name in TARGETS if name != "cpython"],
        *[["--on", name, "--realtime"] for name in ("qemu-arm", "qemu-rv32", "rp2040")],
        ["--on", "esp32"],
    ],
)
def test_options_that_exclude_each_other_are_refused(
    words: list[str], wav: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capfd, wav, *words)
    assert (code, out) == (2, "")
    assert words[1] in err


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("qemu-arm", ["qemu-system-arm", "apt-get install"]),
        ("qemu-rv32", ["qemu-system-riscv32", "qemu-system-misc"]),
        ("rp2040", ["Node.js", "nodejs"]),
        ("unix", ["make", "apt-get install"]),
    ],
)
def test_what_is_missing_is_named_with_its_package(
    target: str, names: list[str], wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    code, out, err = call(capfd, "--on", target, wav)
    assert code == 7
    assert out == ""
    assert all(name in err for name in names)
    assert not (tmp_path / "cache").exists()


def test_a_recording_larger_than_the_memory_is_refused(pcm: np.ndarray) -> None:
    need_target("qemu-arm")
    board = find_board("qemu_arm")
    assert board.qemu is not None
    small = dataclasses.replace(board, qemu=dataclasses.replace(board.qemu, data_bytes=len(load_model().data) + 100000))
    with pytest.raises(DataError, match="does not fit into the memory") as caught:
        on_qemu.collect_lines(small, load_model(), pcm)
    assert caught.value.exit_code == 1


def test_a_program_that_fails_or_is_silent_is_an_error(tmp_path: Path) -> None:
    fake = tmp_path / "fake"
    for script, silence_s, says in (
        ("echo out of luck; exit 3", PATIENCE_S, "exit code 3: out of luck"),
        ("exec sleep 300", 1.0, "nothing for"),
    ):
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o755)
        begin = time.monotonic()
        with pytest.raises(DeviceError, match=says):
            on_unix.collect_lines(load_model(), np.zeros(1000000, np.int16), program=fake, silence_s=silence_s)
        assert time.monotonic() - begin < PATIENCE_S


def test_a_silent_chip_is_an_error() -> None:
    need_target("qemu-rv32")
    with QemuMachine(find_board("qemu_rv32"), images.cached_image("qemu_rv32")) as machine:
        received: list[bytes] = []
        with pytest.raises(DeviceError, match="not answered"):
            received.extend(machine.stream("print('first')\nwhile True: pass", 5.0))
        assert b"".join(received) == b"first\r\n"
    with QemuMachine(find_board("qemu_rv32"), images.cached_image("qemu_rv32")) as machine:
        with pytest.raises(DeviceError, match="ZeroDivisionError"):
            list(machine.stream("1 // 0", PATIENCE_S))
        assert b"".join(machine.stream("print('goes on')", PATIENCE_S)) == b"goes on\r\n"


def test_the_image_for_unix_is_a_program(wav: Path, model_file: Path) -> None:
    """It reads a WAV file or a pipe, as the README of firmware shows."""
    need_target("unix")
    pcm = np.round(soundfile.read(wav)[0] * 32768).astype("<i2")
    expected = run_on_target("cpython", load(model_file), pcm).lines
    words = [images.cached_image("unix"), "-m", "soundfw"]
    done = subprocess.run([*words, wav, f"model={model_file}"], capture_output=True, timeout=60, check=True)
    assert events(done.stdout) == events(b"\n".join(expected)) != []
    words_piped = [*words, "-", f"model={model_file}"]
    piped = subprocess.run(words_piped, input=pcm.tobytes(), capture_output=True, timeout=60, check=True)
    assert events(piped.stdout) == events(done.stdout)
    # The detector in the image.
    done = subprocess.run([*words, wav], capture_output=True, timeout=60, check=True)
    assert b'"model":"home"' in done.stdout
    for wrong, code in ((["none.wav"], 1), ([], 2), (["-", "colour=red"], 2)):
        refused = subprocess.run([*words, *wrong], capture_output=True, timeout=60, check=False)
        assert refused.returncode == code
        assert b"Traceback" not in refused.stderr


def test_lines_may_be_cut_at_any_byte_and_text_is_kept_apart() -> None:
    expected = run_on_target("cpython", load_model(), np.zeros(400000, np.int16)).lines
    data = b"MPY: soft reboot\r\n\n" + b"\n\n".join(expected) + b"\n"
    seen: list[bytes] = []
    lines = LineCollector(seen.append)
    for i in range(len(data)):
        lines.add(data[i : i + 1])
    assert len(expected) > 2
    assert lines.lines == seen == expected
    assert lines.last_text() == "MPY: soft reboot"


def test_a_failed_start_is_a_refusal() -> None:
    lines = LineCollector(lambda line: pytest.fail("a line of a board that refuses"))
    hello = {"type": "hello", "proto": 1, "fw": "0", "board": "x", "model": "", "sha256": "", "rate_hz": 0, "seq": 0}
    lines.add(framing.encode(hello) + b"\n")
    with pytest.raises(ModelError, match=r"too deep \(model.op\)"):
        lines.add(framing.encode({"type": "ack", "ok": False, "error": "model.op", "detail": "too deep"}) + b"\n")


def test_the_simulator_alone_loads_no_target(wav: Path, model_file: Path) -> None:
    script = (
        "import sys; from soundsdk.cli import run; "
        f"code = run(['sim', {str(wav)!r}, '--model', {str(model_file)!r}]); "
        "names = ('soundsdk.build', 'soundsdk_sim.targets.qemu_machine', 'soundsdk_sim.rp2040'); "
        "bad = {m for m in sys.modules if m.startswith(names)}; "
        "sys.exit(repr(bad) if bad or code else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
