"""From a board and an image to a board that says it runs the image."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soundsdk.build.descriptor import Descriptor
from soundsdk.detector_file import DetectorFile
from soundsdk.device import ports
from soundsdk.errors import CheckError, UsageError
from soundsdk.flash import esptool_run, firmware_file, uf2, verify
from soundsdk.flash.esptool_run import FlashError
from soundsdk.flash.firmware_file import Firmware
from soundsdk.flash.reporter import Steps
from soundsdk.flash.target import Target, choose

HELLO_S = 30.0
CUT_S = 5.0  # after a drive that went away too early: a board that has its image all the same starts at once


@dataclass(frozen=True)
class Wish:
    """What the command line says. firmware, model, where: None if it says nothing."""

    board: str | None = None
    firmware: Path | None = None
    model: str | None = None
    where: str | None = None
    erase: bool = False
    dry_run: bool = False
    baud: int = esptool_run.BAUD


def run(wish: Wish, steps: Steps, load: Callable[[str | None], DetectorFile] | None = None) -> None:
    """Flashes a board. Returns only if the board says that it runs what was flashed, or in a dry run.

    load: finds the detector of an image that has to be built; needed without wish.firmware.
    """
    if wish.firmware is not None and wish.model is not None:
        raise UsageError("a firmware file has its detector in it.", "Give --firmware or --model, not both.")
    given = firmware_file.read(wish.firmware) if wish.firmware is not None else None
    image_board = given.says.board if given is not None and given.says is not None else None
    target = choose(wish.board, wish.where, image_board, wish.dry_run)
    known = f", which runs {target.hello.model or 'no detector'}" if target.hello else ""
    steps.say(
        "board", f"Board: {target.board.name} ({target.board.id}) at {target.where}{known}",
        board=target.board.id, port=target.port, drive=str(target.drive.path) if target.drive else None,
    )  # fmt: skip
    if given is not None:
        firmware_file.check(given, target.board)
    elif wish.dry_run:
        model = wish.model or "home"
        steps.say("image", f"Would build the image of {target.board.id} with the detector {model} in it", model=model)
    else:
        assert load is not None
        given = _build(target, load(wish.model), steps)
    if given is not None:
        _tell_image(given, steps)
    if wish.dry_run:
        _tell_plan(wish, target, steps)
        return
    assert given is not None
    whole, others = True, set[str]()
    if target.board.esptool is not None:
        _through_esptool(given, target, wish, steps)
    else:
        whole, others = _through_boot_loader(given, target, wish, steps)
    steps.say("wait", "Waiting for the board to say hello")
    try:
        place, hello = verify.wait(lambda: _places(target, others), HELLO_S if whole else CUT_S)
    except CheckError as e:
        if whole:
            raise
        raise FlashError("the boot loader's drive went away before it had the whole image.", uf2.AGAIN) from e
    verify.compare(hello, target.board, given.says)
    checked = "board, firmware and detector are" if given.says else "board is"
    steps.say(
        "done", f"Done: {hello.board} at {place} runs {hello.fw} with {hello.model}; {checked} what was flashed.",
        board=hello.board, port=place, fw=hello.fw, model=hello.model, sha256=hello.sha256,
    )  # fmt: skip


def _build(target: Target, detector: DetectorFile, steps: Steps) -> Firmware:
    from soundsdk.build.builder import build
    from soundsdk.build.sources import cache_dir

    steps.say("build", f"Building the image of {target.board.id}; the first time this takes a minute or two")
    image = build(target.board, detector, None, cache_dir() / "images", lambda text: steps.say("build", f"  {text}"))
    firmware = firmware_file.read(image.path)
    firmware_file.check(firmware, target.board)
    return firmware


def _tell_image(firmware: Firmware, steps: Steps) -> None:
    says: Descriptor | None = firmware.says
    if says is None:
        steps.say("image", f"Image: {firmware.path}, {len(firmware.data)} bytes; it does not say what it is")
        return
    steps.say(
        "image", f"Image: {firmware.path}, firmware {says.fw} with {says.model} ({says.sha256[:12]})",
        path=str(firmware.path), fw=says.fw, model=says.model, sha256=says.sha256, size_bytes=len(firmware.data),
    )  # fmt: skip


def _tell_plan(wish: Wish, target: Target, steps: Steps) -> None:
    board = target.board
    whole = "erase the whole flash, then " if wish.erase else ""
    if board.esptool is not None:
        path = wish.firmware or Path(f"{board.id}.bin")
        line = " ".join(esptool_run.words(board, target.where, path, wish.baud, wish.erase)[1:])
        steps.say("write", f"Would {whole}write it at {board.esptool.bootloader:#x}: python {line}")
    else:
        assert board.uf2 is not None
        if target.drive is None:
            steps.say(
                "boot loader",
                f"Would ask for the boot loader: the command if it says hello, else {target.port} opened at 1200 baud; "
                f"then wait for the drive {board.uf2.volume}",
            )
        steps.say("write", f"Would {whole}copy it to the drive as {uf2.NAME}, family {board.uf2.family:#010x}")
    steps.say("wait", "Would wait for hello, and compare board, firmware and detector")
    steps.say("done", "Nothing was touched.", dry_run=True)


def _through_esptool(firmware: Firmware, target: Target, wish: Wish, steps: Steps) -> None:
    assert target.port is not None
    steps.say("write", f"Writing with esptool through {target.port}")
    esptool_run.write(target.board, target.port, firmware.path, wish.baud, wish.erase, steps.progress)
    steps.say("verify", "Verified: what is in the flash is the image")


def _through_boot_loader(firmware: Firmware, target: Target, wish: Wish, steps: Steps) -> tuple[bool, set[str]]:
    """Whether the boot loader was given all, and the ports that were there meanwhile: none of them is the board."""
    if target.drive is None:
        steps.say("boot loader", "Sending the board into its boot loader")
    data = firmware_file.blank_rest(firmware, target.board) if wish.erase else firmware.data
    drive = uf2.enter(target, steps)
    others = {port.path for port in ports.listed()}
    if drive is None:
        steps.say("write", "The drive is not mounted; writing with picotool")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / uf2.NAME
            path.write_bytes(data)
            uf2.picotool(path)
        return True, others
    uf2.check_drive(drive, target.board)
    steps.say("write", f"Copying to {drive.path}", drive=str(drive.path))
    return uf2.copy(data, drive, steps.progress), others


def _places(target: Target, others: set[str]) -> list[str]:
    """Where the board may be now. others: ports that are not it, for a board that came from its boot loader's drive."""
    if target.info is not None:
        back = ports.again(target.info)
        return [back.path] if back else []
    if target.port is not None:
        return [target.port]
    return [port.path for port in ports.listed() if port.kind == "board" and port.path not in others]
