"""All that is known of a board, as text."""

from __future__ import annotations

import json

from soundsdk.boards.facts import Board, BoardMic

_WAYS = {
    "image": "an image of soundsdk: soundsdk build, soundsdk flash",
    "stock": "MicroPython's official image and the native module: soundsdk flash --stock, install",
    "circuitpython": "CircuitPython, which sends the sound; the computer detects",
}


def describe(board: Board) -> str:
    """Return what a board's file says, a line for each fact: a name, and what it is."""
    rows = [
        ("board", f"{board.name} ({board.id})"),
        ("maker", board.maker),
        ("chip", ", ".join(word for word in (board.chip, board.arch, _unit(board.clock_hz, 10**6, "MHz")) if word)),
        ("memory", _memory(board)),
        ("way", _ways(board)),
        ("microphone", _mic(board, board.mic) if board.mic else ""),
        ("on board", _own(board)),
        ("settings", settings_for_own_microphone(board)),
        ("LED", f"{board.led.kind}, {board.label(board.led.pin)}" if board.led else ""),
        ("outputs", ", ".join(map(str, board.gpio.outputs)) if board.gpio else ""),
        ("USB", _usb(board)),
        *_images(board),
        ("note", board.note),
        *[("unverified", fact) for fact in board.unverified],
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows if text)


def _ways(board: Board) -> str:
    """Return the ways of a board in words, with what an image needs."""
    if not board.chip:
        return ""
    needs = " (an ESP-IDF builds it)" if board.esptool is not None else ""
    return "; or ".join(_WAYS[way] + (needs if way == "image" else "") for way in board.ways)


def _unit(value: int, unit: int, name: str) -> str:
    return f"{value / unit:g} {name}" if value else ""


def _memory(board: Board) -> str:
    sizes = (("flash", board.flash_bytes), ("RAM", board.ram_bytes), ("PSRAM", board.psram_bytes))
    return ", ".join(f"{_size(value)} of {name}" for name, value in sizes if value)


def _size(value: int) -> str:
    return _unit(value, 1 << 20, "MB") if value >= 1 << 20 else _unit(value, 1024, "KB")


def _mic(board: Board, mic: BoardMic) -> str:
    pins = [f"{key} {board.label(int(value))}" for key, value in mic.values if key in _PINS]
    return ", ".join([mic.kind, *pins])


_PINS = ("sck", "ws", "sd", "clk", "data", "pin")


def _own(board: Board) -> str:
    own = board.own_mic
    if own is None:
        return ""
    heard = f"heard with {', '.join(own.ways)}" if own.ways else "not heard by soundsdk"
    return f"{own.part}: {_mic(board, own.mic)}; {heard}." + (f" {own.note}" if own.note else "")


def settings_for_own_microphone(board: Board) -> str:
    """Return in words the settings.json to write for a microphone on the board, and the way that hears it.

    Empty where an image or soundsdk install brings them, and where nothing hears it.
    """
    own = board.own_mic
    if own is None or not own.ways or (board.way in own.ways and board.way != "circuitpython"):
        return ""
    block = json.dumps({"mic": own.mic.settings()})
    return f"for the microphone on the board, with {' or '.join(own.ways)}, settings.json is {block}"


def _usb(board: Board) -> str:
    if board.usb is None:
        return ""
    boot = f"; boot loader {', '.join(board.usb.bootloader)}" if board.usb.bootloader else ""
    return ", ".join(board.usb.normal) + boot if board.usb.normal else boot.removeprefix("; ")


def _images(board: Board) -> list[tuple[str, str]]:
    rows = []
    if board.stock is not None:
        stock = board.stock
        rows.append(("MicroPython", f"{stock.board}, native module {stock.native}; says {' or '.join(stock.machine)}"))
        sizes = (("heap at first", stock.heap_bytes), ("free", stock.free_bytes), ("largest piece", stock.block_bytes))
        known = ", ".join(f"{name} {value} bytes" for name, value in sizes if value)
        rows.append(("its memory", f"{known} ({stock.source})" if known else ""))
    if board.circuitpython is not None:
        rows.append(("CircuitPython", board.circuitpython.board))
    return rows
