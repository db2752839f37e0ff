"""Board files are data, and are checked."""

import re

import pytest

from soundfw import FirmwareError
from soundfw.act import rules
from soundsdk.boards import WAYS, all_boards, pins_of, read_board
from soundsdk.boards.chips import CHIPS
from soundsdk.errors import UsageError
from soundsdk.resources import boards_dir


def test_shipped_board_files_are_valid():
    assert "sim" in {board.id for board in all_boards()}


@pytest.mark.parametrize(
    "text", ["name = ", 'name = "x"', 'name = "x"\nport = "p"\narch = 3', 'name="x"\nport="p"\narch="a"\nextra="e"']
)
def test_wrong_board_files_are_named(tmp_path, text):
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"odd\.toml"):
        read_board(path)


BOARDS = all_boards()
REAL = [board for board in BOARDS if board.chip]


def named(boards):
    return {"argvalues": boards, "ids": [board.id for board in boards]}


def test_there_are_the_boards_that_people_own():
    assert len(REAL) >= 25
    assert {board.way for board in REAL} == set(WAYS)
    assert {board.id for board in BOARDS} - {board.id for board in REAL} == {"qemu_arm", "qemu_rv32", "sim", "unix"}
    assert len({board.name for board in BOARDS}) == len(BOARDS)


@pytest.mark.parametrize("board", **named(REAL))
def test_a_board_has_the_facts_of_its_way(board):
    assert board.maker
    assert board.mic is not None
    assert board.arch
    assert board.ram_bytes
    if board.way == "image":
        assert board.has_image
        assert board.usb is not None
        assert board.usb.normal
        assert board.usb.bootloader
        assert 0 < board.image_bytes < board.flash_bytes
    else:
        assert not board.has_image
        assert board.image_bytes == 0
        assert getattr(board, board.way) is not None
    if board.port != "circuitpython":
        assert (board.uf2 is None) != (board.esptool is None)
        assert board.stock is not None, "there is an official image for every board of rp2 and esp32"
        assert board.stock.native == CHIPS[board.chip].native
        assert all(" with " in machine for machine in board.stock.machine)
    for usb_id in board.usb.normal + board.usb.bootloader if board.usb else ():
        assert re.fullmatch("[0-9a-f]{4}:[0-9a-f]{4}", usb_id)
    if board.led is not None:
        assert board.led.kind in ("gpio", "ws2812")


def test_boot_loader_drive_and_family_belong_to_the_same_chip():
    seen = {}
    for board in BOARDS:
        if board.uf2 is not None:
            chip = seen.setdefault(board.uf2.family, (board.arch, board.chip, board.uf2.volume, board.usb.bootloader))
            assert chip == (board.arch, board.chip, board.uf2.volume, board.usb.bootloader)
            assert not set(board.usb.normal) & set(board.usb.bootloader)
    assert len(set(seen.values())) == len(seen) == 2


# A document that can be opened: a data sheet, a file of a public repository, a page.
DOCUMENT = re.compile(r"datasheet|user guide|specification|\w\.(h|csv|mk|json|cpp|MD|board)\b|M5Stack's docs")
TABLES = ("[usb]", "[gpio]", "[stock]")  # an LED and an id of CircuitPython may be in the documents of the top


@pytest.mark.parametrize("board", **named(REAL))
def test_a_board_file_cites_its_sources(board):
    lines = (boards_dir() / f"{board.id}.toml").read_text(encoding="utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    assert DOCUMENT.search("\n".join(lines[:first])), "the comment at the top names the documents"
    for number, line in enumerate(lines):
        if line in TABLES:
            assert lines[number - 1].startswith("#"), f"{line}: a comment right above says where it is from"
    if board.stock is not None and board.stock.source:
        assert re.search(r"MicroPython (issue|pull request) \d+|MicroPython v1\.\d+, ports/", board.stock.source)


@pytest.mark.parametrize("board", **named(REAL))
def test_pins_exist_and_serve_nothing_else(board):
    chip = CHIPS[board.chip]
    pins = pins_of(board)
    assert "mic" in pins
    for name, numbers in pins.items():
        assert len(set(numbers)) == len(numbers), f"{name} names a pin twice"
        assert all(0 <= pin <= chip.last_gpio for pin in numbers), name
        assert not set(numbers) & set(chip.flash), f"{name} names a pin of the flash"
        assert not set(numbers) & set(chip.usb), f"{name} names a pin of USB"
    outputs = set(pins.get("gpio.outputs", ()))
    assert not outputs & (chip.taken() | set(chip.inputs))
    soldered = set(pins.get("own_mic", ()))
    assert not outputs & soldered, "a rule would drive the microphone that is soldered to the board"
    assert not outputs & set(pins.get("led", ())) or board.id in ("rpi_pico", "rpi_pico2", "esp32s3_devkit")
    if not set(pins["mic"]) <= soldered:
        assert not set(pins["mic"]) & chip.taken()
        assert not set(pins["mic"]) & set(pins.get("led", ()))
        if outputs:  # what is wired to the header can be wired elsewhere, and then its pins are free
            assert set(pins["mic"]) - {board.mic.sd} <= outputs
        labels = {pin for _, pin in board.header.pins} if board.header else set(pins["mic"])
        assert set(pins["mic"]) <= labels, "a pin to wire has a label"


def test_on_rp2_the_word_select_pin_is_the_one_after_the_bit_clock():
    for board in REAL:
        if board.port == "rp2":
            for pins in (board.mic, board.wiring):
                if pins is not None and pins.sck is not None:
                    assert pins.ws == pins.sck + 1, board.id


def test_what_an_output_is_to_the_firmware_stays():
    """Rules may switch what `outputs` lists less the microphone's pins: a wired one is listed, and can move."""
    pico = next(board for board in BOARDS if board.id == "rpi_pico")
    assert {16, 17, 18} <= set(pico.gpio.outputs)
    use = rules.PinUse(pico.mic.settings(), {"kind": "gpio", "pin": 25}, pico.gpio.outputs, "rp2")
    with pytest.raises(FirmwareError):
        use.claim(rules.parse("pin:17,high"), "action.a")
    use.claim(rules.parse("pin:15,high"), "action.a")


MIC = """name="x"
port="p"
arch="a"
[mic]
"""


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('kind="telephone"', "mic.kind must be one of i2s, pdm, adc"),
        ('kind="i2s"\nid=0\nsck=1\nws=2', "mic.sd is missing"),
        ('kind="pdm"\nclk=1\ndata=2\nsck=3', "unknown key mic.sck"),
        ('kind="adc"\npin="26"', "mic.pin must be 26..29"),
        ('kind="adc"\npin=26\nvolume=3', "unknown key mic.volume"),
    ],
)
def test_a_wrong_microphone_is_named(tmp_path, table, said):
    path = tmp_path / "odd.toml"
    path.write_text(MIC + table)
    with pytest.raises(UsageError, match=said):
        read_board(path)


def test_the_firmware_gets_the_microphone_settings_of_the_file(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text(MIC + 'kind="pdm"\nclk=1\ndata=2\nshift=3')
    mic = read_board(path).mic
    assert mic is not None
    assert mic.settings() == {"kind": "pdm", "clk": 1, "data": 2, "shift": 3}


TOP = """name="x"
port="p"
arch="a"
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('way="magic"', "way must be one of image, stock, circuitpython"),
        ('way="stock"', "way is stock, and there is no table stock"),
        ('chip="Z80"', "chip must be one of RP2040"),
        ('chip="ESP32"\n[led]\nkind="gpio"\npin=6', "led names GPIO 6"),
        ('chip="RP2040"\n[gpio]\noutputs=[30]', "gpio.outputs names GPIO 30"),
        ('[stock]\nboard="B"\nmachine=["M"]\nnative="x"\nfree_bytes=1', "stock.source belongs to"),
        ('[stock]\nboard="B"\nmachine=["M"]\nnative="x"\nsource="s"', "stock.source belongs to"),
        ('[own_mic]\npart="m"\nways=["radio"]\nkind="pdm"\nclk=1\ndata=2', "own_mic.ways must be a list of"),
        ('[own_mic]\nways=[]\nkind="pdm"\nclk=1\ndata=2', "own_mic.part"),
        ('[own_mic]\npart="m"\nways=[]\nkind="pdm"\nclk=1', "mic.data is missing"),
        ('[header]\npins=3', "header.pins must be a table"),
        ('[header]\nfoot="x"\n[header.pins]\nA=1', "header.foot"),
        ('[wiring]\nsck="a"', "wiring.sck must be of type"),
        ("psram_bytes=true", "psram_bytes must be of type int"),
    ],
)
def test_what_does_not_go_together_is_named(tmp_path, text, said):
    path = tmp_path / "odd.toml"
    path.write_text(TOP + text)
    with pytest.raises(UsageError, match=re.escape(said)):
        read_board(path)


def test_a_pin_is_called_as_it_is_printed(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text(TOP + '[header.pins]\nD5 = 17\nG21 = 21\n"GP2 (pin 4)" = 2\n9 = 9')
    board = read_board(path)
    assert [board.label(pin) for pin in (17, 21, 2, 9, 30)] == ["D5 (GPIO17)", "G21", "GP2 (pin 4)", "9", "GPIO30"]
