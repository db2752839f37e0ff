"""esptool that waits long for its virtual chip, which runs beside many other things on a busy computer."""

from __future__ import annotations

from pathlib import Path

import pytest

_CONFIG = """[esptool]
timeout = 20
mem_end_rom_timeout = 20
sync_timeout = 0.5
serial_write_timeout = 60
"""


def be_patient(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a folder in which esptool finds its settings: seconds to wait for an answer of the chip.

    By default it waits 3 s, and 0.2 s for the one before its stub starts: a late one is "no response" of the stub.
    """
    (folder / "esptool.cfg").write_text(_CONFIG)
    monkeypatch.chdir(folder)
