"""Flashes a board: finds it, writes the image, and waits for a hello that names the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soundsdk.build import image_file
from soundsdk.build.region import ImageFacts
from soundsdk.cache import cache_dir
from soundsdk.detector_file import DetectorFile
from soundsdk.device.system import THIS_COMPUTER, System
from soundsdk.errors import ModelError
from soundsdk.flash import esptool_run, firmware_file, verify, writing
from soundsdk.flash.firmware_file import Firmware
from soundsdk.flash.locate import LocatedBoard, locate
from soundsdk.flash.timeouts import FlashTimeouts
from soundsdk.models.fit import check_fit
from soundsdk.progress import Progress
from soundsdk.whole_file import write_whole

_DEFAULT_TIMEOUTS = FlashTimeouts()


@dataclass(frozen=True)
class FlashRequest:
    """A call of `soundsdk flash`: what to write, and where. None stands for what was left out."""

    board: str | None = None
    firmware: Path | None = None
    model: str | None = None
    where: str | None = None
    erase: bool = False
    dry_run: bool = False
    baud: int = esptool_run.BAUD


def flash_board(
    request: FlashRequest,
    progress: Progress,
    load: Callable[[str | None], DetectorFile] | None = None,
    system: System = THIS_COMPUTER,
    timeouts: FlashTimeouts = _DEFAULT_TIMEOUTS,
) -> None:
    """Flash a board; return only if the board's hello names what was flashed, or in a dry run.

    load: finds the detector that is written into the image; needed without request.firmware, or with request.model.
    """
    given = firmware_file.read(request.firmware) if request.firmware is not None else None
    # What is wrong with the detector is said before a board is looked for.
    detector = load(request.model) if load is not None and (given is None or request.model is not None) else None
    image_board = given.identity.board if given is not None and given.identity is not None else None
    target = locate(request.board, request.where, image_board, request.dry_run, timeouts.known_board_s, system)
    known = f", which runs {target.hello.model or 'no detector'}" if target.hello else ""
    if detector is not None:
        check_fit(detector, target.board)
    progress.step(
        "board", f"Board: {target.board.name} ({target.board.id}) at {target.where}{known}",
        board=target.board.id, port=target.port, drive=str(target.drive.path) if target.drive else None,
    )  # fmt: skip
    if given is not None:
        firmware_file.check(given, target.board)
        if request.model is not None:
            assert detector is not None
            given = _with_model(given, target, detector)
        elif given.identity is not None and not given.identity.sha256:
            raise ModelError(f"{given.path} holds no detector.", "Name one with --model.")
    elif request.dry_run:
        model = request.model or "home"
        progress.step("image", f"Would write the detector {model} into the image of {target.board.id}", model=model)
    else:
        assert detector is not None
        given = _build(target, detector, progress)
    if given is not None:
        _announce_image(given, progress)
    if request.dry_run:
        _announce_plan(request, target, progress)
        return
    assert given is not None
    if target.board.esptool is not None:
        with writing.files_of([(target.board.esptool.bootloader, given.data)]) as parts:
            written = writing.write_with_esptool(parts, target, request.baud, request.erase, progress, timeouts)
    else:
        data = firmware_file.blank_rest(given, target.board) if request.erase else given.data
        written = writing.write_through_drive(data, target, progress, timeouts, system)
    place, hello = writing.wait_for_board(target, written, verify.wait_for_hello, progress, timeouts, system)
    verify.compare(hello, target.board, given.identity)
    checked = "board, firmware and detector are" if given.identity else "board is"
    progress.step(
        "done", f"Done: {hello.board} at {place} runs {hello.fw} with {hello.model}; {checked} what was flashed.",
        board=hello.board, port=place, fw=hello.fw, model=hello.model, sha256=hello.sha256,
    )  # fmt: skip


def _build(target: LocatedBoard, detector: DetectorFile, progress: Progress) -> Firmware:
    from soundsdk.build.builder import build_image

    progress.step("build", f"Preparing the image of {target.board.id} with the detector {detector.name}")
    image = build_image(
        target.board, detector, None, cache_dir() / "images", lambda text: progress.step("build", f"  {text}")
    )
    firmware = firmware_file.read(image.path)
    firmware_file.check(firmware, target.board)
    return firmware


def _with_model(firmware: Firmware, target: LocatedBoard, detector: DetectorFile) -> Firmware:
    """Write a copy of an image, with the detector in its region, into the cache."""
    data, _ = image_file.with_detector(firmware.data, target.board, detector.name, detector.data)
    path = cache_dir() / "images" / f"{target.board.id}-given{firmware.path.suffix}"
    write_whole(path, data, "Set SOUNDSDK_CACHE to a folder of yours.", parents=True)
    return firmware_file.read(path)


def _announce_image(firmware: Firmware, progress: Progress) -> None:
    identity: ImageFacts | None = firmware.identity
    if identity is None:
        progress.step("image", f"Image: {firmware.path}, {len(firmware.data)} bytes; it does not say what it is")
        return
    progress.step(
        "image", f"Image: {firmware.path}, firmware {identity.fw} with {identity.model} ({identity.sha256[:12]})",
        path=str(firmware.path), fw=identity.fw, model=identity.model, sha256=identity.sha256,
        size_bytes=len(firmware.data),
    )  # fmt: skip


def _announce_plan(request: FlashRequest, target: LocatedBoard, progress: Progress) -> None:
    board = target.board
    path = request.firmware or Path(f"{board.id}.bin")
    parts = [(board.esptool.bootloader, path)] if board.esptool is not None else []
    writing.announce(parts, target, request.baud, request.erase, progress)
