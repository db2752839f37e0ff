"""A board with stock MicroPython and a user's files behind a virtual port, and the calls that tests of install make."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tone_boards import MODEL, beeps

from soundsdk import cli
from soundsdk.device.session import Device
from stock_micropython import stock_unix
from virtual_boards.stock_board import StockBoard, StockFlash
from virtual_boards.virtual_port import VirtualPort, VirtualPorts

HELLO_S = 60.0
USERS: dict[str, bytes | None] = {
    "boot.py": b"# the board's own\n", "data": None, "data/notes.txt": b"mine", "lib": None, "lib/mine.py": b"x = 1\n",
}  # fmt: skip


@cache
def users_flash(folder: Path) -> bytes:
    """Return the flash of a board with a user's files, made in a folder."""
    flash = StockFlash(folder / "users.bin")
    flash.store(stock_unix(), USERS)
    assert flash.files(stock_unix()) == USERS
    return flash.path.read_bytes()


class Place:
    """A board with a user's files, what its flash held before, and the words of an installation."""

    def __init__(self, folder: Path, ports: VirtualPorts) -> None:
        self.folder, self.ports = folder, ports
        self.program = stock_unix()
        (folder / "flash.bin").write_bytes(users_flash(folder.parent))
        (folder / "sound.raw").write_bytes(beeps(60).tobytes())
        (folder / "tone.tflite").write_bytes(MODEL)
        self.settings({"mic": {"kind": "i2s", "sck": 16, "ws": 17, "sd": 18}})
        self.flash = StockFlash(folder / "flash.bin", sound=str(folder / "sound.raw"))
        self.before: dict[str, bytes | None] = dict(USERS)

    def settings(self, values: dict[str, Any]) -> None:
        (self.folder / "settings.json").write_text(json.dumps(values))

    def store(self, files: dict[str, bytes | None]) -> None:
        self.flash.store(self.program, files)
        self.before = self.flash.files(self.program)

    def small(self, blocks: int) -> None:
        """Give the board a file system of so many blocks, with the same files."""
        self.flash = StockFlash(self.folder / "small.bin", blocks=blocks, sound=self.flash.sound)
        self.store(USERS)

    def plug(self, **options: Any) -> VirtualPort:
        return self.ports.add(lambda: StockBoard(self.program, self.flash, **options))

    def install(self, *words: str, model: str = "tone.tflite") -> int:
        port = self.ports.ports[0].path
        given = ["--board", "unix", "--settings", str(self.folder / "settings.json")]
        return cli.run(["install", port, "-m", str(self.folder / model), *given, *words], self.ports)

    def uninstall(self) -> int:
        return cli.run(["uninstall", "-p", self.ports.ports[0].path], self.ports)

    def files(self) -> dict[str, bytes | None]:
        return self.flash.files(self.program)

    def device(self) -> Device:
        return Device.open(self.ports.ports[0].path, hello_s=HELLO_S, system=self.ports)
