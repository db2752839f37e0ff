"""Asks a board with stock MicroPython what it is: version, architecture, memory, file system, what is on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from soundsdk.errors import ProtocolError
from soundsdk.stock import mpremote_run, on_board


@dataclass(frozen=True)
class BoardFacts:
    """A board as it was found. Sizes in bytes.

    name, version, mpy, machine: of sys.implementation; mpy is _mpy, 0 if it has none. heap_free, heap_largest: of
    MicroPython's heap after a soft reset, and its largest piece; psram: of an ESP32's largest memory from 1 MB on.
    block, blocks, free_blocks: of the file system, 0 if there is none. hashes: it has SHA-256. there: which of the
    paths asked about exist; main_sha256: of its main.py, empty if it has none. record: of an earlier installation.
    unfinished: an installation was begun and not finished. settings: of that earlier installation, as they are now.
    image: it runs an image of soundsdk.
    """

    name: str
    version: tuple[int, ...]
    mpy: int
    machine: str
    platform: str
    heap_free: int
    heap_largest: int
    psram: int
    block: int
    blocks: int
    free_blocks: int
    hashes: bool
    there: frozenset[str] = frozenset()
    main_sha256: str = ""
    record: dict[str, Any] | None = None
    unfinished: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    image: bool = False

    @property
    def version_text(self) -> str:
        """The version in words, such as 1.25.0."""
        return ".".join(map(str, self.version))

    def sentence(self) -> str:
        """Return what the board is, in one line."""
        psram = f", PSRAM {self.psram >> 20} MB" if self.psram else ""
        return (
            f"{self.machine or self.platform}: {self.name} {self.version_text}, {self.heap_free} bytes of memory free "
            f"({self.heap_largest} in one piece{psram}), {self.free_blocks * self.block} of {self.blocks * self.block} "
            "bytes free in its file system"
        )


# A board whose file system is made anew.
EMPTY = BoardFacts("", (), 0, "", "", 0, 0, 0, 0, 0, 0, False)


def ask(port: str, paths: Iterable[str], silent_s: float) -> BoardFacts:
    """Ask the board at a port; it runs boot.py, and not main.py, before. paths: whose existence is asked about.

    Raises what mpremote_run.run raises, ProtocolError if the answer is none.
    """
    try:
        return from_told(mpremote_run.run(port, on_board.inspect(paths), silent_s))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(
            f"what is at {port} answers, but not as MicroPython does.", "Does the board run MicroPython?"
        ) from error


def from_told(told: Iterable[dict[str, Any]]) -> BoardFacts:
    """Read what the program on_board.inspect tells.

    KeyError, TypeError, ValueError or OverflowError if it is something else.
    """
    facts = {key: value for one in told for key, value in one.items()}
    settings = facts.get("settings")  # a file of the user's, who may have made anything of it
    return BoardFacts(
        str(facts["name"]), tuple(map(int, facts["version"])), int(facts["mpy"]), str(facts["machine"]),
        str(facts["platform"]),
        int(facts["free"]), int(facts["largest"]), int(facts["psram"]), int(facts["block"]), int(facts["blocks"]),
        int(facts["free_blocks"]), bool(facts["hashes"]), frozenset(facts.get("there", ())), str(facts.get("main", "")),
        facts.get("record") or None, bool(facts.get("unfinished")), settings if isinstance(settings, dict) else {},
        bool(facts["image"]),
    )  # fmt: skip
