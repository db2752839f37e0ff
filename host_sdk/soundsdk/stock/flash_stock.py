"""Flashes MicroPython's official image together with soundsdk's files: `soundsdk flash --stock`.

The file system is made on this computer, so that one run of esptool, or one UF2 file, puts all onto the board. All that
can be checked is checked before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soundsdk import boards
from soundsdk.boards import Board
from soundsdk.build import esp_image, native, soundfw_files, uf2
from soundsdk.detector_file import DetectorFile
from soundsdk.device.system import THIS_COMPUTER, System
from soundsdk.flash import esptool_run, firmware_file, writing
from soundsdk.flash.locate import LocatedBoard, locate
from soundsdk.flash.timeouts import FlashTimeouts
from soundsdk.models.fit import check_fit
from soundsdk.models.shipped import smaller_form
from soundsdk.progress import Progress
from soundsdk.stock import board_facts, fits, payload
from soundsdk.stock.hello import compare, wait_for_hello
from soundsdk.stock.image import file_system
from soundsdk.stock.image.file_system import FileSystem
from soundsdk.stock.image.stock_image import StockImage, hint, machines_in, stock_image
from soundsdk.stock.payload import Payload

_DEFAULT_TIMEOUTS = FlashTimeouts()
Parts = list[tuple[int, bytes]]


@dataclass(frozen=True)
class StockFlashRequest:
    """A call of `soundsdk flash --stock`. image: MicroPython's; extra: settings beside those of the board.

    None stands for what was left out.
    """

    image: Path
    board: str | None = None
    model: str | None = None
    where: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    erase: bool = False
    dry_run: bool = False
    baud: int = esptool_run.BAUD


def flash_stock(
    request: StockFlashRequest,
    progress: Progress,
    load: Callable[[str | None], DetectorFile],
    system: System = THIS_COMPUTER,
    timeouts: FlashTimeouts = _DEFAULT_TIMEOUTS,
) -> None:
    """Flash a board; return only if the board's hello names what was flashed, or in a dry run.

    load: finds the detector. CheckError if the image is not one of MicroPython for the board, or if the board cannot
    run all of it, or does not; MissingPackageError without littlefs-python; UsageError if nothing shows which board it
    is, or if the settings cannot be used; DeviceError, PortError, ProtocolError, FlashError of the board.
    """
    file_system.need_littlefs()
    firmware = firmware_file.read(request.image)
    detector = load(request.model)
    if request.board is not None and (named := boards.find_board(request.board)).takes_stock:
        stock_image(firmware, named)  # said before a board is looked for
    guess = boards.guess_board(boards.all_boards(), (machines_in(firmware) or ("",))[0]).board
    image_board = guess.id if guess is not None else None
    target = locate(request.board, request.where, image_board, request.dry_run, timeouts.known_board_s, system, True)
    board = target.board
    known = f", which runs {target.hello.model or 'no detector'}" if target.hello else ""
    progress.step(
        "board", f"Board: {board.name} ({board.id}) at {target.where}{known}",
        board=board.id, port=target.port, drive=str(target.drive.path) if target.drive else None,
    )  # fmt: skip
    image = stock_image(firmware, board)
    progress.step(
        "image", image.sentence(), path=str(firmware.path), version=image.version_text, machines=list(image.machines),
        fs_at=image.fs_at, fs_bytes=image.fs_bytes,
    )  # fmt: skip
    assert board.stock is not None
    if image.machines and not set(image.machines) & set(board.stock.machine):
        progress.step("other board", f"Note that this is not the image made for {board.name}: {hint(board)}")
    files = _payload(request, board, detector, progress)
    image = _sized(image, target, request, progress, timeouts)
    disk = file_system.make(_contents(files), image.fs_bytes, board.port)
    _announce(files, image, disk, progress)
    parts = _parts(image, disk, board, request.erase)
    # The bytes that were checked, and not the file: that may have changed since, or be a pipe.
    with writing.files_of([(image.address, image.firmware.data), *parts]) as paths:
        if request.dry_run:
            shown = [(image.address, image.firmware.path), *paths[1:]]
            writing.announce(shown, target, request.baud, request.erase, progress)
            return
        if board.esptool is not None:
            written = writing.write_with_esptool(paths, target, request.baud, request.erase, progress, timeouts)
        else:
            assert board.uf2 is not None
            addressed = [(board.uf2.address + at, data) for at, data in parts]
            data = uf2.with_parts(image.firmware.data, addressed, board.uf2.family)
            written = writing.write_through_drive(data, target, progress, timeouts, system)
    place, hello = writing.wait_for_board(target, written, wait_for_hello, progress, timeouts, system)
    compare(hello, files, "flashed", "Flash it again; unplug other boards.")
    progress.step(
        "done", f"Done: {hello.board} at {place} runs {hello.fw} with {hello.model} on MicroPython "
        f"{image.version_text}; board, firmware and detector are what was flashed.",
        board=hello.board, port=place, fw=hello.fw, model=hello.model, sha256=hello.sha256, version=image.version_text,
    )  # fmt: skip


def _payload(request: StockFlashRequest, board: Board, detector: DetectorFile, progress: Progress) -> Payload:
    """Return what goes into the file system, compared with what is known of the board."""

    def say(text: str) -> None:
        progress.step("build", f"  {text}")

    assert board.stock is not None
    payload.check_settings({**board.settings(), **request.extra}, board, request.extra)
    module = native.native_module(board.stock.native, say)
    fits.check_known_memory(board, len(module.data), detector)
    check_fit(detector, board, pushed=True)
    return payload.make_payload(board, detector, module.data, soundfw_files.soundfw_files(say), request.extra)


def _contents(files: Payload) -> dict[str, bytes]:
    """Return the files on the board, with the record by which uninstall and the next install know them."""
    return dict(payload.make_plan(files, board_facts.EMPTY).files)


def _sized(
    image: StockImage, target: LocatedBoard, request: StockFlashRequest, progress: Progress, timeouts: FlashTimeouts
) -> StockImage:
    """Return the image with the size of its file system: where the image leaves that open, of the flash there is.

    A dry run asks no chip: the flash is then that of the board's file, or of the image's header.
    """
    if image.fs_bytes:
        return image
    size = target.board.flash_bytes or esp_image.flash_bytes(image.firmware.data)
    if not request.dry_run:
        assert target.port is not None
        progress.step("flash size", f"Asking the chip at {target.port} how large its flash is", port=target.port)
        size = esptool_run.flash_bytes(target.board, target.port, request.baud, timeouts)
    return image.in_flash_of(size)


def _announce(files: Payload, image: StockImage, disk: FileSystem, progress: Progress) -> None:
    count, size = len(files.files) + 1, sum(files.sizes().values())
    progress.step(
        "plan",
        f"{files.board.name}: soundfw {files.fw} and the detector {files.detector.name}, {count} files, {size} bytes; "
        f"{disk.free_blocks * file_system.BLOCK_BYTES} bytes stay free",
        board=files.board.id, fw=files.fw, model=files.detector.name, files=count, size_bytes=size,
        fs_free=disk.free_blocks * file_system.BLOCK_BYTES,
    )  # fmt: skip
    stock = files.board.stock
    assert stock is not None
    if not stock.free_bytes:
        need = fits.needed_bytes(files.board, len(files.files[payload.MODULE]), files.detector)
        tiny = smaller_form(files.detector.name)
        less = f"; {tiny} takes less" if tiny else ""
        progress.step(
            "memory",
            f"{files.detector.name} takes {need} bytes of memory there{less}. How much {files.board.name} has shows "
            "when it runs: hello decides", need_bytes=need, smaller=tiny or None,
        )  # fmt: skip
    progress.step(
        "replace", "What is in the board's file system now is replaced: your own files, settings and pushed detectors",
        fs_at=image.fs_at, fs_bytes=image.fs_bytes,
    )  # fmt: skip


def _parts(image: StockImage, disk: FileSystem, board: Board, erase: bool) -> Parts:
    """Return (offset in flash, bytes) of all that is written behind the image.

    erase: on a board with UF2, blanks as well up to the end of the flash, which erase what is there.
    """
    if not erase or board.uf2 is None:
        return [(image.fs_at + at, data) for at, data in disk.parts()]
    start = image.address + len(uf2.unpack(image.firmware.data, board.uf2.family).data)
    start += -start % file_system.BLOCK_BYTES
    whole = b"\xff" * (image.fs_at - start) + disk.data
    return [(start, whole.ljust(board.flash_bytes - start, b"\xff"))]
