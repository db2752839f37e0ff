"""The unmodified image for the Pico from power-on: sound over I2S, events, commands, Ctrl-C, safe mode."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pico_sounds import RATE, TAIL_S, alarm, direct_events, events, messages, microphone, request, send
from target_needs import micropython_uf2

from soundsdk_sim.rp2040 import I2sMicrophone, Rp2040
from soundsdk_sim.scenes.recordings import read_clip
from soundsdk_sim.scenes.rooms import to_pcm


@pytest.fixture(scope="module")
def uf2() -> Path:
    return micropython_uf2()


@pytest.fixture(scope="module")
def writer(uf2: Path) -> Iterator[Rp2040]:
    """Start a board at its REPL on which files are written; other boards start with copies of its flash."""
    with Rp2040(uf2, microphone()) as board:
        board.boot()
        yield board


@pytest.fixture
def board(uf2: Path) -> Iterator[Rp2040]:
    with Rp2040(uf2, microphone()) as board:
        yield board


def esc10_clip() -> np.ndarray:
    """Return 5 s of a recording; skips where there are no data."""
    root = Path(os.environ.get("SOUNDSDK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "esc10"
    clips = sorted(root.glob("*Baby cry/*.ogg"))
    if not clips:
        pytest.skip(f"no clips of ESC-10 at {root}: SOUNDSDK_DATA names their folder")
    return to_pcm(read_clip(clips[0]))[: 5 * RATE]


def check_same_events_as_played_directly(board: Rp2040, pcm: np.ndarray, at_least: int) -> None:
    direct = direct_events(pcm)
    board.feed(pcm)
    board.boot()
    send(board, "hello")
    heard = messages(board.lines(1000 * (len(pcm) / RATE + TAIL_S)))
    status = request(board, "status")[-1]
    assert heard[0]["type"] == "hello"
    assert heard[0]["board"] == "rpi_pico"
    assert events(heard) == direct
    assert len(direct) >= at_least
    assert (status["type"], status["lost"], status["dropped"]) == ("status", 0, 0)
    assert status["captured"] > len(pcm)


def test_an_alarm_over_i2s_gives_the_events_of_the_same_sound_played_directly(board: Rp2040) -> None:
    check_same_events_as_played_directly(board, alarm(), 2)


def test_a_recording_over_i2s_gives_the_events_of_the_same_sound_played_directly(board: Rp2040) -> None:
    check_same_events_as_played_directly(board, esc10_clip(), 0)


def test_ctrl_c_enters_the_repl_and_a_soft_reset_starts_the_detector_again(board: Rp2040) -> None:
    board.boot()
    assert request(board, "hello")[0]["type"] == "hello"
    with board.serve() as port:
        words = ["connect", f"socket://127.0.0.1:{port}", "resume", "exec", "print(6 * 7)"]
        done = subprocess.run([sys.executable, "-m", "mpremote", *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "42"), done.stderr
    board.send(b"\r\x02")  # from the raw REPL to the friendly one
    board.run(50)
    board.send(b"\x04")
    assert request(board, "hello")[-1]["type"] == "hello"
    board.run(500)
    status = request(board, "status")[-1]
    assert status["lost"] == 0
    assert status["captured"] > 0


def test_ctrl_c_stops_the_running_detector_at_once(board: Rp2040) -> None:
    board.boot()
    request(board, "hello")
    board.send(b"\x03")
    assert b"KeyboardInterrupt" in board.read_until(b">>> ", 300)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("{not json", "settings.json"),
        ('{"mic": {"kind": "i2s", "id": 0, "sck": 16, "ws": 17, "sd": 18, "shift": 9}}', "settings.value"),
        ('{"mic": {"kind": "i2s", "id": 0, "sck": 16, "ws": 19, "sd": 18}}', "mic.open"),
        ('{"mic": {"kind": "telephone"}}', "mic.kind"),
        ('{"colour": 1}', "settings.key"),
    ],
)
def test_bad_settings_end_in_safe_mode_where_commands_and_ctrl_c_work(
    writer: Rp2040, uf2: Path, tmp_path: Path, settings: str, code: str
) -> None:
    writer.repl().exec(f"with open('settings.json', 'w') as f: f.write({settings!r})")
    writer.save_flash(tmp_path / "flash.bin")
    with Rp2040(uf2, microphone(), flash=tmp_path / "flash.bin") as safe:
        safe.boot()
        hello = request(safe, "hello")[-1]
        assert (hello["type"], hello["board"], hello["model"]) == ("hello", "rpi_pico", "")
        refused = request(safe, "status")[-1]
        assert (refused["re"], refused["ok"], refused["error"]) == ("status", False, code)
        assert safe.repl().exec("print(1)") == "1\n"


def test_three_starts_that_end_in_a_reset_lead_to_safe_mode_and_the_next_is_tried(
    board: Rp2040, uf2: Path, tmp_path: Path
) -> None:
    board.boot()
    # A start that resets the board: boot.py runs before the frozen main.py.
    crash = "import machine, soundfw.storage.store as store\nstore.load_hashed = lambda path: machine.reset()\n"
    repl = board.repl()
    repl.exec(f"with open('boot.py', 'w') as f: f.write({crash!r})")
    board.send(b"\r\x02")
    board.run(20)
    board.send(b"\x04")
    board.run(100)
    seen: list[dict[str, Any]] = []
    for _ in range(12):
        board.boot()
        send(board, "hello")
        seen = messages(board.lines(400))
        if seen:
            break
    assert board.power_ons == 4
    assert [m["model"] for m in seen if m["type"] == "hello"][-1] == ""
    assert request(board, "status")[-1]["error"] == "start.repeated"
    # The failed starts are forgotten: after one that works the board is as before.
    board.repl().exec("import os; os.remove('boot.py')")
    board.save_flash(tmp_path / "flash.bin")
    with Rp2040(uf2, microphone(), flash=tmp_path / "flash.bin") as again:
        again.boot()
        assert request(again, "hello")[0]["model"] == "home"
        assert json.loads(again.repl().exec("import os, json; print(json.dumps(os.listdir()))")) == []


RAMP = """
from array import array
import time
import micropython
from soundfw.mic.i2s_pio import I2s
source = I2s({"kind": "i2s", "id": 0, "sck": 16, "ws": 17, "sd": 18, "channel": CHANNEL}, 16000)
block = memoryview(array("h", bytes(512)))
seen = array("i", bytes(4 * 3 * 400))
count = 0
def read(blocks, pause_ms=0):
    global count
    for _ in range(blocks):
        while source.readinto(block) is None:
            pass
        seen[3 * count] = source.lost
        seen[3 * count + 1] = block[0]
        seen[3 * count + 2] = block[255]
        count += 1
        if pause_ms:
            time.sleep_ms(pause_ms)
read(20)
time.sleep_ms(1000)
read(40)
time.sleep_ms(300)
read(60)
read(80, 20)
read(40)
micropython.heap_lock()
read(60)
micropython.heap_unlock()
source.close()
print(list(seen[:3 * count]))
"""


@pytest.mark.parametrize("channel", ["left", "right"])
def test_what_finds_no_room_is_counted_exactly(uf2: Path, channel: str) -> None:
    """Sample n is n modulo 2^15, so every block shows its position. Stalls of 1 s, 0.3 s, and 80 late reads."""
    pins = microphone()
    ramp = (np.arange(7 * RATE) % 32768).astype(np.int16)
    with Rp2040(uf2, I2sMicrophone(pins.sck, pins.ws, pins.sd, channel=channel)) as board:  # type: ignore[arg-type]
        board.boot()
        repl = board.repl()
        board.feed(ramp)
        seen = np.array(json.loads(repl.exec(RAMP.replace("CHANNEL", repr(channel))))).reshape(-1, 3)
    lost, first, last = seen.T
    position = 256 * np.arange(len(seen)) + lost
    assert (first == position % 32768).all()
    assert ((last - first) % 32768 == 255).all()
    gaps = np.diff(lost)
    assert (gaps % 256 == 0).all()
    # The ring holds 16 blocks, one of which is being written to.
    assert gaps[:60].max() == pytest.approx(RATE - 15 * 256, abs=512)
    assert lost[60:116].max() == pytest.approx(1.3 * RATE - 30 * 256, abs=1024)
    assert lost[-1] > lost[120] + 800
    assert lost[-1] == lost[-60]


def test_a_stall_of_the_detector_shows_in_lost_and_events_keep_their_time(board: Rp2040) -> None:
    # A private table of the firmware: no command of its own lets a test stall the loop.
    nap = "import soundfw.wire.commands as c, time\nc._ACTIONS['nap'] = lambda app, message: time.sleep_ms(1000)\n"
    pcm = np.concatenate([np.zeros(2 * RATE, np.int16), alarm()])
    board.boot()
    board.repl().exec(nap)
    board.feed(pcm)
    board.send(b"\r\x02import soundfw.main; soundfw.main.main()\r")
    assert request(board, "hello")[-1]["type"] == "hello"
    send(board, "nap")
    heard = events(messages(board.lines(1000 * (len(pcm) / RATE + 2))))
    status = request(board, "status")[-1]
    lost = status["lost"]
    # 1 s less what the ring keeps: 7 of its 8 blocks, and the one that is being written to when the stall begins.
    assert lost % 512 == 0
    assert RATE - 8 * 512 <= lost <= RATE - 6 * 512
    # Directly without that much of the silence: the same events, earlier by as much.
    direct = direct_events(pcm[lost:])
    assert heard == [event | {"t": event["t"] + lost} for event in direct]
    assert len(heard) >= 2
