"""Installs soundsdk on a board that runs stock MicroPython, and takes it off again.

Whatever goes wrong on the way, the board is put back as it was: what was written is removed, what was moved is moved
back, and if the board cannot be reached for that, the next install or uninstall does it first.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from soundsdk.boards import Board, find_board
from soundsdk.build import native, soundfw_files
from soundsdk.detector_file import DetectorFile
from soundsdk.device.messages import Hello
from soundsdk.device.system import THIS_COMPUTER, System
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import CheckError, DeviceError, PortError, ProtocolError, SoundsdkError, UsageError
from soundsdk.models.fit import check_fit
from soundsdk.progress import Progress
from soundsdk.stock import board_facts, fits, mpremote_run, on_board, payload
from soundsdk.stock.board_facts import BoardFacts
from soundsdk.stock.guess import guess_board
from soundsdk.stock.hello import compare, wait_for_hello
from soundsdk.stock.payload import Payload, Plan
from soundsdk.stock.place import BoardPlace

_PLATFORMS = {"linux": "unix", "darwin": "unix", "win32": "windows"}  # sys.platform: the port's name
_RETRY_S = 0.5
_RESET_S = 3.0  # after which the port of a board that is resetting is there again
_UNDONE = "An installation that was begun and not finished has been undone"


@dataclass(frozen=True)
class StockTimeouts:
    """Time limits of an installation. silent_s: without a word from the board; away_s: for a port that has gone."""

    silent_s: float = 60.0
    away_s: float = 30.0
    hello_s: float = 40.0


@dataclass(frozen=True)
class InstallRequest:
    """A call of `soundsdk install`. None stands for what was left out. extra: settings beside those of the board."""

    where: str | None = None
    board: str | None = None
    model: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    force: bool = False
    dry_run: bool = False


def install(
    request: InstallRequest,
    progress: Progress,
    load: Callable[[str | None], DetectorFile],
    system: System = THIS_COMPUTER,
    timeouts: StockTimeouts | None = None,
) -> None:
    """Install soundsdk on a board; return only if the board's hello names what was installed, or in a dry run.

    load: finds the detector. CheckError if the board cannot run it, or does not; UsageError if the board or its
    microphone is unknown, or if a file of the user is in the way; PortError, DeviceError, ProtocolError of the board.
    """
    timeouts = timeouts or StockTimeouts()
    detector = load(request.model)
    wanted = find_board(request.board) if request.board else None
    place = BoardPlace(request.where, system)
    place.check()

    def say(text: str) -> None:
        progress.step("build", f"  {text}")

    soundfw = soundfw_files.soundfw_files(say)
    progress.step("ask", f"Asking what is at {place.path}", port=place.path)
    facts = _ask(place, timeouts, payload.asked_paths(soundfw))
    if facts.unfinished:
        _recover(place, timeouts)
        progress.step("recover", _UNDONE)
        facts = _ask(place, timeouts, payload.asked_paths(soundfw))
    progress.step("board", facts.sentence(), port=place.path, **_for_programs(facts))
    arch = fits.check_system(facts)
    board = wanted or _guess(facts, place)
    _check_port(board, facts)
    extra = _extra(request, facts, board)
    payload.check_settings({**board.settings(), **extra}, board, request.extra)
    module = native.native_module(arch.name, say)
    files = payload.make_payload(board, detector, module.data, soundfw, extra)
    fits.check_memory(facts, len(module.data), detector)
    check_fit(detector, board, pushed=True)
    plan = _plan(files, facts, request.force)
    progress.step(
        "plan",
        f"{board.name}: soundcore for {arch.name}, soundfw {files.fw} and the detector {detector.name}, "
        f"{len(plan.files)} files, {sum(files.sizes().values())} bytes",
        board=board.id, arch=arch.name, fw=files.fw, model=detector.name, files=len(plan.files),
        size_bytes=sum(files.sizes().values()), aside=[list(pair) for pair in plan.aside],
    )  # fmt: skip
    for path, aside in plan.aside:
        progress.step("aside", f"Your {path} is kept as {aside}", path=path, kept=aside)
    if request.dry_run:
        progress.step("done", "Nothing was written.", dry_run=True)
        return
    with _put_back(place, files, timeouts):
        _transfer(place, plan, progress, timeouts)
    hello = _start(place, files, plan, progress, timeouts)
    progress.step(
        "done", f"Done: {hello.board} at {place.path} runs {hello.fw} with {hello.model}.",
        board=hello.board, port=place.path, fw=hello.fw, model=hello.model, sha256=hello.sha256,
    )  # fmt: skip


def uninstall(
    where: str | None, progress: Progress, system: System = THIS_COMPUTER, timeouts: StockTimeouts | None = None
) -> None:
    """Take soundsdk off a board; it is then as it was before, and has been reset.

    CheckError if soundsdk is not installed there; PortError, DeviceError, ProtocolError of the board.
    """
    timeouts = timeouts or StockTimeouts()
    place = BoardPlace(where, system)
    place.check()
    progress.step("ask", f"Asking what is at {place.path}", port=place.path)
    facts = _ask(place, timeouts, [])
    if facts.unfinished:
        _recover(place, timeouts)
        progress.step("recover", _UNDONE)
    told = _remove(place, timeouts)
    if not told["installed"]:
        if facts.unfinished:
            progress.step("done", "Done: nothing of soundsdk is on the board.", removed=0, kept=[])
            return
        raise CheckError(
            f"soundsdk install has put nothing on the board at {place.path}.",
            "An image with soundsdk is replaced by flashing another: soundsdk flash --firmware FILE",
        )
    for path in told["kept"]:
        progress.step("kept", f"{path} is yours and stays: it was changed or made after the installation", path=path)
    progress.step("done", f"Done: {told['removed']} files removed; the board is as it was.",
                  removed=told["removed"], kept=told["kept"])  # fmt: skip


def _ask(place: BoardPlace, timeouts: StockTimeouts, paths: list[str]) -> BoardFacts:
    return board_facts.ask(place.path, paths, timeouts.silent_s)


def _for_programs(facts: BoardFacts) -> dict[str, Any]:
    return {
        "machine": facts.machine, "version": facts.version_text, "mpy": facts.mpy, "heap_free": facts.heap_free,
        "heap_largest": facts.heap_largest, "psram": facts.psram, "fs_bytes": facts.blocks * facts.block,
        "fs_free": facts.free_blocks * facts.block,
    }  # fmt: skip


def _guess(facts: BoardFacts, place: BoardPlace) -> Board:
    """Return the board by what it says, else by an earlier installation; UsageError if that does not show it."""
    if facts.record is not None:
        with contextlib.suppress(UsageError):
            return find_board(str(facts.record.get("board")))
    return guess_board(facts, place.usb)


def _check_port(board: Board, facts: BoardFacts) -> None:
    there = _PLATFORMS.get(facts.platform, facts.platform)
    if board.port != there:
        raise CheckError(
            f"the board runs MicroPython for {there} ({facts.machine}), and a {board.name} has the port {board.port}.",
            "Name the right board with --board; soundsdk boards lists them.",
        )


def _extra(request: InstallRequest, facts: BoardFacts, board: Board) -> dict[str, Any]:
    """Return the settings beside the board's: those of an earlier installation on it, and those that were given."""
    before = facts.settings if facts.record and facts.settings.get("board") == board.id else {}
    return {**before, **request.extra}


def _plan(files: Payload, facts: BoardFacts, force: bool) -> Plan:
    folders = [folder for folder in payload.folders_of(files.files) if folder not in facts.there]
    fits.check_file_system(facts, files.sizes(), len(folders))
    taken = payload.in_the_way(files, facts)
    if taken and not force:
        raise UsageError(
            f"the board has files of yours where soundsdk needs the place: {', '.join(taken)}.",
            f"With --force they are kept as NAME{payload.ASIDE}, and soundsdk uninstall brings them back.",
        )
    twice = [path + payload.ASIDE for path in taken if path + payload.ASIDE in facts.there]
    if twice:
        raise UsageError(f"the board has {', '.join(twice)} already.", "Rename it with mpremote, and install again.")
    return payload.make_plan(files, facts)


def _transfer(place: BoardPlace, plan: Plan, progress: Progress, timeouts: StockTimeouts) -> None:
    """Write the files, check them and put them in place; the board is resetting on return."""
    as_dict = plan.as_dict()
    total = on_board.total_bytes(plan.files, as_dict)
    names = [path for path, _ in plan.files]
    failed: dict[str, Any] = {}
    progress.step("write", f"Writing {total} bytes to {place.path}", bytes=total)
    switched = False

    def tell(facts: dict[str, Any]) -> None:
        nonlocal switched
        switched = switched or "switched" in facts
        failed.update({key: facts[key] for key in ("failed", "error", "free", "damaged") if key in facts})
        if "done" in facts:
            progress.update(int(facts["done"]), total)

    try:
        programs = on_board.transfer(plan.files, as_dict)
        mpremote_run.run(place.path, programs, timeouts.silent_s, tell, reset=True)
    except mpremote_run.BoardProgramError as error:
        raise _write_error(error, failed, names) from error
    except ConnectionLost:
        # A port that goes with the reset is what is to be expected of boards with USB of their own.
        if not switched:
            raise
    progress.step("verified", f"Verified: SHA-256 of {len(names)} files on the board", files=len(names))


def _write_error(error: mpremote_run.BoardProgramError, failed: dict[str, Any], names: list[str]) -> SoundsdkError:
    if "damaged" in failed:
        return CheckError(
            f"{failed['damaged']} on the board is not what was sent: its flash does not take it.",
            "Install again; if that fails too, the flash is worn.",
        )
    if "failed" in failed:
        number = str(failed["failed"]).rpartition("/")[2]
        name = names[int(number)] if number.isdigit() else "what soundsdk puts there"
        what = f"the board's file system does not take {name}"
        if number == "switch":
            what = "the board's file system does not put the new files in place"
        code = failed["error"]
        reason = os.strerror(code).lower() if isinstance(code, int) else str(code)
        return CheckError(
            f"{what}: {reason}; {failed['free']} bytes are free.",
            "Remove files from the board: mpremote fs ls, mpremote fs rm :FILE",
        )
    if error.kind == "MemoryError":
        return CheckError(f"the board has no memory for the installation: {error.message}", error.hint)
    return error


@contextlib.contextmanager
def _put_back(place: BoardPlace, files: Payload, timeouts: StockTimeouts) -> Iterator[None]:
    """Put the board back as it was if what is done in the block fails, and say in the error's hint if it cannot be."""
    try:
        yield
    except SoundsdkError as error:
        try:
            if _recover(place, timeouts) == files.fw:
                _remove(place, timeouts)  # all had been done, and only the word of it was lost
        except SoundsdkError as second:
            error.hint = (
                f"{error.hint} The board runs what it ran before; {on_board.NEW} is left over on it "
                f"({second.message.rstrip('.')}): soundsdk install or uninstall removes it."
            ).strip()
        else:
            error.hint = f"{error.hint} The board is as it was.".strip()
        raise
    except KeyboardInterrupt as error:  # Ctrl-C, and what ends a process
        raise _interrupted(error, lambda: _recover(place, replace(timeouts, away_s=0.0))) from error
    except BaseException:
        with contextlib.suppress(SoundsdkError):
            _recover(place, replace(timeouts, away_s=0.0))
        raise


def _interrupted(error: KeyboardInterrupt, put_back: Callable[[], object]) -> KeyboardInterrupt:
    """Put the board back as it was; return the interruption with a hint that says so, or what is left over."""
    try:
        put_back()
    except SoundsdkError as second:
        return type(error)(
            f"What was begun is still on the board ({second.message.rstrip('.')}): soundsdk uninstall removes it."
        )
    return type(error)("The board is as it was.")


def _recover(place: BoardPlace, timeouts: StockTimeouts) -> str:
    """Undo an installation that was not finished, once the board is there, and reset it; return what is installed."""
    return str(_patiently(place, timeouts, on_board.recover())[-1]["fw"])


def _remove(place: BoardPlace, timeouts: StockTimeouts) -> dict[str, Any]:
    return _patiently(place, timeouts, on_board.uninstall())[-1]


def _patiently(place: BoardPlace, timeouts: StockTimeouts, program: str) -> list[dict[str, Any]]:
    """Run a program that may be run again; while the port is away, wait for it."""
    deadline = time.monotonic() + timeouts.away_s
    while True:
        try:
            place.check()
            return mpremote_run.run(place.path, [program], timeouts.silent_s, reset=True)
        except (ConnectionLost, DeviceError, PortError, ProtocolError):
            if time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_S)


def _start(place: BoardPlace, files: Payload, plan: Plan, progress: Progress, timeouts: StockTimeouts) -> Hello:
    """Wait for the hello of what was installed, end an update; take all of it back if it does not come."""
    try:
        progress.step("wait", "Waiting for the board to say hello")
        hello = _hello(place, files, timeouts)
        if plan.old:
            # What was replaced was kept until now.
            mpremote_run.run(place.path, [on_board.finish()], timeouts.silent_s, reset=True)
            hello = _hello(place, files, timeouts)
    except SoundsdkError as error:
        try:
            _take_back(place, plan, timeouts)
        except SoundsdkError as second:
            error.hint = (
                f"{error.hint} The installation is still on the board ({second.message.rstrip('.')}): "
                "take it off with soundsdk uninstall."
            ).strip()
        else:
            error.hint = f"{error.hint} The board is as it was.".strip()
        raise
    except KeyboardInterrupt as error:
        raise _interrupted(error, lambda: _take_back(place, plan, replace(timeouts, away_s=_RESET_S))) from error
    return hello


def _take_back(place: BoardPlace, plan: Plan, timeouts: StockTimeouts) -> None:
    """Take off again what is in place and was to be tried: an update, or all of it."""
    if plan.old:
        _recover(place, timeouts)
    else:
        _remove(place, timeouts)


def _hello(place: BoardPlace, files: Payload, timeouts: StockTimeouts) -> Hello:
    """Wait for the hello of what was installed; CheckError if the board runs something else."""
    _, hello = wait_for_hello(lambda: [place.path], timeouts.hello_s)
    compare(hello, files, "installed", "Does the board start an image of soundsdk? Then flash MicroPython's own first.")
    return hello
