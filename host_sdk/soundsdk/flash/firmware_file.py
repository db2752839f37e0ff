"""A firmware file, checked against the board it is meant for before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from soundsdk.boards import Board
from soundsdk.build import esp_image, region, uf2
from soundsdk.build.region import ImageFacts
from soundsdk.errors import CheckError, SoundsdkError, UsageError

MAX_BYTES = 40 * 1024 * 1024
_MOST_NAMED = 4  # families of a file that is for another chip


class ImageError(SoundsdkError):
    """A firmware file cannot be read, or is not what its name promises."""


@dataclass(frozen=True)
class Firmware:
    """An image file. data: the file's bytes; identity: the facts in the image, None if it has none."""

    path: Path
    data: bytes
    identity: ImageFacts | None


def read(path: Path) -> Firmware:
    """Read an image of any kind; ImageError if it cannot be read or is damaged."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # a device or a pipe has no size, and perhaps no end
    except OSError as e:
        raise ImageError(f"the firmware {path} cannot be read: {e.strerror or e}.", "Check the path.") from e
    if len(data) > MAX_BYTES:
        raise ImageError(f"{path} is larger than {MAX_BYTES >> 20} MiB and cannot be firmware.", "Check the path.")
    if not data:
        raise ImageError(f"{path} is empty.", "Build one with soundsdk build.")
    if uf2.is_uf2(data):
        return Firmware(path, data, region.find(_unpack(path, data).data))
    return Firmware(path, data, region.find(data))


def _unpack(path: Path, data: bytes, family: int | None = None) -> uf2.Unpacked:
    try:
        return uf2.unpack(data, family)
    except ValueError as e:
        raise ImageError(f"{path} is damaged: {e}.", "Fetch or build it again.") from e


def check(firmware: Firmware, board: Board, hint: str = "") -> None:
    """Raise CheckError if the image is for another board or does not fit its flash, UsageError if it has no flash.

    hint: where the right image is from, if it is not soundsdk that builds it.
    """
    path = firmware.path
    hint = hint or f"Build one with soundsdk build {board.id}."
    if firmware.identity and firmware.identity.board != board.id:
        raise CheckError(f"{path} is an image for {firmware.identity.board}, not for {board.id}.", hint)
    if board.uf2 is not None:
        _check_uf2(firmware, board, board.uf2.family, board.uf2.address, hint)
    elif board.esptool is not None:
        _check_esp(firmware, board, board.esptool.chip, hint)
    else:
        raise UsageError(f"{board.id} has no flash that could be written.", "soundsdk boards lists the boards.")


def _check_uf2(firmware: Firmware, board: Board, family: int, address: int, hint: str) -> None:
    if not uf2.is_uf2(firmware.data):
        raise CheckError(f"{firmware.path} is not a UF2 file, which {board.name} takes.", f"Give its .uf2 file. {hint}")
    families = _unpack(firmware.path, firmware.data).families
    if family not in families:
        known = ", ".join(f"{one:#010x}" for one in sorted(families)[:_MOST_NAMED])
        known += " …" if len(families) > _MOST_NAMED else ""
        raise CheckError(
            f"{firmware.path} is for another chip: its family is {known}, and that of {board.name} is {family:#010x}.",
            hint,
        )
    image = _unpack(firmware.path, firmware.data, family)
    start = image.address - address
    if start < 0 or (board.flash_bytes and start + len(image.data) > board.flash_bytes):
        raise CheckError(f"{firmware.path} does not fit into the flash of {board.name}.", "Give another image.")


def _check_esp(firmware: Firmware, board: Board, chip: str, hint: str) -> None:
    data = firmware.data
    if uf2.is_uf2(data) or data[0] != esp_image.MAGIC or len(data) < esp_image.HEADER_BYTES:
        raise CheckError(f"{firmware.path} is not an image for an ESP32 chip.", f"Give its .bin file. {hint}")
    chip_id = int.from_bytes(data[esp_image.CHIP_ID_AT : esp_image.CHIP_ID_AT + 2], "little")
    if chip_id != esp_image.CHIP_IDS.get(chip, chip_id):
        names = {value: key for key, value in esp_image.CHIP_IDS.items()}
        raise CheckError(
            f"{firmware.path} is for another chip: {names.get(chip_id, f'number {chip_id}')}, and {board.name} has an "
            f"{chip}.",
            hint,
        )
    assert board.esptool is not None
    if board.flash_bytes and board.esptool.bootloader + len(data) > board.flash_bytes:
        raise CheckError(f"{firmware.path} does not fit into the flash of {board.name}.", "Give another image.")


def blank_rest(firmware: Firmware, board: Board) -> bytes:
    """Return a UF2 file of the image and, after it, blank blocks to the end of the flash, which erase what is there."""
    assert board.uf2 is not None
    image = _unpack(firmware.path, firmware.data, board.uf2.family)
    size = board.flash_bytes - (image.address - board.uf2.address)
    return uf2.pack(image.data.ljust(size, b"\xff"), image.address, board.uf2.family)
