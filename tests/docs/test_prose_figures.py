"""Every figure with a unit in the prose of a page is what the code says, or is named as what it is.

A new figure needs a line in FIGURES: a function that returns its numbers from the code, a place in the tree that holds
it to the letter, or GUIDANCE for what is advice and no measurement. What a piece generates needs none.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from soundfw.detect import level
from soundfw.wire import framing, record
from soundsdk.boards import all_boards, find_board
from soundsdk.device.transport import BAUD
from soundsdk.models.shipped import load_model

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_NUMBER = r"(?<![\w.`])-?\d[\d,]*(?:\.\d+)?"
_UNIT = (
    r"(?:ms|s|seconds?|minutes?|hours?|h|KB|MB|k?Hz|MHz|dB|dBFS|bytes/s|bytes|bits?|bit|baud|samples|cycles|frames|bands)"
)
_FIGURE = re.compile(rf"{_NUMBER}(?: (?:to|and) {_NUMBER})?(?:[ -]{_UNIT}\b| ?%)")

GUIDANCE = "guidance"
DEFINED = "by definition"


@dataclass(frozen=True)
class Place:
    """A file of the tree, named on the page, that holds these words: what is measured there, or required."""

    path: str
    words: str = ""


def _home(key: str) -> float:
    return float(load_model("home").metadata["frontend"][key])


def _in_ms(key: str) -> list[float]:
    return [1000 * _home(key) / _home("rate_hz")]


def _step() -> list[float]:
    return [1000 * load_model("home").step_s]


def _on_page(name: str, words: str) -> Callable[[], list[float]]:
    """Return a function that finds a number where the page's own tested block has it."""

    def find() -> list[float]:
        found = re.search(words, (DOCS / name).read_text(encoding="utf-8"))
        assert found, f"{name} has no {words}"
        return [float(group) for group in found.groups()]

    return find


def _minutes() -> list[float]:
    rows = re.findall(r"^\| (\d+) \| \[", (DOCS / "doorbell.md").read_text(encoding="utf-8"), re.MULTILINE)
    return [float(sum(map(int, rows)))]


def _esp_region() -> list[float]:
    sizes = {board.build.region_bytes for board in all_boards() if board.port == "esp32" and board.build}
    return [size / 1024 for size in sizes]


def _file_kb() -> list[float]:
    return [round(len(load_model("home").data) / 1000, -1)]


def _module_kb() -> list[float]:
    table = (ROOT / "firmware" / "natmod" / "README.md").read_text(encoding="utf-8")
    sizes = [int(size.replace(",", "")) for size in re.findall(r"^\| `\w+` \|[^|]*\| ([\d,]+) \|", table, re.MULTILINE)]
    return [round(size / 1000) for size in (min(sizes), max(sizes))]


def _pico_module_kb() -> list[float]:
    table = (ROOT / "firmware" / "natmod" / "README.md").read_text(encoding="utf-8")
    size = re.search(r"^\| `armv6m` \|[^|]*\| ([\d,]+) \|", table, re.MULTILINE)
    assert size is not None
    return [round(int(size[1].replace(",", "")) / 1000)]


def _least_detector_kb() -> list[float]:
    files = [load_model(name) for name in ("home", "esc10", "knock_doorbell")]
    return [min(len(file.data) + file.arena_bytes for file in files) // 10000 * 10]


def _tiny_detector_kb() -> list[float]:
    files = [load_model(name) for name in ("home_tiny", "knock_doorbell_tiny")]
    return [max(round((len(file.data) + file.arena_bytes) / 1000) for file in files)]


def _pcm_kb_per_second() -> list[float]:
    """Return what sound in 16 bits costs on the wire, an hour after its begin: numbers have their usual lengths."""
    samples = record.PIECE_SAMPLES[16]
    data = b2a_base64(bytes(2 * samples))[:-1].decode()
    line = framing.encode({"type": "audio", "seq": 171428, "at": 57600000, "codec": "pcm", "data": data})
    return [round(_home("rate_hz") / samples * len(line) / 1000)]


def _share() -> list[float]:
    return [round(100 * 266 * 16000 / (find_board("rpi_pico").clock_hz), 1)]


_EVENING = _on_page("doorbell.md", r"recording\(\[2\], (\d+)\.0, \[")
_BAUD: Callable[[], list[float]] = lambda: [BAUD]  # noqa: E731
_WIRE_TEST = Place("tests/sim/test_rp2040_wire.py")

Source = Callable[[], Sequence[float]] | Place | str
FIGURES: dict[str, dict[str, Source]] = {
    "actions.md": {"30.22 s": _on_page("actions.md", r"heard smoke_alarm at (\d+\.\d\d)")},
    "circuitpython.md": {
        "47 KB": _pcm_kb_per_second,
        "30 bits": Place("tests/conformance/test_floats_of_30_bits.py"),
        "40 ms": Place("firmware/README.md", "| `i2s` | CircuitPython | 80 ms | about 640 samples, each time |"),
    },
    "doorbell.md": {
        "30 minutes": _minutes,
        "20 seconds": _EVENING,
        "20 s": _EVENING,
        "6 s": _on_page("doorbell.md", r"20\.0, \[(\d+)\.0, "),
        "14 s": _on_page("doorbell.md", r"20\.0, \[6\.0, (\d+)\.0\]"),
    },
    "index.md": {"30 minutes": _minutes},
    "errors.md": {"3 seconds": _on_page("errors.md", r"--label night --seconds (\d+)")},
    "esp32.md": {
        "256 samples": Place("firmware/README.md", "| `i2s` | esp32 | 250 ms | 256 samples, each time |"),
        "115,200 baud": _BAUD,
        "4 bits": Place("host_sdk/soundsdk/recording/recorder.py", "return 3 if bridge else 4"),
        "3 bits": Place("host_sdk/soundsdk/recording/recorder.py", "return 3 if bridge else 4"),
    },
    "flash.md": {
        "512 KB": _esp_region,
        "1200 baud": Place("host_sdk/soundsdk/flash/uf2_copy.py", "_TOUCH_BAUD = 1200"),
    },
    "glossary.md": {"128 ms": _step, "1 to 3 s": Place("firmware/soundfw/detect/rise.py", "1 to 3 s ago")},
    "how.md": {
        "20 seconds": _EVENING,
        "32 ms": lambda: _in_ms("window"),
        "16 ms": lambda: _in_ms("hop"),
        "40 bands": lambda: [_home("bands")],
        "128 ms": _step,
        "1 to 3 s": Place("firmware/soundfw/detect/rise.py", "1 to 3 s ago"),
        "8 dB": Place("firmware/soundfw/detect/rise.py", "_LEAST_DB = const(8)"),
        "1.8 s": Place("firmware/soundfw/detect/detector.py", "_PAUSE_MS = const(1800)"),
        "1.65 s": Place("firmware/soundfw/detect/detector.py", "a smoke alarm does for 1.65 s"),
    },
    "install.md": {"55 to 66 KB": _module_kb},
    "program.md": {"1500 bytes": _on_page("program.md", r"unplug_read=(\d+)")},
    "report.md": dict.fromkeys(("90 %", "0.3 s", "1 s"), GUIDANCE),
    "stock-micropython.md": {
        "55 to 66 KB": _module_kb,
        "61 KB": _pico_module_kb,
        "69 KB": Place("host_sdk/soundsdk/stock/fits.py", '{"rp2": 69 * 1024'),
        "32 KB": Place("host_sdk/soundsdk/stock/fits.py", '_RING_BYTES = {"rp2": 32 * 1024}'),
        "110 KB": _least_detector_kb,
        "58 KB": _tiny_detector_kb,
        "53 KB": Place("tests/stock_micropython.py", "pieces of 53 KB, and 110 KB in all"),
    },
    "troubleshooting.md": {
        "-120 dBFS": lambda: [level.SILENCE / 10],
        "0 dBFS": DEFINED,
        "20 s": Place("firmware/soundfw/act/user_hook.py", "_LIMIT_MS = const(20000)"),
    },
    "wire.md": {
        "1024 bytes": lambda: [framing.MAX_LINE_BYTES],
        "32-bit": DEFINED,
        "10 s": Place("firmware/soundfw/wire/telemetry.py", "_SECONDS = const(10)"),
        "16 bits": lambda: [max(record.PIECE_SAMPLES)],
        "336 samples": lambda: [record.PIECE_SAMPLES[16]],
        "3 to 5 bits": lambda: sorted(record.PIECE_SAMPLES)[:3:2],
        "20 dB": Place("tests/core/test_adpcm.c", "assert(least >= 20);"),
        "30 dB": Place("tests/core/test_adpcm.c", "assert(least >= 30);"),
        "4 bits": Place("tests/core/test_adpcm.c", "snr_db(pcm, SECOND, 4)"),
        "115,200 baud": _BAUD,
        "3 bits": Place("host_sdk/soundsdk/recording/recorder.py", "return 3 if bridge else 4"),
        "4 KB": Place("firmware/soundfw/storage/push.py", "4096"),
        "90 KB": _file_kb,
        "219 KB": Place("tests/conformance/test_push_memory.py", "PICO_BYTES = 219 * 1024"),
        "29 s": _WIRE_TEST,
        "266 cycles": _WIRE_TEST,
        "3.4 %": _share,
        "256 ms": Place("firmware/soundfw/mic/i2s_pio.py", "The ring holds 256 ms at 16 kHz."),
    },
    "wiring.md": {
        "1 MHz": lambda: [round(64 * _home("rate_hz") / 1e6)],
        "64 bits": Place("firmware/soundfw/mic/i2s_pio.py", "32"),
        "16,000 samples": lambda: [_home("rate_hz")],
    },
}


def _prose(text: str) -> str:
    """Return a page without blocks of code, code in lines, and where links lead."""
    text = re.sub(r"^( *)(`{3,}).*?^\1\2$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "", text))


def _figures(text: str) -> set[str]:
    return {match[0].strip() for match in _FIGURE.finditer(_prose(text).replace("\n", " "))}


PAGES = {path.relative_to(DOCS).as_posix(): _figures(path.read_text(encoding="utf-8")) for path in DOCS.rglob("*.md")}


def _numbers(figure: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(_NUMBER, figure)]


def test_every_figure_in_prose_has_a_source_and_every_source_a_figure() -> None:
    written = {(page, figure) for page, figures in PAGES.items() for figure in figures}
    known = {(page, figure) for page, figures in FIGURES.items() for figure in figures}
    assert written - known == set(), "a figure of which nothing says where it comes from: add it to FIGURES"
    assert known - written == set(), "figures that are on no page any more"


@pytest.mark.parametrize(("page", "figure"), [(page, one) for page, found in FIGURES.items() for one in found])
def test_a_figure_in_prose_is_what_its_source_says(page: str, figure: str) -> None:
    source = FIGURES[page][figure]
    if isinstance(source, Place):
        text = (ROOT / source.path).read_text(encoding="utf-8")
        assert source.words in text
        assert source.words or source.path in (DOCS / page).read_text(encoding="utf-8"), "not named beside the figure"
    elif not isinstance(source, str):
        assert _numbers(figure) == pytest.approx(list(source()))


def test_a_figure_is_found_in_prose_and_not_in_code() -> None:
    text = "It takes 12.5 ms or 3 to 5 bits,\nand 4 % of 1,024 KB (`7 ms`, [9 s](a-8-s.md)).\n```text\n6 ms\n```\n"
    text += "Pico 2, INT8, 3 of 4"
    assert _figures(text) == {"12.5 ms", "3 to 5 bits", "4 %", "1,024 KB", "9 s"}
