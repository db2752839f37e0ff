"""The page of boards, from boards/*.toml."""

from __future__ import annotations

from soundsdk.boards import Board, all_boards

INTRO = """# Boards

One file per board, `boards/ID.toml`, holds all that soundsdk knows of it: facts, no code. `soundsdk boards --json`
prints the same. How to wire a microphone: [wiring](../wiring.md). "–" is what the file does not say.

"""


def page() -> str:
    """Return the page as Markdown."""
    real = [board for board in all_boards() if board.mic]
    others = [board for board in all_boards() if not board.mic]
    return (
        INTRO + _table(real) + "\n## The microphone's pins\n\n" + _pins(real) + "\n## USB and flash\n\n" + _usb(real)
        + "\n## Boards without hardware\n\nFor simulation and tests.\n\n" + _table(others)
    )  # fmt: skip


def _number(value: int, unit: int) -> str:
    return f"{value / unit:g}" if value else "–"


def _table(boards: list[Board]) -> str:
    lines = ["| id | name | instruction set | MHz | RAM, KB | flash, MB | image, KB |", "|---" * 7 + "|"]
    for b in boards:
        name = f"[{b.name}](../wiring/{b.id}.md)" if b.mic else b.name
        numbers = (
            _number(b.clock_hz, 10**6), _number(b.ram_bytes, 1024), _number(b.flash_bytes, 1 << 20),
            _number(b.image_bytes, 1024),
        )  # fmt: skip
        lines.append(f"| `{b.id}` | {name} | {b.arch} | " + " | ".join(numbers) + " |")
    return "\n".join(lines) + "\n"


def _pins(boards: list[Board]) -> str:
    lines = ["| id | kind | SCK | WS | SD | bits | LED |", "|---" * 7 + "|"]
    for b in boards:
        assert b.mic is not None
        led = f"{b.led.kind}, GPIO {b.led.pin}" if b.led else "–"
        mic = b.mic
        lines.append(f"| `{b.id}` | {mic.kind} | {mic.sck} | {mic.ws} | {mic.sd} | {mic.bits or 32} | {led} |")
    return "\n".join(lines) + "\n"


def _usb(boards: list[Board]) -> str:
    lines = ["| id | how it is flashed | running | boot loader |", "|---" * 4 + "|"]
    for b in boards:
        how = f"UF2, family {b.uf2.family:#x}, drive {b.uf2.volume}" if b.uf2 else "–"
        how = f"esptool, chip {b.esptool.chip}, at {b.esptool.bootloader:#x}" if b.esptool else how
        normal, boot = (", ".join(ids) for ids in (b.usb.normal, b.usb.bootloader)) if b.usb else ("–", "–")
        lines.append(f"| `{b.id}` | {how} | {normal} | {boot} |")
    return "\n".join(lines) + "\n"
