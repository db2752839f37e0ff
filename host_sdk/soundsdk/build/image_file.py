"""Image files of any board: a detector written into the region of one, with all hashes and blocks made right."""

from __future__ import annotations

from soundsdk.boards import Board
from soundsdk.build import esp_image, region, uf2
from soundsdk.errors import CheckError
from soundsdk.models.fit import too_large


def from_linker(data: bytes, board: Board) -> bytes:
    """Return the image file, without a detector, of what the linker made; CheckError if it leaves too little room."""
    room = board.image_bytes
    filled = region.fill(data, "", b"", room)
    found = region.locate(filled)
    assert found is not None
    if found.room_bytes < region.LEAST_BYTES:
        raise CheckError(
            f"the firmware leaves {max(0, found.room_bytes)} of the {room} bytes for the image of {board.name} to a "
            f"detector, and {region.LEAST_BYTES} are needed.",
            "Leave something out of the firmware.",
        )
    return _packed(filled, board)


def with_detector(file: bytes, board: Board, name: str, detector: bytes, flash_bytes: int = 0) -> tuple[bytes, int]:
    """Return a board's image file with a detector in its region, and the bytes that the image takes in flash.

    name: the detector's. flash_bytes: of the file's image, for a board whose file (ELF) is not what lies in flash.
    ModelError if the file has no region, CheckError if the detector does not fit into it.
    """
    image = uf2.unpack(file, board.uf2.family).data if board.uf2 is not None else file
    found = region.locate(image)
    if found is not None and len(detector) > found.room_bytes:
        flash = f" of {board.flash_bytes} bytes of flash, {board.flash_bytes - board.image_bytes} are for files"
        room = f"its image has room for {found.room_bytes}{';' + flash if board.flash_bytes else ''}"
        raise too_large(name, len(detector), board.name, room)
    filled = region.fill(image, name, detector)
    return _packed(filled, board), flash_bytes if board.port == "qemu" else len(filled)


def _packed(image: bytes, board: Board) -> bytes:
    if board.uf2 is not None:
        return uf2.pack(image, board.uf2.address, board.uf2.family)
    if board.esptool is not None:
        return esp_image.with_sums(image, board.esptool.app - board.esptool.bootloader)
    return image
