"""MicroPython on the emulated Pico: REPL, flash, I2S from the microphone, TCP, repeatability."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from target_needs import micropython_uf2

from soundsdk.errors import DeviceError
from soundsdk_sim.rp2040 import I2sMicrophone, Rp2040

MICROPHONE = I2sMicrophone(sck=10, ws=11, sd=12)
READ = """
from machine import I2S, Pin
def read(bits, form, size):
    i2s = I2S(0, sck=Pin(10), ws=Pin(11), sd=Pin(12), mode=I2S.RX, bits=bits, format=form, rate=16000, ibuf=16384)
    buf = bytearray(size)
    n = i2s.readinto(buf)
    i2s.deinit()
    print(bytes(buf[:n]).hex())
"""


@pytest.fixture(scope="module")
def uf2() -> Path:
    return micropython_uf2()


@pytest.fixture
def board(uf2: Path) -> Iterator[Rp2040]:
    """Start a board for one test."""
    with Rp2040(uf2, MICROPHONE) as board:
        board.boot()
        yield board


@pytest.fixture(scope="module")
def shared_board(uf2: Path) -> Iterator[Rp2040]:
    """Start one board for tests that leave it as they found it: at the REPL, its microphone silent."""
    with Rp2040(uf2, MICROPHONE) as board:
        board.boot()
        board.repl()
        yield board


def noise(samples: int, channels: int = 1) -> np.ndarray:
    shape = (samples, channels) if channels > 1 else (samples,)
    return np.random.default_rng(7).integers(-32768, 32768, shape).astype(np.int16)


def read(board: Rp2040, bits: int, form: str, size: int) -> np.ndarray:
    text = board.repl().exec(f"{READ}\nread({bits}, I2S.{form}, {size})")
    return np.frombuffer(bytes.fromhex(text), "<i4" if bits == 32 else "<i2")


def test_statements_run(shared_board: Rp2040) -> None:
    repl = shared_board.repl()
    assert repl.exec("import sys; print(sys.implementation.name, sys.platform)") == "micropython rp2\n"
    assert repl.exec("import math; print(1.5 * 3 / 7, math.sqrt(2), int(-3.7), 7 // 2)") == "0.6428571 1.414214 -3 3\n"
    assert repl.exec("import machine; print(machine.freq())") == "125000000\n"
    with pytest.raises(DeviceError, match="ZeroDivisionError"):
        repl.exec("1 // 0")


def test_files_outlive_a_power_cycle(board: Rp2040, uf2: Path, tmp_path: Path) -> None:
    board.repl().exec("with open('a.txt', 'w') as f: f.write('kept' * 2000)")
    board.save_flash(tmp_path / "flash.bin")
    with Rp2040(uf2, flash=tmp_path / "flash.bin") as again:
        again.boot()
        assert again.repl().exec("print(open('a.txt').read() == 'kept' * 2000)") == "True\n"


def test_machine_reset_starts_the_board_again(board: Rp2040) -> None:
    board.send(b"\r\x03import machine; machine.reset()\r")
    board.run(200)
    board.boot()
    assert board.power_ons == 2
    assert board.repl().exec("print(1 + 1)") == "2\n"


def test_time_on_the_board_is_the_cycles_of_its_clock(shared_board: Rp2040) -> None:
    repl = shared_board.repl()
    program = """
    import machine, time
    def go():
        m = machine.mem32
        begin = time.ticks_us()
        m[0x40058018] = 1
        time.sleep_ms(50)
        m[0x40058018] = 2
        print(time.ticks_diff(time.ticks_us(), begin))
    go()"""
    shown = int(repl.exec("\n".join(line[4:] for line in program.splitlines())))
    one, two = shared_board.marks()
    assert 49000 < shown < 51000
    assert (two.cycle - one.cycle) / shared_board.clock_hz * 1e6 == pytest.approx(shown, abs=100)


def test_the_samples_read_are_those_fed(shared_board: Rp2040) -> None:
    pcm = noise(1024)
    shared_board.feed(pcm)
    assert (read(shared_board, 16, "MONO", 2 * len(pcm)) == pcm).all()


def test_a_left_microphone_is_heard_left_with_its_24_bits(shared_board: Rp2040) -> None:
    pcm = noise(512)
    shared_board.feed(pcm)
    frames = read(shared_board, 32, "STEREO", 8 * len(pcm)).reshape(-1, 2)
    assert (frames[:, 0] == pcm.astype(np.int32) << 16).all()
    assert not frames[:, 1].any()


def test_a_right_microphone_is_heard_right(uf2: Path) -> None:
    pcm = noise(512)
    with Rp2040(uf2, I2sMicrophone(10, 11, 12, channel="right")) as board:
        board.boot()
        board.feed(pcm)
        frames = read(board, 32, "STEREO", 8 * len(pcm)).reshape(-1, 2)
    assert (frames[:, 1] == pcm.astype(np.int32) << 16).all()
    assert not frames[:, 0].any()


def test_two_microphones_share_the_line(uf2: Path) -> None:
    pcm = noise(512, 2)
    with Rp2040(uf2, I2sMicrophone(10, 11, 12, channel="both")) as board:
        board.boot()
        board.feed(pcm)
        assert (read(board, 16, "STEREO", 4 * len(pcm)).reshape(-1, 2) == pcm).all()


def test_after_the_sound_there_is_silence(shared_board: Rp2040) -> None:
    pcm = noise(300)
    shared_board.feed(pcm)
    heard = read(shared_board, 16, "MONO", 2048)
    assert (heard[:300] == pcm).all()
    assert not heard[300:].any()
    assert shared_board.sound_waiting == 0


def test_samples_come_at_the_rate_the_firmware_asks_for(board: Rp2040) -> None:
    repl = board.repl()
    board.feed(noise(40000))
    repl.exec("from machine import I2S, Pin\nimport machine")
    repl.exec(
        "i = I2S(0, sck=Pin(10), ws=Pin(11), sd=Pin(12), mode=I2S.RX, bits=16, format=I2S.MONO, rate=16000, ibuf=8000)"
    )
    before, begin = board.sound_waiting, board.cycles
    board.run(500)
    rate_hz = (before - board.sound_waiting) / (board.cycles - begin) * board.clock_hz
    # The divider of PIO has a fraction of 8 bits only.
    assert rate_hz == pytest.approx(16000, rel=0.002)


def test_two_boots_give_the_same_cycles_and_bytes(uf2: Path) -> None:
    totals = []
    for _ in range(2):
        with Rp2040(uf2, MICROPHONE) as board:
            board.boot()
            board.feed(noise(2000))
            heard = read(board, 16, "MONO", 4000)
            totals.append((board.cycles, board.instructions, heard.tobytes()))
    assert totals[0] == totals[1]


def test_mpremote_connects_through_tcp(board: Rp2040) -> None:
    with board.serve() as port:
        words = ["connect", f"socket://127.0.0.1:{port}", "exec", "print(6 * 7)"]
        done = subprocess.run([sys.executable, "-m", "mpremote", *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "42"), done.stderr
    # The board continues where the block left it.
    board.send(b"\x02")
    board.run(10)
    assert board.repl().exec("print(2)") == "2\n"


def test_ctrl_c_stops_a_program(board: Rp2040) -> None:
    board.send(b"\r\x03while True: pass\r\r")
    board.run(50)
    board.send(b"\x03")
    assert b"KeyboardInterrupt" in board.read_until(b">>> ", 500)


def test_scores_over_i2s_are_those_of_the_same_sound_played_directly(board: Rp2040) -> None:
    """Compare the detector in the image with the same C code on this computer, step by step."""
    soundcore = pytest.importorskip("soundcore")
    repl = board.repl()
    if "soundmodel" not in repl.exec("help('modules')"):
        pytest.skip("the image holds no detector")
    in_pieces = "for at in range(0, len(d), 1024): print(bytes(d[at : at + 1024]).hex(), end='')"
    model = bytes.fromhex(repl.exec(f"from soundfw.storage import store\nd = store.load('none')\n{in_pieces}"))
    t = np.arange(3 * 16000) / 16000
    sound = 0.3 * np.sin(2 * np.pi * (200 + 900 * t) * t) * (np.sin(2 * np.pi * 1.5 * t) > 0)
    pcm = (32767 * sound).astype(np.int16) + noise(len(t)) // 64
    direct = soundcore.Stream(model)
    expected, at = [], 0
    while at < len(pcm):
        at += direct.feed(pcm, at)
        if direct.stepped:
            expected.append(bytes(direct.scores).hex())
    board.feed(pcm)
    # The stream first: making it takes longer than the driver's buffer lasts.
    program = f"""
import soundcore
from machine import I2S, Pin
stream = soundcore.Stream(store.load('none'))
block = bytearray(512)
i2s = I2S(0, sck=Pin(10), ws=Pin(11), sd=Pin(12), mode=I2S.RX, bits=16, format=I2S.MONO, rate=16000, ibuf=16000)
for _ in range({len(pcm) // 256}):
    i2s.readinto(block)
    at = 0
    while at < 256:
        at += stream.feed(block, at)
        if stream.stepped: print(bytes(stream.scores).hex())
i2s.deinit()
"""
    assert len(expected) > 10
    assert len(set(expected)) > 5
    assert repl.exec(program).split() == expected
