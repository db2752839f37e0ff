"""install and uninstall by the real mpremote, on stock MicroPython behind a virtual port (its unix program)."""

from __future__ import annotations

import http.server
import importlib.metadata
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tone_boards import MODEL, beeps

from sim.tiny_model import build, metadata
from soundfw import VERSION
from soundsdk import cli
from soundsdk.build import mip_packages, native
from soundsdk.build.soundfw_files import soundfw_files
from soundsdk.device.session import Device
from soundsdk.progress import Progress
from soundsdk.stock import fits, installer, mpremote_run
from soundsdk.stock.installer import StockTimeouts
from stock_micropython import stock_unix
from virtual_boards.stock_board import StockBoard, StockFlash
from virtual_boards.virtual_port import VirtualPort, VirtualPorts

Capture = pytest.CaptureFixture[str]
EVENT_S = 60.0
MPY_RV64 = 12 << 10 | 3 << 8 | 6
USERS: dict[str, bytes | None] = {
    "boot.py": b"# the board's own\n", "data": None, "data/notes.txt": b"mine", "lib": None, "lib/mine.py": b"x = 1\n",
}  # fmt: skip


class Place:
    """A board with a user's files, what its flash held before, and the words of an installation."""

    def __init__(self, folder: Path, ports: VirtualPorts, flash: Path) -> None:
        self.folder, self.ports = folder, ports
        self.program = stock_unix()
        shutil.copy(flash, folder / "flash.bin")
        (folder / "sound.raw").write_bytes(beeps(60).tobytes())
        (folder / "tone.tflite").write_bytes(MODEL)
        self.settings({"mic": {"kind": "i2s", "sck": 16, "ws": 17, "sd": 18}})
        self.flash = StockFlash(folder / "flash.bin", sound=str(folder / "sound.raw"))
        self.before: dict[str, bytes | None] = dict(USERS)

    def settings(self, values: dict[str, Any]) -> None:
        (self.folder / "settings.json").write_text(json.dumps(values))

    def store(self, files: dict[str, bytes | None]) -> None:
        self.flash.store(self.program, files)
        self.before = self.flash.files(self.program)

    def small(self, blocks: int) -> None:
        """Give the board a file system of so many blocks, with the same files."""
        self.flash = StockFlash(self.folder / "small.bin", blocks=blocks, sound=self.flash.sound)
        self.store(USERS)

    def plug(self, **options: Any) -> VirtualPort:
        return self.ports.add(lambda: StockBoard(self.program, self.flash, **options))

    def install(self, *words: str, model: str = "tone.tflite") -> int:
        port = self.ports.ports[0].path
        given = ["--board", "unix", "--settings", str(self.folder / "settings.json")]
        return cli.run(["install", port, "-m", str(self.folder / model), *given, *words], self.ports)

    def uninstall(self) -> int:
        return cli.run(["uninstall", "-p", self.ports.ports[0].path], self.ports)

    def files(self) -> dict[str, bytes | None]:
        return self.flash.files(self.program)

    def device(self) -> Device:
        return Device.open(self.ports.ports[0].path, hello_s=EVENT_S, system=self.ports)


@pytest.fixture(scope="module")
def users_flash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the flash of a board with a user's files."""
    flash = StockFlash(tmp_path_factory.mktemp("stock") / "flash.bin")
    flash.store(stock_unix(), USERS)
    assert flash.files(stock_unix()) == USERS
    return flash.path


@pytest.fixture
def place(tmp_path: Path, users_flash: Path) -> Iterator[Place]:
    with VirtualPorts(tmp_path) as ports:
        yield Place(tmp_path, ports, users_flash)


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
    assert place.uninstall() == 0
    assert place.files() == place.before
    capsys.readouterr()
    assert place.uninstall() == 6
    assert "has put nothing on the board" in capsys.readouterr().err


REFUSED = {
    "old version": ({"version": (1, 23, 0, "")}, ["1.23.0", "1.24"]),
    "no native modules": ({"_mpy": 0}, ["loads no native modules", "soundsdk build"]),
    "other .mpy files": ({"_mpy": 2 << 10 | 5}, ["version 5.0", "6.3"]),
    "no module for it": ({"_mpy": MPY_RV64}, ["rv64imc", "rv32imc"]),
    "another Python": ({"name": "circuitpython"}, ["circuitpython", "not MicroPython"]),
}


@pytest.mark.parametrize("lie", REFUSED)
def test_a_board_that_cannot_run_it_is_refused(place: Place, lie: str, capsys: Capture) -> None:
    place.flash.implementation, words = REFUSED[lie]
    place.plug()
    assert place.install() == 6
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert place.files() == place.before


def test_too_little_memory_is_refused_with_the_numbers(place: Place, capsys: Capture) -> None:
    place.plug(heap=160_000)
    assert place.install() == 6
    said = capsys.readouterr().err
    assert "too little memory" in said
    assert f"{len(MODEL)} and " in said
    assert str(fits.SOUNDFW_RAM_BYTES) in said
    assert place.files() == place.before


def test_a_small_file_system_is_refused_with_the_numbers(place: Place, capsys: Capture) -> None:
    place.small(40)
    place.plug()
    assert place.install() == 6
    said = capsys.readouterr().err
    assert "file system is too full" in said
    assert "blocks of 4096" in said
    assert place.files() == place.before


def test_a_file_system_that_gets_full_names_the_file_and_is_put_back(
    place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fits, "check_file_system", lambda *_: None)
    place.small(56)
    place.plug()
    assert place.install() == 6
    said = capsys.readouterr().err
    assert "the board's file system does not take lib/soundfw/" in said
    assert "no space left on device" in said
    assert "The board is as it was." in said
    assert place.files() == place.before


def test_a_silent_board_a_busy_port_and_no_port(place: Place, capsys: Capture) -> None:
    port = place.plug(silent=True)
    assert place.install() == 5
    assert "does not answer as MicroPython" in capsys.readouterr().err
    with port.held():
        assert place.install() == 4
        assert place.uninstall() == 4
    assert "in use by another program" in capsys.readouterr().err
    with port.forbidden():
        assert cli.run(["install", port.path, "--board", "unix"], place.ports) == 4
    port.unplug()
    assert cli.run(["install", "--board", "unix"], place.ports) == 3
    assert place.files() == place.before


def test_a_main_py_of_the_user_is_kept(place: Place, capsys: Capture) -> None:
    place.store({"main.py": b"while True:\n    pass\n"})
    place.plug()
    assert place.install() == 2
    said = capsys.readouterr().err
    assert "files of yours where soundsdk needs the place: main.py." in said
    assert "--force" in said
    assert place.files() == place.before
    assert place.install("--force") == 0
    assert "Your main.py is kept as main.py.before-soundsdk" in capsys.readouterr().err
    assert place.files()["main.py.before-soundsdk"] == place.before["main.py"]
    assert place.uninstall() == 0
    assert place.files() == place.before


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


def test_ctrl_c_puts_the_board_back(place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(progress: Progress, completed: int, *_: object) -> None:
        if completed > 40_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "update", interrupt)
    place.plug()
    assert place.install() == 130
    assert "interrupted" in capsys.readouterr().err
    assert place.files() == place.before


def test_a_dry_run_writes_nothing(place: Place, capsys: Capture) -> None:
    place.plug()
    assert place.install("--dry-run") == 0
    said = capsys.readouterr().err
    assert "soundcore for x64" in said
    assert "Nothing was written." in said
    assert place.files() == place.before


def test_a_board_that_does_not_say_what_it_is_has_to_be_named(place: Place, capsys: Capture) -> None:
    place.plug()
    assert cli.run(["install", place.ports.ports[0].path, "-m", str(place.folder / "tone.tflite")], place.ports) == 2
    said = capsys.readouterr().err
    assert "does not show which board it is" in said
    assert "soundsdk boards lists them" in said
    words = ["install", place.ports.ports[0].path, "-m", str(place.folder / "tone.tflite"), "--board"]
    assert cli.run([*words, "unix"], place.ports) == 2
    assert "names no microphone" in capsys.readouterr().err
    assert cli.run([*words, "rpi_pico"], place.ports) == 6
    assert "has the port rp2" in capsys.readouterr().err


def test_without_mpremote(place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    original = importlib.metadata.version

    def version(name: str) -> str:
        if name == "mpremote":
            raise importlib.metadata.PackageNotFoundError(name)
        return original(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    place.plug()
    assert place.install() == 7
    assert "mpremote is not installed" in capsys.readouterr().err


def test_mip_installs_the_package_of_an_architecture(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = place.plug()
    # mip writes slowly: a few of the files will do.
    some = {path: data for path, data in soundfw_files(print).items() if path.count("/") == 1}
    monkeypatch.setattr(mip_packages, "soundfw_files", lambda _: some)
    assert cli.run(["build", "--native", "x64", "-o", str(tmp_path / "mip")]) == 0
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "mip"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = ["mip", "install", f"http://127.0.0.1:{server.server_address[1]}/package-x64.json"]
        mpremote(port.path, *words)
        server.shutdown()
    imports = "import soundcore, soundfw.platform; print(soundcore.Error.__name__, soundfw.VERSION)"
    assert mpremote(port.path, "exec", imports).split() == ["Error", VERSION]


def mpremote(port: str, *words: str) -> str:
    command = [sys.executable, "-m", "mpremote", "connect", port, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "settings", ["[1]", "{", '{"mic": 5}', '{"mic": {"kind": "ear"}}', '{"mic": {"kind": "i2s"}}', '{"color": 1}']
)
def test_settings_that_cannot_be_used(place: Place, settings: str, capsys: Capture) -> None:
    (place.folder / "settings.json").write_text(settings)
    place.plug()
    assert place.install() in (1, 2)
    assert "settings" in capsys.readouterr().err
    assert place.files() == place.before
