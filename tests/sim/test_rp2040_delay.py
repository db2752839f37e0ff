"""The time from the last sample of a step to its event on the wire, and of a start, on the emulated Pico."""

from __future__ import annotations

import bisect

import numpy as np
import pytest
from pico_sounds import RATE, alarm, events, messages, microphone
from target_needs import micropython_uf2

from soundsdk.boards import find_board
from soundsdk.build.builder import build_image
from soundsdk.models.shipped import load_model
from soundsdk_sim.elf import Elf
from soundsdk_sim.rp2040 import FunctionCall, Rp2040

CONVERT, FRAME, NETWORK, WRITE = "sc_i2s_unpack_convert", "sc_frontend_push", "sc_model_invoke", "mp_hal_stdout_tx_strn"
BLOCK = 512  # samples: soundfw.settings
START_MS = 300  # from power-on to the first frame


def ms(cycles: float, chip_hz: int) -> float:
    return 1000 * cycles / chip_hz


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[FunctionCall], list[tuple[int, int]], bytes, int]:
    """Play an alarm; return the watched calls, (cycle, samples taken by then), what was written, and the clock."""
    micropython_uf2()  # says what is missing here
    image = build_image(
        find_board("rpi_pico"), load_model("home"), None, tmp_path_factory.mktemp("image"), print, symbols=True
    )
    assert image.elf is not None
    pcm = np.concatenate([alarm(), np.zeros(2 * RATE, np.int16)])
    seen = []
    written = b""
    with Rp2040(image.path, microphone()) as chip:
        chip.watch(Elf(image.elf).functions([CONVERT, FRAME, NETWORK, WRITE]))
        chip.feed(pcm)
        chip.boot()
        for _ in range(700):
            written += chip.run(9.7)
            if not chip.sound_waiting:
                break
            seen.append((chip.cycles, len(pcm) - chip.sound_waiting))
        return sorted(chip.calls().log, key=lambda call: call.begin), seen, written, chip.clock_hz


def test_the_first_frame_is_made_within_300_ms_of_power_on(
    heard: tuple[list[FunctionCall], list[tuple[int, int]], bytes, int],
) -> None:
    calls, _, _, hz = heard
    first = next(call for call in calls if call.name == FRAME)
    assert 100 < ms(first.begin, hz) <= START_MS


def test_an_event_is_on_the_wire_soon_after_the_last_sample_of_its_step(
    heard: tuple[list[FunctionCall], list[tuple[int, int]], bytes, int],
) -> None:
    calls, seen, written, hz = heard
    taken = [(cycle, samples) for cycle, samples in seen if samples]
    (begin, first), (end, last) = taken[0], taken[-1]
    period = (end - begin) / (last - first)
    assert period == pytest.approx(hz / RATE, rel=1e-3)
    # Sample n was taken at zero + n * period, which no observation may contradict by more than itself.
    zero = min(cycle - samples * period for cycle, samples in taken)
    converted = [call.begin for call in calls if call.name == CONVERT]
    networks = [call.begin + call.cycles for call in calls if call.name == NETWORK]
    delays = []
    for begin in [call.begin for call in calls if call.name == WRITE][1:]:  # behind hello
        block = bisect.bisect(converted, begin)
        delays.append(ms(begin - zero - BLOCK * block * period, hz))
        # Behind the network: the detector, the line and its way out.
        assert ms(begin - networks[bisect.bisect(networks, begin) - 1], hz) <= 3
    assert len(delays) == len(events(messages(written.splitlines()))) >= 2
    # A sleep to the next millisecond, two frames of the frontend, the network, the line.
    assert max(delays) <= 16
    assert min(delays) > 5
