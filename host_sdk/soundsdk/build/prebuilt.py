"""Images that were compiled for a release and travel in the package: with an empty region, compressed.

A folder of them holds <board>.xz, the image file, and <board>.json, its facts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
from dataclasses import dataclass
from pathlib import Path

from soundsdk.resources import images_dir
from soundsdk.whole_file import write_whole


@dataclass(frozen=True)
class CompiledFacts:
    """Facts about a compiled image. made_from: a hash of its C and Python; compiler: its version.

    sha256: of the image file; flash_bytes: what the image takes in flash without a detector.
    """

    made_from: str
    compiler: str
    sha256: str
    flash_bytes: int

    @classmethod
    def read(cls, path: Path) -> CompiledFacts | None:
        """Read a file of facts; None if it is missing or not one."""
        try:
            facts = cls(**json.loads(path.read_text(encoding="ascii")))
        except (OSError, ValueError, TypeError):
            return None
        kinds = [field.type for field in dataclasses.fields(cls)]
        values = dataclasses.astuple(facts)
        return facts if [type(value).__name__ for value in values] == kinds else None

    def write(self, path: Path) -> None:
        """Write the facts, whole or not at all."""
        write_whole(path, json.dumps(dataclasses.asdict(self)).encode("ascii"), parents=True)


def load(board: str, made_from: str) -> tuple[bytes, CompiledFacts] | None:
    """Return a board's image file and its facts; None if there is none that is made from this C and Python."""
    facts = CompiledFacts.read(images_dir() / f"{board}.json")
    if facts is None or facts.made_from != made_from:
        return None
    try:
        data = lzma.decompress((images_dir() / f"{board}.xz").read_bytes())
    except (OSError, lzma.LZMAError):
        return None
    return (data, facts) if hashlib.sha256(data).hexdigest() == facts.sha256 else None


def save(folder: Path, board: str, data: bytes, facts: CompiledFacts) -> None:
    """Write a board's image file and its facts into a folder; the same image makes the same files."""
    write_whole(folder / f"{board}.xz", lzma.compress(data, preset=9 | lzma.PRESET_EXTREME), parents=True)
    facts.write(folder / f"{board}.json")
