"""install and uninstall by the real mpremote, on stock MicroPython behind a virtual port (its unix program)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from stock_place import Place

from sim.tiny_model import build, metadata
from soundsdk import cli
from soundsdk.build import native
from soundsdk.progress import Progress
from soundsdk.stock import installer, mpremote_run
from soundsdk.stock.installer import StockTimeouts
from virtual_boards.virtual_port import VirtualPort, VirtualPorts

Capture = pytest.CaptureFixture[str]
EVENT_S = 60.0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with VirtualPorts(tmp_path) as ports:
        yield Place(tmp_path, ports)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the time limits of installations."""
    return lambda **limits: monkeypatch.setattr(installer, "StockTimeouts", partial(StockTimeouts, **limits))


def test_a_board_hears_after_install_and_is_as_it_was_after_uninstall(place: Place, capsys: Capture) -> None:
    place.plug()
    assert place.install("--json") == 0
    steps = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    by_name = {step["step"]: step for step in steps}
    assert by_name["board"]["version"] == "1.25.0"
    assert by_name["board"]["heap_largest"] > 100_000
    assert by_name["plan"]["arch"] == "x64"
    assert by_name["done"]["board"] == "unix"
    assert by_name["done"]["model"] == "tones"
    assert max(step["percent"] for step in steps if step["step"] == "progress") == 100
    with place.device() as device:
        events = device.events(EVENT_S)
        heard = [next(events) for _ in range(4)]
    assert [(event.label, event.edge) for event in heard] == [
        ("high", "on"), ("high", "off"), ("low", "on"), ("low", "off")
    ]  # fmt: skip
    capsys.readouterr()
    assert place.uninstall() == 0
    assert f"{by_name['plan']['files']} files removed" in capsys.readouterr().err
    assert place.files() == place.before
    assert place.uninstall() == 6
    assert "has put nothing on the board" in capsys.readouterr().err


@pytest.mark.parametrize("part", [0.3, 0.95])
def test_a_cable_that_is_pulled_and_put_back(
    place: Place, part: float, capsys: Capture, patient: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(away_s=60.0)
    port = place.plug()
    cut_at(port, part, monkeypatch)
    back = threading.Thread(target=plug_again, args=(port,))
    back.start()
    assert place.install() == 3
    back.join()
    said = capsys.readouterr().err
    assert "is gone" in said
    assert "The board is as it was." in said
    assert place.files() == place.before


def cut_at(port: VirtualPort, part: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unplug the board after a part of all bytes that an installation sends to it."""
    original = mpremote_run.run
    sent = 0

    def counted(path: str, programs: list[str], *rest: Any, **options: Any) -> Any:
        nonlocal sent
        if len(programs) > 2 and not sent:
            sent = sum(len(text) for text in programs)
            port.unplug_written = int(part * sent)
        return original(path, programs, *rest, **options)

    monkeypatch.setattr(mpremote_run, "run", counted)


def plug_again(port: VirtualPort) -> None:
    for _ in range(6000):
        if not port.plugged:
            break
        threading.Event().wait(0.01)
    threading.Event().wait(0.5)
    port.plug()


def test_a_board_that_stays_away_keeps_one_folder_which_the_next_call_removes(
    place: Place, capsys: Capture, patient: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(away_s=0.5)
    port = place.plug()
    cut_at(port, 0.5, monkeypatch)
    assert place.install() == 3
    assert "soundsdk.new is left over on it" in capsys.readouterr().err
    assert {path: data for path, data in place.files().items() if not path.startswith("soundsdk.new")} == place.before
    port.plug()
    assert place.uninstall() == 0
    assert "has been undone" in capsys.readouterr().err
    assert place.files() == place.before


def test_an_update_replaces_what_was_installed_and_keeps_the_users_settings(place: Place, capsys: Capture) -> None:
    place.plug()
    assert place.install() == 0
    with place.device() as device:
        device.set(label="high", action="pin:15,high,2s", keep=True)
    (place.folder / "other.tflite").write_bytes(build({**metadata(), "name": "others"}))
    assert place.install(model="other.tflite") == 0
    assert "runs 0.1.0" in capsys.readouterr().err
    with place.device() as device:
        assert device.hello.model == "others"
    files = place.files()
    assert json.loads(files["settings.json"] or b"")["actions"] == {"high": "pin:15,high,2s"}
    assert not [path for path in files if path.startswith(("soundsdk.new", "soundsdk.old", "soundsdk.plan"))]
    assert place.uninstall() == 0
    assert place.files() == place.before


def test_what_does_not_start_is_taken_back(
    place: Place, capsys: Capture, patient: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(hello_s=8.0)
    place.plug()
    # The board cannot open such a microphone, and says so.
    place.settings({"mic": {"kind": "pdm", "clk": 16, "data": 17}})
    assert place.install() == 6
    said = capsys.readouterr().err
    assert "the detector does not start: this board cannot listen to a microphone of kind pdm (mic.kind)" in said
    assert "The board is as it was." in said
    assert place.files() == place.before
    # It ends at the prompt: its module is none.
    place.settings({"mic": {"kind": "i2s", "sck": 16, "ws": 17, "sd": 18}})
    original = native.native_module
    broken = lambda *words: native.NativeModule(  # noqa: E731
        "x64", b"M" + bytes(50_000), original(*words).facts, "", fresh=False
    )
    monkeypatch.setattr(native, "native_module", broken)
    assert place.install() == 6
    said = capsys.readouterr().err
    assert "it has not said hello for 8 s" in said
    assert "The board is as it was." in said
    assert place.files() == place.before


def test_an_update_that_does_not_start_leaves_the_old_one_running(
    place: Place, capsys: Capture, patient: Callable[..., None]
) -> None:
    patient(hello_s=20.0)
    place.plug()
    assert place.install() == 0
    installed = place.files()
    place.settings({"mic": {"kind": "pdm", "clk": 16, "data": 17}})
    assert place.install() == 6
    assert "The board is as it was." in capsys.readouterr().err
    with place.device() as device:
        assert device.hello.model == "tones"
    files = place.files()
    assert {path: files[path] for path in installed} == installed


def test_a_pushed_detector_runs_after_a_restart_and_goes_with_the_rest(place: Place, capsys: Capture) -> None:
    place.plug()
    assert place.install() == 0
    for name in ("first", "second"):
        path = place.folder / f"{name}.tflite"
        path.write_bytes(build({**metadata(), "name": name}))
        assert cli.run(["push", str(path), "-p", place.ports.ports[0].path], place.ports) == 0
        assert f"unix runs {name} " in capsys.readouterr().out
    assert {"slot_a.tflite", "slot_b.tflite", "slots.json"} <= set(place.files())
    # Another installation comes before what was pushed.
    assert place.install() == 0
    with place.device() as device:
        assert device.hello.model == "tones"
    assert place.uninstall() == 0
    assert place.files() == place.before


@pytest.mark.parametrize("odd", [b"[1]", b'{"files": []}', b'{"files": {"a": "b"}}', b"7", b"{", b""])
def test_a_record_that_somebody_has_changed_is_none(place: Place, capsys: Capture, odd: bytes) -> None:
    place.store({"soundsdk.json": odd, "settings.json": b"[1]"})
    place.plug()
    assert place.uninstall() == 6
    assert "has put nothing on the board" in capsys.readouterr().err
    assert place.install() == 2
    assert "settings.json" in capsys.readouterr().err
    assert place.files() == place.before


def test_settings_of_an_installation_that_are_none_do_not_keep_an_update(place: Place) -> None:
    port = place.plug()
    assert place.install() == 0
    port.unplug()
    place.flash.store(place.program, {"settings.json": b"[1]"})
    port.plug()
    assert place.install() == 0
    assert json.loads(place.files()["settings.json"] or b"")["board"] == "unix"


def test_ctrl_c_puts_the_board_back(place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(progress: Progress, completed: int, *_: object) -> None:
        if completed > 40_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "update", interrupt)
    place.plug()
    assert place.install() == 130
    said = capsys.readouterr().err
    assert "interrupted" in said
    assert "The board is as it was." in said
    assert place.files() == place.before


def interrupted_while_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    real = installer.wait_for_hello

    def wait(*words: Any, **options: Any) -> Any:
        real(*words, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(installer, "wait_for_hello", wait)


@pytest.mark.parametrize("update", [False, True])
def test_ctrl_c_while_it_starts_takes_it_back(
    place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch, update: bool
) -> None:
    place.plug()
    if update:
        assert place.install() == 0
        (place.folder / "other.tflite").write_bytes(build({**metadata(), "name": "others"}))
    before = place.files()
    with monkeypatch.context() as changed:
        interrupted_while_it_starts(changed)
        assert place.install(model="other.tflite" if update else "tone.tflite") == 130
    assert "The board is as it was." in capsys.readouterr().err
    files = place.files()
    assert {path: files[path] for path in before} == before
    assert not [path for path in files if path.startswith("soundsdk.") and path not in before]
    if update:
        with place.device() as device:
            assert device.hello.model == "tones"


def test_ctrl_c_and_a_board_that_is_gone_names_what_is_left(
    place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = place.plug()

    def interrupt(progress: Progress, completed: int, *_: object) -> None:
        if completed > 40_000:
            port.unplug()
            raise KeyboardInterrupt

    with monkeypatch.context() as changed:
        changed.setattr(Progress, "update", interrupt)
        assert place.install() == 130
    assert "What was begun is still on the board" in capsys.readouterr().err
    port.plug()
    assert place.uninstall() == 0
    assert place.files() == place.before
