"""soundsdk push against virtual boards: afterwards what was meant runs, or the old one, and the code says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tone_boards import MODEL, board

from core.tflite_builder import ModelBuilder
from sim.tiny_model import build, metadata
from soundfw import VERSION, FirmwareError
from soundfw.main import App
from soundfw.wire import commands
from soundsdk import cli
from soundsdk.detector_file import DetectorFile, load
from soundsdk.device.messages import Hello
from soundsdk.device.push import PIECE_BYTES, PushTimeouts, check_board, push
from soundsdk.device.session import CommandRejected, Device
from soundsdk.errors import CheckError, DeviceError, ProtocolError
from soundsdk.models.shipped import load_model
from soundsdk.progress import Progress
from soundsdk_sim.faults import Faulty, Noise
from soundsdk_sim.live import LiveBoard


class Bench:
    """A transport to boards over one flash; reopen() is a power-on, as of a board powered by its port."""

    serial_number = None
    path = "bench"

    def __init__(self, folder: Path, reopens: int = 100, **settings: Any) -> None:
        self._settings = {"folder": str(folder), **settings}
        self.reopens = reopens
        self.board = self._make()
        self.link: Any = self

    def _make(self) -> LiveBoard:
        return board(speed=10, block_samples=2048, **self._settings)

    def read(self, timeout_s: float) -> bytes:
        return self.board.read(timeout_s)

    def write(self, data: bytes) -> None:
        self.board.write(data)

    def close(self) -> None:
        self.board.stop()

    def reopen(self) -> Any:
        self.reopens -= 1
        self.board = self._make()
        return self


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    folder = tmp_path / "flash"
    folder.mkdir()
    return folder


@pytest.fixture
def bench(flash: Path) -> Iterator[Bench]:
    made = Bench(flash)
    yield made
    made.close()


def model_file(folder: Path, name: str, padding: int = 0, **changes: Any) -> Path:
    """Write the two-tone detector under another name, with bytes of ballast in its metadata."""
    path = folder / f"{name}.tflite"
    path.write_bytes(build(metadata(name=name, ballast="x" * padding, **changes)))
    return path


@pytest.fixture
def other(tmp_path: Path) -> DetectorFile:
    return load(model_file(tmp_path, "other", padding=9000))


def sha(detector: DetectorFile) -> str:
    return hashlib.sha256(detector.data).hexdigest()


def test_a_pushed_detector_runs_and_is_kept(bench: Bench, other: DetectorFile) -> None:
    steps = []
    with Device(bench) as device:
        assert device.hello.model == "tones"
        done = push(device, other, lambda step, at, total: steps.append((step, at, total)))
        assert (done.hello.model, done.hello.sha256, done.cuts) == ("other", sha(other), 0)
        assert (done.sent_bytes, done.resumed_bytes) == (len(other.data), 0)
        assert "trial" not in done.hello.extra
        assert [at for step, at, _ in steps if step == "sending"] == [
            *range(0, len(other.data), PIECE_BYTES),
            len(other.data),
        ]
        assert device.reboot().sha256 == sha(other)
        # Again: nothing is sent.
        assert push(device, other).sent_bytes == 0


def test_the_command_says_what_runs(bench: Bench, other: DetectorFile, capfd: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("soundsdk.device.session.open_transport", lambda where, system: bench)
    assert cli.run(["push", str(other.path), "-p", "port:x", "--json"]) == 0
    out = json.loads(capfd.readouterr().out)
    assert (out["model"], out["sha256"], out["board"]) == ("other", sha(other), "sim")


@pytest.mark.parametrize(("version", "noted"), [(f"{VERSION}+0a1b2c3d", False), ("99.0.0", True)])
def test_another_version_of_the_firmware_is_noted_and_another_build_is_not(
    bench: Bench, other: DetectorFile, capfd: Any, monkeypatch: pytest.MonkeyPatch, version: str, noted: bool
) -> None:
    monkeypatch.setattr("soundsdk.device.session.open_transport", lambda where, system: bench)
    monkeypatch.setattr("soundsdk.__version__", version)
    assert cli.run(["push", str(other.path), "-p", "port:x"]) == 0
    assert ("the board's firmware is" in capfd.readouterr().err) == noted


def test_ctrl_c_says_what_runs_and_the_same_command_goes_on(
    flash: Path, other: DetectorFile, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    benches: list[Bench] = []

    def plugged(where: Any, system: Any) -> Bench:
        benches.append(Bench(flash))
        return benches[-1]

    monkeypatch.setattr("soundsdk.device.session.open_transport", plugged)

    def interrupt(progress: Progress, completed: int, *_: object) -> None:
        if completed > 4096:
            raise KeyboardInterrupt

    with monkeypatch.context() as changed:
        changed.setattr(Progress, "update", interrupt)
        assert cli.run(["push", str(other.path), "-p", "port:x"]) == 130
    assert "The old detector stays" in capfd.readouterr().err
    assert cli.run(["push", str(other.path), "-p", "port:x", "--json"]) == 0
    out = json.loads(capfd.readouterr().out)
    assert (out["model"], out["resumed_bytes"] > 0) == ("other", True)


def test_a_virtual_board_by_its_address_takes_a_model(other: DetectorFile, capfd: Any) -> None:
    assert cli.run(["push", str(other.path), "-p", "sim:sim"]) == 0
    assert "runs other" in capfd.readouterr().out


def test_a_model_with_an_unknown_operator_is_refused_without_a_board(tmp_path: Path, capfd: Any) -> None:
    b = ModelBuilder()
    x = b.tensor((1, 8), 0.1)
    y = b.tensor((1, 8), 0.1)
    b.op("RELU", [x], [y])
    path = tmp_path / "relu.tflite"
    path.write_bytes(b.build([x], [y], {"soundsdk": json.dumps(metadata()).encode()}))
    # The address would fail with another code if it were opened.
    assert cli.run(["push", str(path), "-p", "port:/nowhere"]) == 1
    assert "model.op" in capfd.readouterr().err


def test_a_model_beyond_the_boards_ram_is_refused_before_it_is_sent(
    flash: Path, other: DetectorFile, tmp_path: Path
) -> None:
    bench = Bench(flash, board="rpi_pico")
    with Device(bench) as device:
        large = load(model_file(tmp_path, "large", padding=300000))
        with pytest.raises(CheckError, match="bytes of RAM of 270336"):
            push(device, large)
        assert not list(flash.iterdir())
        assert device.status().damaged == 0
        check_board(other, device.hello)


def test_a_board_without_the_memory_refuses_before_it_is_sent(
    bench: Bench, other: DetectorFile, flash: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soundfw.main.heap_free", lambda: 5000)
    with Device(bench) as device:
        with pytest.raises(CheckError, match=r"before it is sent.*push\.memory") as error:
            push(device, other)
        assert error.value.hint == "Train a smaller one."
        with pytest.raises(CheckError, match=r"before it is sent.*push\.memory") as error:
            push(device, load_model("home"))
        assert error.value.hint == "Take home_tiny, its form for boards with little memory."
    assert not list(flash.iterdir())


@pytest.mark.parametrize(
    ("error", "code"),
    [(MemoryError(), r"start\.memory"), (FirmwareError("model.op", "operator 3 (LSTM): unsupported"), r"model\.op")],
)
def test_a_model_the_board_cannot_run_leaves_the_old_one(
    bench: Bench, other: DetectorFile, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    real = App.open_model

    def refuse(self: App, data: Any) -> Any:
        if bytes(data) == other.data:
            raise type(error)(*error.args)  # a fresh one: a traceback would keep the stream
        return real(self, data)

    monkeypatch.setattr(App, "open_model", refuse)
    with Device(bench) as device:
        with pytest.raises(CheckError, match=rf"cannot run other \({code}\); the old detector is back"):
            push(device, other)
        hello = device.request("hello")
        assert isinstance(hello, Hello)
        assert hello.model == "tones"
        # Again, after whatever it was is gone.
        monkeypatch.undo()
        assert push(device, other).hello.model == "other"


def no_memory_for(kind: str, monkeypatch: pytest.MonkeyPatch, starts: int) -> None:
    """Let boards have no memory for a command in so many starts, beginning with the first that gets it."""
    real, apps = commands.handle, []

    def handle(app: App, message: dict[str, Any]) -> None:
        if message["type"] == kind:
            if app not in apps:
                apps.append(app)
            if apps.index(app) < starts:
                raise MemoryError
        real(app, message)

    monkeypatch.setattr(commands, "handle", handle)


@pytest.mark.parametrize("kind", ["push.begin", "push.data"])
def test_a_board_whose_memory_is_used_up_is_restarted_for_the_push(
    bench: Bench, other: DetectorFile, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    no_memory_for(kind, monkeypatch, starts=1)
    with Device(bench) as device:
        assert push(device, other).hello.model == "other"
        assert device.counts.restarts == 2  # for its memory, and for the trial


@pytest.mark.parametrize("kind", ["push.begin", "push.data"])
def test_a_board_that_has_no_memory_after_a_restart_either_refuses(
    bench: Bench, other: DetectorFile, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    no_memory_for(kind, monkeypatch, starts=100)
    with Device(bench) as device:
        with pytest.raises(CheckError, match=r"no memory left for that \(memory\)") as error:
            push(device, other)
        assert "soundsdk install -m MODEL" in error.value.hint
        assert "smaller detector" in error.value.hint
        assert device.counts.restarts == 1
        monkeypatch.undo()
        hello = device.request("hello")
        assert isinstance(hello, Hello)
        assert hello.model == "tones"


def test_a_board_without_a_file_system_says_that_it_takes_no_models(
    flash: Path, other: DetectorFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(App, "keeps_files", property(lambda app: False, lambda app, keeps: None), raising=False)
    with Device(Bench(flash)) as device, pytest.raises(CommandRejected, match="unsupported"):
        push(device, other)


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """Bytes to and from the board in a whole push of `other`."""
    folder = tmp_path_factory.mktemp("clean")
    link = Faulty(Bench(folder))
    with Device(link) as device:
        push(device, load(model_file(folder, "other", padding=9000)))
    return link.written_bytes, link.read_bytes


@pytest.mark.parametrize("number", range(20))
def test_the_cable_pulled_at_20_points_ends_with_the_new_model_once_it_is_back(
    flash: Path, other: DetectorFile, traffic: tuple[int, int], number: int
) -> None:
    """The board loses its power with the cable; host and board both have to find their place again."""
    link = Faulty(Bench(flash), unplug_written=300 + (traffic[0] - 400) * number // 19)
    with Device(link) as device:
        done = push(device, other)
        assert (done.hello.sha256, done.cuts) == (sha(other), 1)
        assert device.reboot().sha256 == sha(other)


@pytest.mark.parametrize("number", range(10))
def test_a_cable_that_stays_out_leaves_the_old_or_the_new_model_and_the_retry_succeeds(
    flash: Path, other: DetectorFile, traffic: tuple[int, int], number: int
) -> None:
    link = Faulty(Bench(flash), unplug_read=250 + (traffic[1] - 600) * number // 9)

    def gone() -> Any:
        raise DeviceError("there is no board.")

    link.reopen = gone  # type: ignore[method-assign]
    with Device(link) as device, pytest.raises(DeviceError):
        push(device, other, timeouts=PushTimeouts(away_s=0.1))
    with Device(Bench(flash)) as device:
        assert device.hello.sha256 in (sha(other), hashlib.sha256(MODEL).hexdigest())
        assert push(device, other).hello.sha256 == sha(other)


class LossyDevice(Device):
    """A Device without an answer to the next `losses[kind]` requests of a kind, however often each was tried."""

    losses: dict[str, int]

    def request(self, kind: str, *args: Any, **members: Any) -> Any:
        if self.losses.get(kind):
            self.losses[kind] -= 1
            raise ProtocolError(f"the board at bench has not answered {kind} for 9 s.", "Reset it.")
        return super().request(kind, *args, **members)


def test_a_line_that_noise_swallowed_at_every_try_does_not_end_a_push(bench: Bench, other: DetectorFile) -> None:
    with LossyDevice(bench) as device:
        device.losses = {"push.begin": 1, "push.data": 2, "push.confirm": 1}
        done = push(device, other)
        assert (done.hello.sha256, done.sent_bytes) == (sha(other), len(other.data))
        assert not any(device.losses.values())


def test_a_board_that_answers_no_hello_either_ends_a_push(bench: Bench, other: DetectorFile) -> None:
    with LossyDevice(bench) as device:
        device.losses = {}

        def fall_silent(step: str, done: int, total: int) -> None:
            device.losses.update({"push.data": 1, "hello": 1})

        with pytest.raises(ProtocolError, match="has not answered hello"):
            push(device, other, fall_silent)
        assert device.losses == {"push.data": 0, "hello": 0}


def test_a_board_that_answers_hello_and_nothing_else_ends_a_push(bench: Bench, other: DetectorFile) -> None:
    with LossyDevice(bench) as device:
        device.losses = {"push.begin": 100}
        with pytest.raises(ProtocolError, match=r"does not succeed: the board does not answer push\.begin\.$"):
            push(device, other)
        assert device.losses["push.begin"] == 92


# Every lost line costs a noisy push a try; so many tries that neither bad luck nor a busy computer uses them up.
PATIENT = PushTimeouts(answer_s=0.3, tries=200, confirm_s=60)


def test_a_noisy_line_delays_a_push_and_does_not_change_it(flash: Path, tmp_path: Path) -> None:
    small = load(model_file(tmp_path, "small"))
    noise = Noise(replace=0.0003, drop=0.0002, seed=3)
    noise_out = Noise(replace=0.0002, drop=0.0001, double=0.0001, seed=4)
    with Device(Faulty(Bench(flash), noise=noise, noise_out=noise_out)) as device:
        assert push(device, small, timeouts=PATIENT).hello.sha256 == sha(small)
    # The counts of either side may have begun again with the board's restart.
    assert noise.damaged + noise_out.damaged > 0


def test_a_trial_someone_left_behind_is_ended_or_confirmed(flash: Path, other: DetectorFile, tmp_path: Path) -> None:
    class HostEnded(Exception):
        pass

    def end_before_confirming(step: str, done: int, total: int) -> None:
        if step == "confirming":
            raise HostEnded

    third = load(model_file(tmp_path, "third"))
    with Device(Bench(flash)) as device:
        with pytest.raises(HostEnded):
            push(device, other, end_before_confirming)
        assert device.hello.extra["trial"] is True
        # The same again: confirmed, nothing sent.
        assert push(device, other).sent_bytes == 0
        with pytest.raises(HostEnded):
            push(device, third, end_before_confirming)
        assert device.hello.model == "third"
        done = push(device, load(model_file(tmp_path, "fourth")))
        assert done.hello.model == "fourth"
        assert "trial" not in done.hello.extra


def test_thresholds_are_kept_over_a_restart(bench: Bench) -> None:
    with Device(bench) as device:
        device.set("high", on=0.9, off=0.2, keep=True)
        device.reboot()
        kept = json.loads((Path(bench._settings["folder"]) / "set.json").read_text())
        assert kept["classes"][0][:2] == [900, 200]
        assert not [m for m in device.messages(0.3) if getattr(m, "re", "") == "keep"]
