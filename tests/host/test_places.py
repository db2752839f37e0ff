"""Boards and terminals in odd places: on USB without a port, behind a forwarded port, narrow, dumb, not UTF-8."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import sys
import threading
import time
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from in_terminal import run_in_terminal
from tone_boards import MODEL, beeps, board

from soundsdk import cli
from soundsdk.cli import run
from soundsdk.device import doctor
from soundsdk.device.port_info import PortInfo
from virtual_boards.computer import VirtualComputer
from virtual_boards.virtual_port import VirtualPorts

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at what Linux shows")

SOUNDSDK = [sys.executable, "-m", "soundsdk"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOUNDSDK_PORT", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a system's root with no processes and groups."""
    (tmp_path / "root/proc").mkdir(parents=True)
    return tmp_path / "root"


# ---- on USB without a port


@pytest.mark.parametrize(
    ("ids", "driver"), [((0x2E8A, 5), "cdc_acm"), ((0x303A, 0x1001), "cdc_acm"), ((0x10C4, 0xEA60), "cp210x"),
                        ((0x1A86, 0x7523), "ch341"), ((0x0403, 0x6001), "ftdi_sio")],
)  # fmt: skip
def test_a_board_on_usb_without_a_port_is_told_from_none(
    ids: tuple[int, int], driver: str, root: Path, capfd: Capture
) -> None:
    system = VirtualComputer(usb_devices=[(0x1D6B, 2), ids], root=root)
    assert run(["devices", "--json"], system) == 0
    (found,) = map(json.loads, capfd.readouterr().out.splitlines())
    assert (found["state"], (found["vid"], found["pid"])) == ("no port", ids)
    assert run(["devices"], system) == 0
    assert "(no port)  no port" in capfd.readouterr().out
    assert run(["doctor", "--json"], system) == 6
    *findings, last = map(json.loads, capfd.readouterr().out.splitlines())
    assert last["error"]["exit_code"] == 6
    board_findings = [one for one in findings if one["topic"] == "board"]
    assert [one["ok"] for one in board_findings] == [False]
    assert "made no serial port" in board_findings[0]["text"]
    assert f"modprobe {driver}" in board_findings[0]["todo"]
    for verb in (["monitor"], ["info"], ["record", "--label", "a", "--seconds", "1", "-o", str(root)], ["flash"],
                 ["flash", "rpi_pico"]):  # fmt: skip
        assert run(verb, system) == 3
        assert f"a board is on USB ({ids[0]:04x}:{ids[1]:04x}), but" in capfd.readouterr().err


def test_a_board_that_has_its_port_hides_nothing(root: Path, capfd: Capture) -> None:
    pico = PortInfo(str(root / "ttyACM0"), "board", 0x2E8A, 5, "E66")
    system = VirtualComputer(ports=[pico], usb_devices=[(0x2E8A, 5)], root=root)
    assert run(["devices", "--json"], system) == 0
    assert [json.loads(line)["state"] for line in capfd.readouterr().out.splitlines()] == ["gone"]
    two = VirtualComputer(ports=[pico], usb_devices=[(0x2E8A, 5), (0x2E8A, 5)], root=root)
    assert run(["devices", "--json"], two) == 0
    assert [json.loads(line)["state"] for line in capfd.readouterr().out.splitlines()] == ["gone", "no port"]


# ---- behind a forwarded port


class Forwarded:
    """A TCP port that behaves as `serve` says, for the first who connects."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._server = socket.create_server(("127.0.0.1", 0))
        self.number = self._server.getsockname()[1]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._server.settimeout(0.1)
        while not self._done.is_set():
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            with connection, contextlib.suppress(ConnectionError):
                if self._what == "closes":
                    continue
                while self._what == "chatters" and not self._done.wait(0.2):
                    connection.sendall(b"login: \r\n")
                if self._what == "board":
                    self._carry(connection, 60)
                if self._what == "breaks":
                    self._carry(connection, 3)
                    continue
                self._done.wait(30)

    def _carry(self, connection: socket.socket, seconds: float) -> None:
        virtual = board(beeps(4))
        connection.settimeout(0.02)
        end = time.monotonic() + seconds
        while not self._done.is_set() and time.monotonic() < end:
            try:
                if not (data := connection.recv(4096)):
                    break
                virtual.write(data)
            except TimeoutError:
                pass
            connection.sendall(virtual.read(0.0))
        virtual.stop()

    def __enter__(self) -> Forwarded:
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(timeout=10)
        self._server.close()


NOBODY = 1  # a TCP port at which nobody listens


@pytest.mark.parametrize(
    ("what", "scheme", "code", "says"),
    [
        ("nobody", "socket", 3, "cannot be reached: connection refused."),
        ("nobody", "rfc2217", 3, "cannot be reached: connection refused."),
        ("closes", "socket", 3, "is gone"),
        ("is silent", "socket", 5, "does not answer as a soundsdk board: it sent nothing."),
        ("is silent", "rfc2217", 3, "does not speak RFC 2217."),
        ("chatters", "socket", 5, "lines of text and 0 damaged"),
    ],
)
def test_each_fault_of_a_forwarded_port_has_its_sentence(
    what: str, scheme: str, code: int, says: str, root: Path, capfd: Capture
) -> None:
    with Forwarded(what) as port:
        where = f"{scheme}://127.0.0.1:{NOBODY if what == 'nobody' else port.number}"
        assert run(["info", "-p", where], VirtualComputer(root=root)) == code
        first, hint = capfd.readouterr().err.splitlines()
        assert says in first
        assert where in first
        assert "soundsdk devices" not in hint, "it is not at this computer"
        assert run(["doctor", "-p", where], VirtualComputer(root=root)) == 6
        out = capfd.readouterr().out
        assert "do  address: " in out
        assert "No USB device" not in out


def test_a_board_behind_a_forwarded_port_is_all_well(
    root: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Forwarded("board") as port:
        where = f"socket://127.0.0.1:{port.number}"
        assert run(["doctor", "-p", where], VirtualComputer(root=root)) == 0, "no board at this computer is no fault"
        assert f"ok  address: {where}: sim, firmware" in capfd.readouterr().out
    with Forwarded("board") as port:
        monkeypatch.setenv("SOUNDSDK_PORT", f"socket://127.0.0.1:{port.number}")
        assert run(["doctor"], VirtualComputer(root=root)) == 0
        assert "ok  address: " in capfd.readouterr().out
    with Forwarded("board") as port:
        where = f"socket://127.0.0.1:{port.number}"
        assert run(["monitor", "-p", where, "--format", "jsonl", "--seconds", "3"], VirtualComputer(root=root)) == 0
        names = {json.loads(line)["device"] for line in capfd.readouterr().out.splitlines()}
        assert names == {f"sim-127.0.0.1:{port.number}"}


def test_a_forwarded_port_that_breaks_is_waited_for(root: Path, capfd: Capture) -> None:
    with Forwarded("breaks") as port:
        where = f"socket://127.0.0.1:{port.number}"
        assert run(["monitor", "-p", where, "--json", "--seconds", "7"], VirtualComputer(root=root)) == 0
    captured = capfd.readouterr()
    kinds = [json.loads(line)["type"] for line in captured.out.splitlines()]
    assert kinds.index("gone") < kinds.index("back")
    assert f"the board is back at {where}" in captured.err


@pytest.mark.parametrize("what", ["file", "folder", "nothing"])
def test_what_is_no_port_is_said_so(what: str, tmp_path: Path, capfd: Capture) -> None:
    place = tmp_path / "with a space"
    if what == "file":
        place.write_text("no port")
    elif what == "folder":
        place.mkdir()
    assert run(["info", "-p", str(place)]) == 3
    first = capfd.readouterr().err.splitlines()[0]
    expected = f"there is no board at {place}: no such" if what == "nothing" else f"{place} is not a serial port."
    assert expected in first
    assert "Errno" not in first


# ---- terminals


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a folder, with spaces é")
    soundfile.write(folder / "some beeps.wav", np.tile(beeps(10), 12), 16000, subtype="PCM_16")
    (folder / "tones, two.tflite").write_bytes(MODEL)
    return folder


def monitor(sounds: Path, *options: str) -> list[str]:
    where = f"sim:sim,file={sounds / 'some beeps.wav'},model={sounds / 'tones, two.tflite'}"
    return [*SOUNDSDK, "monitor", "-p", where, *options]


def plain(data: bytes, encoding: str = "utf-8") -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(encoding))


@pytest.mark.parametrize(("columns", "rows"), [(20, 5), (40, 10), (80, 24), (200, 60)])
def test_the_table_fits_a_terminal_of_any_size(sounds: Path, columns: int, rows: int) -> None:
    shown = run_in_terminal(monitor(sounds), columns, rows, interrupt_s=2.5, TERM="xterm-256color")
    assert shown.code == 130, shown.said
    assert "Traceback" not in shown.said
    text = plain(shown.data)
    assert "sim  tones"[: columns - 2] in text
    assert all(len(line) <= columns for line in re.split(r"[\r\n]+", text))
    assert shown.data.rstrip().endswith(b"\x1b[?25h"), "the cursor is there again"


def test_on_a_terminal_that_cannot_move_its_cursor_it_prints_lines(sounds: Path) -> None:
    shown = run_in_terminal(monitor(sounds, "--seconds", "4"), 80, 24, TERM="dumb")
    assert shown.code == 0, shown.said
    assert b"\x1b" not in shown.data
    lines = plain(shown.data).split("\r\n")[:-1]
    assert len(lines) >= 2
    assert all(re.match(r"\d\d:\d\d:\d\d  (on |off) +\d+\.\d\d s  \d\.\d\d  (high|low)$", line) for line in lines)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_the_table_is_drawn_in_characters_that_the_terminal_has(sounds: Path, encoding: str) -> None:
    environment = {"TERM": "xterm", "PYTHONIOENCODING": encoding}
    shown = run_in_terminal(monitor(sounds), 100, 24, interrupt_s=2.5, **environment)
    assert shown.code == 130, shown.said
    assert "internal error" not in shown.said
    text = plain(shown.data, encoding)
    assert ("● sim  tones" if encoding == "utf-8" else "* sim  tones") in text
    assert "level" in text


def test_a_dumb_terminal_and_another_encoding_are_named_by_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdout", Terminal(io.BytesIO(), encoding="latin-1"))
    texts = [one.text for one in doctor.terminal()]
    monkeypatch.undo()
    assert ["latin-1" in texts[0], "TERM=dumb" in texts[1], len(texts)] == [True, True, 2]


def into(encoding: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run a command whose standard output has an encoding, and is as strict as Python's is."""
    data = io.BytesIO()
    out = io.TextIOWrapper(data, encoding=encoding, errors="strict", write_through=True)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        code = run(words)
    return code, data.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
def test_whatever_is_printed_is_no_error_and_json_stays_json(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = cli.cli.get_command(click.Context(cli.cli), "boards")
    assert found is not None
    odd = ["Sirène", "煙", "🔔", "…", "\udcff name"]
    line = json.dumps({"labels": odd}, ensure_ascii=False)
    monkeypatch.setattr(found, "callback", lambda **_: click.echo(line))
    code, text = into(encoding, ["boards"], monkeypatch)
    assert code == 0
    assert json.loads(text) == {"labels": odd}


def test_events_with_any_label_are_lines_of_any_encoding(sounds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = monitor(sounds)[5]
    for form in ("text", "jsonl", "tsv"):
        code, text = into("ascii", ["monitor", "-p", where, "--format", form, "--seconds", "2"], monkeypatch)
        assert code == 0
        assert text.isascii()
        assert "high" in text


# ---- paths with spaces, commas and other letters


def test_a_port_a_log_and_a_detector_in_odd_paths(tmp_path: Path, sounds: Path, capfd: Capture) -> None:
    folder = tmp_path / "my boards, löud"
    folder.mkdir()
    log = folder / "a log.jsonl"
    with VirtualPorts(folder) as ports:
        port = ports.add(lambda: board(beeps(20), speed=4), serial_number="E66141")
        for where in (port.path, f"port:{port.path}"):
            words = ["monitor", "-p", where, "--format", "jsonl", "--log", str(log), "--seconds", "2"]
            assert run(words, ports) == 0
        assert run(["info", "-p", port.path], ports) == 0
        assert f"sim at {port.path}" in capfd.readouterr().out
        assert run(["record", "-p", port.path, "--label", "a b", "--seconds", "1", "-o", str(folder / "d")], ports) == 0
    assert all(json.loads(line)["device"] == "sim-E66141" for line in log.read_text().splitlines())
    assert run(["info", str(sounds / "tones, two.tflite")]) == 0


def test_a_virtual_boards_options_may_hold_commas_in_paths_and_wrong_ones_are_named(
    sounds: Path, capfd: Capture
) -> None:
    where = monitor(sounds)[5]
    assert run(["info", "-p", f"{where},noise=0,seed=3"]) == 0
    capfd.readouterr()
    assert run(["info", "-p", f"{where},volume=3"]) == 2
    assert "no option volume" in capfd.readouterr().err
    assert run(["info", "-p", "sim:sim,loud"]) == 2
    assert "no option loud" in capfd.readouterr().err

