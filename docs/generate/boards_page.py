"""The page of boards, from boards/*.toml."""

from __future__ import annotations

from soundfw.settings import MIC_PINS
from soundsdk.boards import Board, all_boards

INTRO = """# Boards

One file per board, `boards/ID.toml`, holds all that soundsdk knows of it: facts, no code. `soundsdk boards ID` shows
it, `soundsdk boards WORD` searches. How to wire a microphone: [wiring](../wiring.md). "–" is what the file does not
say.

"""


_CIRCUITPYTHON = "It sends the sound, and the computer detects: [CircuitPython](../circuitpython.md)."
_STOCK_MICROPYTHON = (
    "The image is MicroPython's; `soundsdk install` adds the rest:"
    " [any board with stock MicroPython](../stock-micropython.md)."
)
# Way, title, what it means.
_WAYS = (
    ("image", "With an image of soundsdk", "`soundsdk build`, `soundsdk flash`. MicroPython's image works, too."),
    ("stock", "With MicroPython's official image", _STOCK_MICROPYTHON),
    ("circuitpython", "With CircuitPython", _CIRCUITPYTHON),
)
_STOCK = """What an image says of itself, the architecture of its native module, and the memory it leaves, where that is
known: the first area of its heap, all that is free after the start, the largest piece. "–" is unknown.

"""


def page() -> str:
    """Return the page as Markdown."""
    real = [board for board in all_boards() if board.mic]
    others = [board for board in all_boards() if not board.mic]
    parts = [INTRO]
    parts += [f"## {title}\n\n{text}\n\n{_table([b for b in real if b.way == way])}\n" for way, title, text in _WAYS]
    parts += ["## The microphone's pins\n\n", _pins(real), "\n## USB and flash\n\n", _usb(real)]
    parts += ["\n## MicroPython's official images\n\n", _STOCK, _stock(real)]
    parts += ["\n## Boards without hardware\n\nFor simulation and tests.\n\n", _table(others)]
    return "".join(parts)


def _number(value: int, unit: int) -> str:
    return f"{value / unit:g}" if value else "–"


def _table(boards: list[Board]) -> str:
    lines = ["| board | chip | MHz | RAM, KB | PSRAM, MB | flash, MB |", "|---" * 6 + "|"]
    for b in boards:
        name = f"[{b.name}](../wiring/{b.id}.md)" if b.mic else b.name
        room = f"; image {_number(b.image_bytes, 1024)} KB" if b.image_bytes else ""
        numbers = (
            _number(b.clock_hz, 10**6), _number(b.ram_bytes, 1024), _number(b.psram_bytes, 1 << 20),
            _number(b.flash_bytes, 1 << 20) + room,
        )  # fmt: skip
        lines.append(f"| {name}<br>`{b.id}` | {b.chip or b.arch} | " + " | ".join(numbers) + " |")
    return "\n".join(lines) + "\n"


def _pins(boards: list[Board]) -> str:
    lines = ["| board | pins | its own microphone | LED |", "|---" * 4 + "|"]
    for b in boards:
        assert b.mic is not None
        led = f"{b.led.kind}, {b.label(b.led.pin)}" if b.led else "–"
        pins = ", ".join(f"{key.upper()} {b.label(int(value))}" for key, value in b.mic.values if key in MIC_PINS)
        lines.append(f"| {b.name} | {b.mic.kind}: {pins} | {_own(b)} | {led} |")
    return "\n".join(lines) + "\n"


def _own(board: Board) -> str:
    if board.own_mic is None:
        return "–"
    ways = board.own_mic.ways
    return f"{board.own_mic.mic.kind}, " + (f"heard with {', '.join(ways)}" if ways else "not heard")


def _stock(boards: list[Board]) -> str:
    lines = ["| board | image and native module | says | memory, bytes |", "|---" * 4 + "|"]
    for b in boards:
        if b.stock is not None:
            stock, sizes = b.stock, (b.stock.heap_bytes, b.stock.free_bytes, b.stock.block_bytes)
            memory = " / ".join(str(size or "–") for size in sizes) + f"<br>{stock.source}" if any(sizes) else "–"
            says = "<br>".join(stock.machine)
            lines.append(f"| {b.name} | {stock.board}<br>{stock.native} | {says} | {memory} |")
    return "\n".join(lines) + "\n"


def _usb(boards: list[Board]) -> str:
    lines = ["| board | how it is flashed | running | boot loader |", "|---" * 4 + "|"]
    for b in boards:
        how = f"UF2, family {b.uf2.family:#x}, drive {b.uf2.volume}" if b.uf2 else "–"
        how = f"esptool, chip {b.esptool.chip}, at {b.esptool.bootloader:#x}" if b.esptool else how
        normal, boot = (", ".join(ids) or "–" for ids in (b.usb.normal, b.usb.bootloader)) if b.usb else ("–", "–")
        lines.append(f"| {b.name} | {how} | {normal} | {boot} |")
    return "\n".join(lines) + "\n"
