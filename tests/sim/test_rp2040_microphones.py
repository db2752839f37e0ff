"""I2S and PDM microphones by PIO, analogue ones by ADC, all by DMA: the firmware's own sources on the emulated Pico."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import soundcore
from target_needs import micropython_uf2

from soundfw.wire import framing
from soundsdk.models.shipped import load_model
from soundsdk_sim.board import events_of, run_recording
from soundsdk_sim.rp2040 import AdcMicrophone, I2sMicrophone, PdmMicrophone, Rp2040
from soundsdk_sim.rp2040.microphones import modulate
from soundsdk_sim.scenes.alarms import temporal_three
from soundsdk_sim.scenes.rooms import to_pcm

RATE = 16000
READ = """
from array import array
from binascii import hexlify
import micropython
import time
from soundfw.mic.microphone import open_source
source = open_source(MIC, 16000)
samples = array("h", [0] * 256 * BLOCKS)
blocks = [memoryview(samples)[i:i + 256] for i in range(0, len(samples), 256)]
lost = array("i", [0] * BLOCKS)
def read(first, last):
    i = first
    while i < last:
        if source.readinto(blocks[i]) is not None:
            lost[i] = source.lost
            i += 1
read(0, 4)
micropython.heap_lock()
read(4, STALL)
micropython.heap_unlock()
time.sleep_ms(MS)
read(STALL, BLOCKS)
source.close()
print(list(lost))
for block in blocks:
    print(hexlify(block).decode())
"""


@pytest.fixture(scope="module")
def uf2() -> Path:
    return micropython_uf2()


def heard(
    uf2: Path,
    microphone: I2sMicrophone | PdmMicrophone | AdcMicrophone,
    mic: dict[str, Any],
    sound: np.ndarray,
    blocks: int,
    stall: int,
    ms: int,
    program: str = READ,
) -> tuple[np.ndarray, np.ndarray]:
    """Read samples (blocks, 256) and the number lost before each, with a stall before one block."""
    for name, value in {"MIC": mic, "BLOCKS": blocks, "STALL": stall, "MS": ms}.items():
        program = program.replace(name, repr(value))
    with Rp2040(uf2, microphone) as board:
        board.boot()
        repl = board.repl()
        board.feed(sound)
        lost, *rows = repl.exec(program).splitlines()
    samples = np.array([np.frombuffer(bytes.fromhex(row), "<i2") for row in rows])
    return samples, np.array(json.loads(lost))


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("channel", ["left", "right"])
def test_i2s_gives_the_samples_of_its_own_channel_from_the_first_frame_on(uf2: Path, channel: str, bits: int) -> None:
    """Two microphones on the line; a stall of 0.4 s, of which the ring keeps 15 blocks."""
    pcm = np.random.default_rng(3).integers(-32768, 32768, (256 * 60, 2)).astype(np.int16)
    mic = {"kind": "i2s", "id": 0, "sck": 10, "ws": 11, "sd": 12, "channel": channel, "bits": bits}
    samples, lost = heard(uf2, I2sMicrophone(10, 11, 12, "both"), mic, pcm, 40, 20, 400)
    own = pcm[:, int(channel == "right")].reshape(-1, 256)
    assert (samples[:20] == own[:20]).all()
    assert not lost[:20].any()
    gone = int(lost[20])
    assert gone % 256 == 0
    assert gone == pytest.approx(0.4 * RATE - 15 * 256, abs=256)
    assert (lost[20:] == gone).all()
    assert (samples[20:] == own[20 + gone // 256 : 40 + gone // 256]).all()


SLOTS = """
import time
from soundfw.mic.microphone import open_source
source = open_source(MIC, 16000)
time.sleep_ms(50)
source.close()
print(bytes(source._ring[:2400]).hex())  # private: what DMA has brought, before any conversion
"""


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize("channel", ["left", "right"])
def test_i2s_slots_come_whole_and_at_the_rate(uf2: Path, channel: Literal["left", "right"], block: int) -> None:
    """Each slot of 32 bits is the microphone's, and the rate is 16 kHz to the clock's tick."""
    pcm = np.random.default_rng(4).integers(-32768, 32768, 30000).astype(np.int16)
    mic = {"kind": "i2s", "id": block, "sck": 10, "ws": 11, "sd": 12, "channel": channel, "bits": 24}
    with Rp2040(uf2, I2sMicrophone(10, 11, 12, channel)) as board:
        board.boot()
        board.feed(pcm)
        repl = board.repl()
        slots = np.frombuffer(bytes.fromhex(repl.exec(SLOTS.replace("MIC", repr(mic)))), "<i4")
        assert (slots == pcm[: len(slots)].astype(np.int32) << 16).all()
        repl.exec(f"source = open_source({mic!r}, 16000)")
        before, begin = board.sound_waiting, board.cycles
        board.run(1000)
        rate_hz = (before - board.sound_waiting) / (board.cycles - begin) * board.clock_hz
    assert rate_hz == pytest.approx(16000, abs=1)


@pytest.mark.parametrize("channel", ["left", "right"])
def test_pdm_bits_become_the_samples_that_the_same_c_makes_of_them_here(
    uf2: Path, channel: Literal["left", "right"]
) -> None:
    words = np.random.default_rng(1).integers(-32768, 32768, 4 * 256 * 60).astype(np.int16)
    mic = {"kind": "pdm", "clk": 2, "data": 3, "channel": channel, "dc_shift": 0}
    samples, lost = heard(uf2, PdmMicrophone(2, 3, channel), mic, words, 30, 20, 300)
    raw = words.view(np.uint16).reshape(-1, 2)[:, ::-1].tobytes()  # little-endian words of 32 bits
    out = array("h", [0] * 256 * 20)
    soundcore.Pdm().convert(raw[: 8 * len(out)], out)
    assert (samples[:20].ravel() == np.array(out)).all()
    # The ring keeps 8 blocks, one of which is being written to; the rest of 0.3 s is lost and counted.
    assert not lost[:20].any()
    gone = int(lost[20])
    assert gone % 256 == 0
    assert gone == pytest.approx(0.3 * RATE - 7 * 256, abs=256)
    assert (lost[20:] == gone).all()
    after = array("h", [0] * 256)
    begin = 8 * (20 * 256 + gone)
    p = soundcore.Pdm()
    p.convert(raw[begin - 8 * 256 : begin], after)
    p.convert(raw[begin : begin + 8 * 256], after)
    # The filter's memory of what was before the gap has left it by then.
    assert (samples[20][64:] == np.array(after)[64:]).all()


def test_the_count_of_transfers_restarts_without_a_gap(uf2: Path) -> None:
    """It restarts after 8 blocks here, and after 2 hours on a real board."""
    words = np.random.default_rng(2).integers(-32768, 32768, 4 * 256 * 50).astype(np.int16)
    mic = {"kind": "pdm", "clk": 2, "data": 3, "dc_shift": 0}
    short_round = "import soundfw.mic.dma_ring as dma_ring\ndma_ring.DmaRing.ROUND = 1 << 12\n"
    samples, lost = heard(uf2, PdmMicrophone(2, 3), mic, words, 40, 39, 1, short_round + READ)
    raw = words.view(np.uint16).reshape(-1, 2)[:, ::-1].tobytes()
    out = array("h", [0] * 256 * 40)
    soundcore.Pdm().convert(raw[: 8 * len(out)], out)
    assert (samples.ravel() == np.array(out)).all()
    assert not lost.any()


def test_adc_samples_come_at_the_rate_and_without_loss(uf2: Path) -> None:
    pcm = (np.arange(256 * 60) % 4096 * 16 - 32768).astype(np.int16)
    mic = {"kind": "adc", "pin": 26, "dc_shift": 4}
    samples, lost = heard(uf2, AdcMicrophone(26), mic, pcm, 40, 20, 600)
    s = soundcore.I2sUnpacker(bits=12, dc_shift=4)
    out = array("h", [0] * 256 * 20)
    s.convert(((pcm.astype(int) >> 4) + 2048).astype("<u2")[: len(out)].tobytes(), out)
    assert (samples[:20].ravel() == np.array(out)).all()
    assert not lost[:20].any()
    gone = int(lost[20])
    assert gone % 256 == 0
    assert gone == pytest.approx(0.6 * RATE - 15 * 256, abs=256)


@pytest.fixture(scope="module")
def writer(uf2: Path) -> Iterator[Rp2040]:
    """Start a board at its REPL on which settings are written; other boards start with copies of its flash."""
    with Rp2040(uf2) as board:
        board.boot()
        yield board


@pytest.mark.parametrize("kind", ["pdm", "adc"])
def test_the_detector_hears_an_alarm_through_it(uf2: Path, writer: Rp2040, tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(0, 3e-4, 5 * RATE)
    alarm = temporal_three(rng, 4.0)
    x[RATE // 2 : RATE // 2 + len(alarm)] += 0.3 * alarm / np.abs(alarm).max()
    pcm = to_pcm(x)
    direct = run_recording(load_model("home").path.read_bytes(), np.pad(pcm, (0, 2 * RATE)), RATE).events
    microphone: PdmMicrophone | AdcMicrophone = PdmMicrophone(2, 3) if kind == "pdm" else AdcMicrophone(26)
    mic = {"kind": "pdm", "clk": 2, "data": 3} if kind == "pdm" else {"kind": "adc", "pin": 26}
    # 300 do not fit a ring: 256 do.
    settings = json.dumps({"mic": mic, "block_samples": 300})
    writer.repl().exec(f"with open('settings.json', 'w') as f: f.write({settings!r})")
    writer.save_flash(tmp_path / "flash.bin")
    with Rp2040(uf2, microphone, flash=tmp_path / "flash.bin") as board:
        board.feed(modulate(pcm) if kind == "pdm" else pcm)
        board.boot()
        board.send(b"\n" + framing.encode({"type": "hello"}) + b"\n")
        lines = list(board.lines(7500))
        board.send(b"\n" + framing.encode({"type": "status"}) + b"\n")
        status = [m for m in map(framing.decode, board.lines(500)) if m is not None][-1]
    found = events_of(lines, RATE)
    assert [e.label for e in found] == [e.label for e in direct] == ["smoke_alarm"]
    # Not the same samples: a step of the model more or less.
    assert found[0].onset_s == pytest.approx(direct[0].onset_s, abs=0.15)
    assert status["lost"] == 0
    assert status["captured"] > 6 * RATE
