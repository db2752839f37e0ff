"""The files of an installation, and the moves by which they replace what is on the board."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from soundfw import VERSION, FirmwareError
from soundfw.act import rules
from soundfw.settings import MIC_PINS, MICROPHONES, Settings, microphone
from soundsdk.boards import Board
from soundsdk.boards.chips import CHIPS
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import UsageError
from soundsdk.stock.board_facts import BoardFacts
from soundsdk.stock.on_board import NEW, OLD, RECORD

ASIDE = ".before-soundsdk"  # after the name of a file of the user that is in the way
MAIN, SETTINGS, MODEL, LIB = "main.py", "settings.json", "detector.tflite", "lib"
MODULE = f"{LIB}/soundcore.mpy"
# Files that soundfw itself writes beside the settings, and their new contents before they replace the old.
STATE = ("slots.json", "slot_a.tflite", "slot_b.tflite", "set.json", "starts.txt",
         "slots.json.new", "set.json.new", "settings.json.new")  # fmt: skip
_CLOCKS = ("sck", "ws", "clk")  # pins of a microphone that the board drives
_MAIN_TEXT = """\
# Written by soundsdk install, and removed by soundsdk uninstall. soundcore and the detector each need one large piece
# of memory, which is there only as long as nothing else has been loaded: keep this order in a program of your own.
import soundcore
import soundfw.storage.model_memory

soundfw.storage.model_memory.reserve()

import soundfw.main

soundfw.main.main()
"""


@dataclass(frozen=True)
class Payload:
    """An installation. files: contents by path on the board, main.py last; fw: the version that its hello will name."""

    board: Board
    detector: DetectorFile
    files: dict[str, bytes]
    settings: dict[str, Any]
    fw: str

    def sizes(self) -> dict[str, int]:
        """Return the sizes of the files by path."""
        return {path: len(data) for path, data in self.files.items()}


@dataclass
class Plan:
    """The moves of an installation. files: contents by path; moves, made, old: see on_board.transfer.

    aside: (path, where it is kept) of files of the user.
    """

    files: list[tuple[str, bytes]]
    moves: list[tuple[str, str]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    aside: list[tuple[str, str]] = field(default_factory=list)
    old: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as on_board.transfer wants it."""
        digests = [(path, hashlib.sha256(data).hexdigest()) for path, data in self.files]
        return {"files": digests, "moves": self.moves, "made": self.made, "old": self.old}


def make_payload(
    board: Board, detector: DetectorFile, module: bytes, soundfw: Mapping[str, bytes], extra: Mapping[str, Any]
) -> Payload:
    """Put the files together. module: soundcore.mpy; soundfw: its files by path; extra: settings beside the board's.

    Raises UsageError if the settings cannot be used.
    """
    code = {MODULE: module, **{f"{LIB}/{path}": data for path, data in soundfw.items()}}
    digest = hashlib.sha256()
    for path, data in code.items():
        digest.update(f"{path} {hashlib.sha256(data).hexdigest()}\n".encode())
    build = digest.hexdigest()[:12]
    settings = {**board.settings(), **extra, "build": build}
    check_settings(settings, board)
    files = {**code, MODEL: detector.data, SETTINGS: _json(settings), MAIN: _MAIN_TEXT.encode("ascii")}
    return Payload(board, detector, files, settings, f"{VERSION}+{build}")


def check_settings(settings: Mapping[str, Any], board: Board, given: Mapping[str, Any] | None = None) -> None:
    """Raise UsageError if the firmware would refuse the settings, if they name no microphone or pins that cannot be.

    given: those of them that the user gives now, whose board and rules are checked as well.
    """
    mic = settings.get("mic")
    hint = "Correct them in the file of --settings."
    kinds = [kind for kind, _ in MICROPHONES]
    if mic and (not isinstance(mic, dict) or mic.get("kind") not in kinds):
        raise UsageError(f"the settings cannot be used: mic.kind must be one of {', '.join(kinds)}.", hint)
    try:
        Settings(dict(settings))
        if mic:
            microphone(mic["kind"], mic)
        actions = (given or {}).get("actions", {})
        if not isinstance(actions, dict):
            raise UsageError("the settings cannot be used: actions must be an object.", hint)
        for rule in actions.values():
            rules.parse(rule)
    except FirmwareError as error:
        raise UsageError(f"the settings cannot be used: {error.args[1]}.", hint) from error
    if not mic:
        raise UsageError(
            f"the file of the board {board.id} names no microphone.",
            'Give its pins with --settings FILE: {"mic": {"kind": "i2s", "sck": 16, "ws": 17, "sd": 18}}',
        )
    fault = _wrong_board(given or {}, board) or _wrong_pins(mic, board)
    if fault:
        raise UsageError(f"the settings cannot be used: {fault}.", hint)


def _wrong_board(given: Mapping[str, Any], board: Board) -> str:
    named = given.get("board", board.id)
    return f"they name the board {named!r}, and this is {board.id}" if named != board.id else ""


def _wrong_pins(mic: Mapping[str, Any], board: Board) -> str:
    """Return why a microphone cannot be at these pins of a board's chip; empty if nothing is known against it."""
    pins = {key: mic[key] for key in MIC_PINS if key in mic}
    if len(set(pins.values())) < len(pins):
        return f"two of mic.{', mic.'.join(pins)} are the same GPIO"
    if board.port == "esp32" and mic["kind"] != "i2s":
        return "MicroPython hears I2S microphones only on an ESP32, so mic.kind must be i2s"
    if board.port == "rp2" and mic["kind"] == "i2s" and pins["ws"] != pins["sck"] + 1:
        return f"mic.ws must be the GPIO after mic.sck, {pins['sck'] + 1}"
    chip = CHIPS.get(board.chip)
    for key, pin in pins.items() if chip is not None else ():
        assert chip is not None
        if pin > chip.last_gpio or pin in chip.flash:
            return f"mic.{key} is GPIO {pin}, which a {board.chip} has not, or which serves its flash"
        if key in _CLOCKS and pin in chip.inputs:
            return f"mic.{key} is GPIO {pin}, which is an input only, and the chip has to drive it"
    return ""


def folders_of(paths: Iterable[str]) -> list[str]:
    """Return the folders of files, those that hold others first."""
    found = {path.rpartition("/")[0] for path in paths}
    parents = {"/".join(folder.split("/")[:n]) for folder in found for n in range(1, folder.count("/") + 2)}
    return sorted(parents - {""})


def asked_paths(soundfw: Iterable[str]) -> list[str]:
    """Return the paths whose existence decides what an installation moves. soundfw: the paths of its files."""
    installed = [MODULE, *(f"{LIB}/{path}" for path in soundfw), MODEL, SETTINGS, MAIN]
    targets = [*installed, *STATE, RECORD]
    return [*targets, *(path + ASIDE for path in targets), *folders_of(installed)]


def in_the_way(payload: Payload, facts: BoardFacts) -> list[str]:
    """Return the files of the user at paths that an installation needs."""
    return [path for path in (*payload.files, *STATE) if path in facts.there and not _is_ours(path, facts)]


def _is_ours(path: str, facts: BoardFacts) -> bool:
    """Tell whether a file on the board is of an earlier installation; a main.py that was changed since is not."""
    if facts.record is None:
        return False
    if path == MAIN:
        return bool(facts.record["files"].get(MAIN) == facts.main_sha256)
    return path in facts.record["files"] or path in facts.record["state"] or path == RECORD


def make_plan(payload: Payload, facts: BoardFacts) -> Plan:
    """Return the moves that install a payload on the board.

    What is in the way is set aside, what an earlier installation has there is replaced.
    """
    record = facts.record or {"files": {}, "made": [], "aside": [], "state": []}
    made = [folder for folder in folders_of(payload.files) if folder not in facts.there]
    plan = Plan([], made=made, aside=[(path, aside) for path, aside in record["aside"]])
    # The start first: whatever comes between, the board must not start half of this.
    for path in dict.fromkeys((MAIN, *payload.files, *STATE, *record["files"], RECORD)):
        if path not in facts.there:
            continue
        if _is_ours(path, facts):
            plan.moves.append((path, f"{OLD}/{len(plan.moves)}"))
            plan.old = True
        else:
            plan.moves.append((path, path + ASIDE))
            plan.aside.append((path, path + ASIDE))
    files = dict(payload.files)
    main = files.pop(MAIN)
    installed = {path: hashlib.sha256(data).hexdigest() for path, data in (*files.items(), (MAIN, main))}
    files[RECORD] = _json({
        "fw": payload.fw, "board": payload.board.id, "files": installed, "made": [*record["made"], *made],
        "aside": plan.aside, "state": [path for path in STATE if path not in dict(plan.aside)],
    })  # fmt: skip
    plan.files = [*files.items(), (MAIN, main)]
    plan.moves += [(f"{NEW}/{number}", path) for number, (path, _) in enumerate(plan.files)]
    return plan


def _json(value: object) -> bytes:
    return json.dumps(value).encode("ascii")
