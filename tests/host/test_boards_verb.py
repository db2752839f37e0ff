"""`soundsdk boards`: lists, searches, shows one board in full, draws its wiring."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from soundsdk import cli
from soundsdk.boards import all_boards, find_board, search_boards
from soundsdk.boards.describe import describe, settings_for_own_microphone
from soundsdk.errors import UsageError
from soundsdk_sim.wiring import MICROPHONES, diagram, find_microphone, fitting, mic_settings, wires

Capture = pytest.CaptureFixture[str]
BOARDS = all_boards()
SENSE, OWN = "seeed_xiao_esp32s3_sense", "--microphone own draws it"
PDM = '{"mic": {"kind": "pdm", "clk": 42, "data": 41}}'
WIRED = [board for board in BOARDS if board.mic is not None]


def listed(capfd: Capture, *words: str) -> list[str]:
    assert cli.run(["boards", *words, "--json"]) == 0
    return [json.loads(line)["id"] for line in capfd.readouterr().out.splitlines()]


def test_words_find_boards_by_maker_chip_microphone_and_way(capfd: Capture) -> None:
    assert listed(capfd) == [board.id for board in BOARDS]
    assert listed(capfd, "xiao") == [board.id for board in BOARDS if "xiao" in board.id]
    assert len(listed(capfd, "XIAO", "pdm")) == 1
    pdm = listed(capfd, "pdm")
    assert {"arduino_nano_rp2040_connect", "m5stack_atom_echo", "adafruit_clue"} <= set(pdm)
    assert "rpi_pico" not in pdm
    assert listed(capfd, "esp32-s3", "psram", "microphone")[:1] == ["esp32s3_eye"]
    assert set(listed(capfd, "--way", "image")) >= {"rpi_pico", "esp32_devkit"}
    stock = set(listed(capfd, "--way", "stock"))
    assert stock >= {"rpi_pico", "esp32_devkit", "seeed_xiao_esp32c3"}
    assert stock == {board.id for board in BOARDS if board.takes_stock}
    assert stock == set(listed(capfd, "stock", "micropython"))
    assert listed(capfd, "--way", "circuitpython", "nrf52840") == [
        "adafruit_circuit_playground_bluefruit", "adafruit_clue",
    ]  # fmt: skip


def test_words_in_any_order_and_every_one_of_them() -> None:
    two = search_boards(BOARDS, ["lolin", "s2"])
    assert two == search_boards(BOARDS, ["S2 lolin"])
    assert [board.id for board in two] == ["lolin_s2_mini"]
    assert search_boards(BOARDS, ["lolin", "no such word"]) == []


def test_no_board_is_an_error_that_names_a_near_one(capfd: Capture) -> None:
    assert cli.run(["boards", "rpi_pica"]) == 2
    assert "Did you mean rpi_pico?" in capfd.readouterr().err
    assert cli.run(["boards", "adafruit_pygamer", "--way", "stock"]) == 2
    assert "of the way stock" in capfd.readouterr().err


def test_one_board_is_shown_in_full(capfd: Capture) -> None:
    assert cli.run(["boards", "arduino_nano_rp2040_connect"]) == 0
    out = capfd.readouterr().out
    for said in ("16 MB of flash", "clk GPIO23", "heard with stock", "ARDUINO_NANO_RP2040_CONNECT", "unverified"):
        assert said in out


def test_all_ways_of_a_board_are_shown(capfd: Capture) -> None:
    assert cli.run(["boards", "esp32_devkit"]) == 0
    said = capfd.readouterr().out
    assert "ESP-IDF" in said
    assert "soundsdk flash --stock, install" in said
    assert cli.run(["boards", "devkitc"]) == 0
    assert "esp32, image or stock" in capfd.readouterr().out
    assert cli.run(["boards", "esp32_devkit", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["ways"] == ["image", "stock"]


@pytest.mark.parametrize("board", BOARDS, ids=[board.id for board in BOARDS])
def test_the_full_text_of_every_board_has_no_empty_line(board) -> None:  # type: ignore[no-untyped-def]
    lines = describe(board).splitlines()
    assert board.id in lines[0]
    assert all(line.strip() and not line.endswith(" ") for line in lines)


@pytest.mark.parametrize("board", WIRED, ids=[board.id for board in WIRED])
def test_every_board_is_drawn(board) -> None:  # type: ignore[no-untyped-def]
    known = fitting(board)
    assert known, "no microphone fits"
    assert find_microphone(board, None).kind == board.mic.kind
    for mic in known:
        rows = wires(board, mic)
        root = ElementTree.fromstring(diagram(board, mic))
        texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
        assert [row.name for row in rows if row.name not in texts] == []
        assert [row.pin for row in rows if row.pin not in texts] == []
        _, _, width, _ = (float(number) for number in root.attrib["viewBox"].split())
        for element in root.iter("{http://www.w3.org/2000/svg}text"):
            at, long = float(element.attrib["x"]), float(element.attrib["textLength"])
            anchor = element.attrib.get("text-anchor", "start")
            left = at - {"start": 0, "middle": long / 2, "end": long}[anchor]
            assert left >= 16, f"{board.id} {mic.id}: {element.text} begins outside of its box"
            assert left + long <= width - 16, f"{board.id} {mic.id}: {element.text} ends outside of its box"


def test_the_usual_microphone_needs_no_settings() -> None:
    for board in WIRED:
        mic = find_microphone(board, None)
        values = mic_settings(board, mic)
        assert board.mic is not None
        pins = {key: value for key, value in values.items() if key in ("sck", "ws", "sd", "clk", "data", "pin")}
        assert pins == {key: value for key, value in board.mic.settings().items() if key in pins}


def test_a_drawing_is_written(tmp_path: Path, capfd: Capture) -> None:
    path = tmp_path / "wiring.svg"
    assert cli.run(["boards", "adafruit_feather_rp2040", "--wiring", str(path), "--microphone", "pdm"]) == 0
    assert str(path) in capfd.readouterr().err
    text = path.read_text(encoding="utf-8")
    assert "D9 (GPIO9)" in text
    assert "DAT" in text


def test_a_drawing_goes_to_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["boards", "rpi_pico", "--wiring", "drawing.svg"]) == 0
    capfdbinary.readouterr()
    assert cli.run(["boards", "rpi_pico", "--wiring", "-"]) == 0
    assert capfdbinary.readouterr().out == (tmp_path / "drawing.svg").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["drawing.svg"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["xiao", "--wiring", "a.svg"], 2, "4 boards match"),
        (["rpi_pico", "--wiring", "a.svg", "--microphone", "inmp4"], 2, "Did you mean inmp441?"),
        (["esp32_devkit", "--wiring", "a.svg", "--microphone", "pdm"], 2, "has no place for the microphone pdm"),
        (["sim", "--wiring", "a.svg"], 2, "names no pins"),
        (["rpi_pico", "--microphone", "pdm"], 2, "--microphone is for a drawing"),
        (["rpi_pico", "--wiring", "a.png"], 2, "a.png does not end in .svg"),
        (["rpi_pico", "--wiring", "no/such/folder/a.svg"], 1, "a.svg"),
    ],
)
def test_a_drawing_that_cannot_be_made_is_named(
    words: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["boards", *words]) == code
    assert said in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_microphone_that_is_soldered_on_is_not_offered_where_it_is_not_heard() -> None:
    echo = find_board("m5stack_atom_echo")
    assert find_microphone(echo, None).id == "inmp441"
    assert find_microphone(echo, "own").own


@pytest.mark.parametrize(
    ("words", "said", "unsaid"),
    [
        ([SENSE], ["Sense and INMP441", f"microphone is heard with circuitpython alone: {OWN}"], "settings.json"),
        ([SENSE, "--microphone", "own"], ["Sense and PDM", f"with circuitpython, settings.json is {PDM}"], OWN),
        ([SENSE, "--microphone", "inmp441"], ["Sense and INMP441"], OWN),
        (["m5stack_atom_echo"], ["and INMP441", f"is not heard: {OWN}"], "settings.json"),
        (["esp32s3_eye"], ["ESP32-S3"], OWN),
        (["rpi_pico"], ["and INMP441"], OWN),
    ],
)
def test_a_drawing_says_which_microphone_it_shows_and_what_the_other_takes(
    words: list[str], said: list[str], unsaid: str, tmp_path: Path, capfd: Capture
) -> None:
    assert cli.run(["boards", *words, "--wiring", str(tmp_path / "a.svg")]) == 0
    err = capfd.readouterr().err
    assert [text for text in said if text not in err] == []
    assert unsaid not in err


def test_the_settings_of_a_microphone_that_another_way_hears_are_ready() -> None:
    told = {board.id: settings_for_own_microphone(board) for board in BOARDS}
    assert PDM in told[SENSE]
    assert told["adafruit_clue"]
    assert not told["arduino_nano_rp2040_connect"]  # soundsdk install brings them
    assert PDM in describe(find_board(SENSE))
    for board in BOARDS:
        own = board.own_mic
        brought = own is not None and board.way in own.ways and board.way != "circuitpython"
        assert bool(told[board.id]) == (own is not None and bool(own.ways) and not brought)
        if own is not None and told[board.id]:
            assert json.loads(told[board.id].partition(" is ")[2]) == {"mic": own.mic.settings()}
    assert {mic.id for mic in fitting(find_board("esp32s3_eye"))} == {"own"}
    assert len({mic.id for mic in MICROPHONES}) == len(MICROPHONES)


@pytest.mark.parametrize("verb", ["build", "flash"])
@pytest.mark.parametrize(
    ("board", "said"),
    [
        ("lolin_s2_mini", "official image LOLIN_S2_MINI"),
        ("esp32s3_eye", "micropython.org/download/ESP32_GENERIC_S3)"),
        ("adafruit_clue", "circuitpython.org/board/clue_nrf52840_express"),
    ],
)
def test_a_board_without_an_image_says_which_way_is_right(verb: str, board: str, said: str, capfd: Capture) -> None:
    assert cli.run([verb, board]) == 2
    assert said in capfd.readouterr().err


def test_a_microphone_needs_pins(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no pins"):
        find_microphone(find_board("unix"), None)
