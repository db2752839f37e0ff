"""Changes of a board's settings as words, KEY.LABEL=VALUE: of `soundsdk set`, and of the page of `soundsdk monitor`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from soundfw import FirmwareError
from soundfw.act import rules
from soundfw.settings import MIC_PINS, THRESHOLDS
from soundsdk.boards import Board, find_board
from soundsdk.errors import UsageError
from soundsdk.labels import meant

# By label, None for every class: the arguments of session.Device.set.
Changes: TypeAlias = "dict[str | None, dict[str, Any]]"

_NEAREST = 4  # GPIOs in a hint

# The key of a word: (the board's name for it, the type of the value, its range)
_KEYS: dict[str, tuple[str, type, float, float]] = {
    "threshold" if key == "on" else key: (
        (key, int, low, high) if key.endswith("_ms") else (key, float, low / 1000, high / 1000)
    )
    for key, _, low, high in THRESHOLDS
}
_KNOWN = (*_KEYS, "action")


def ranges() -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest value of each key of a threshold."""
    return {key: (low, high) for key, (_, _, low, high) in _KEYS.items()}


def _number(word: str, key: str, text: str) -> tuple[str, Any]:
    """Return the board's name of a threshold's key, and its value."""
    argument, kind, low, high = _KEYS[key.replace("-", "_")]
    try:
        value = kind(text) if text.isascii() and "_" not in text else None  # Python takes 1_0 and all digits there are
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        number = "a probability" if kind is float else "a whole number of milliseconds"
        raise UsageError(f"{word}: {key} is {number} from {low:g} to {high:g}.")
    return argument, value


def _rule(name: str, text: str) -> str:
    """Return the rule of an action, as the board takes it."""
    wrong = ""
    try:
        rules.parse(text)
        if not text.isascii():  # Python takes spaces for spaces that a board does not
            wrong = "a rule has ASCII characters only"
    except FirmwareError as error:
        wrong = error.args[1]
    if wrong:
        raise UsageError(f"{name}={text}: {wrong}.", "soundsdk set --help shows how actions are written.")
    return text.strip()


def parse(words: Sequence[str]) -> Changes:
    """Return the changes that words stand for. UsageError names a wrong word."""
    changes: Changes = {}
    for word in words:
        name, equals, text = word.rpartition("=")
        key, dot, label = name.partition(".")
        if not equals or key.replace("-", "_") not in _KNOWN or (dot and not label):
            known = ", ".join(_KNOWN)
            close = meant(key, _KNOWN) if equals else ""
            raise UsageError(f"{word} is not a setting.", f"{close}Write KEY.LABEL=VALUE or KEY=VALUE; keys: {known}.")
        argument, value = ("action", _rule(name, text)) if key == "action" else _number(word, key, text)
        there = changes.setdefault(label or None, {})
        if argument in there:
            raise UsageError(f"{key}{dot}{label} is there twice.")
        there[argument] = value
    return changes


def _board(board_id: str) -> Board | None:
    try:
        return find_board(board_id)
    except UsageError:
        return None


def check_pins(board_id: str, present: Callable[[], Mapping[str, str] | None], changes: Changes) -> None:
    """Raise UsageError if a rule and another cannot have their GPIOs both, before any is sent.

    board_id: as in the board's hello. present: returns the rules on the board by label, None if it does not say.
    """
    new = {label: values["action"] for label, values in changes.items() if "action" in values}
    board = _board(board_id)
    if board is None:
        return  # The board itself refuses what it cannot do.
    known = present() if any("tone" in rule.lower() for rule in new.values()) else None
    wanted = {label: new.get(label, new.get(None, rule)) or "none" for label, rule in (known or {}).items()}
    # What the board has besides is for the board to say.
    use = rules.PinUse({}, {"kind": "gpio"}, (), board.port)
    for label in sorted(wanted, key=lambda label: label in new):
        try:
            use.claim(rules.parse(wanted[label]), f"action.{label}")
        except FirmwareError as error:
            raise UsageError(f"action.{label}={wanted[label]}: {error.args[1]}.") from error


def free_gpios(board_id: str) -> list[int] | None:
    """Return the GPIOs that a board's file leaves to rules; None if there is no such file, or none in it."""
    board = _board(board_id)
    if board is None or board.gpio is None:
        return None
    values = board.mic.settings() if board.mic is not None else {}
    taken = {values.get(key) for key in MIC_PINS} | {board.led.pin if board.led is not None else None}
    return [pin for pin in board.gpio.outputs if pin not in taken]


def has_led(board_id: str) -> bool:
    """Return False if a board's file has no LED that rules can switch."""
    board = _board(board_id)
    return board is None or board.led is not None


def _pins(rule: str) -> list[int]:
    """Return the GPIOs of a rule, -1 for the LED; none of a rule that only a board's own firmware understands."""
    try:
        return [action.pin for action in rules.parse(rule)]
    except FirmwareError:
        return []


def hint_for_pin(board_id: str, rule: str, others: Mapping[str, str]) -> str:
    """Return a sentence with the free GPIOs nearest to the first that a rule cannot have; empty if there is none.

    others: the rules of other labels.
    """
    free = free_gpios(board_id)
    if free is None:
        return ""
    used = {pin for text in others.values() for pin in _pins(text or "none")}
    free = [pin for pin in free if pin not in used]
    refused = next((pin for pin in _pins(rule) if pin >= 0 and pin not in free), None)
    if refused is None or not free:
        return ""
    nearest = sorted(sorted(free, key=lambda pin: (abs(pin - refused), pin))[:_NEAREST])
    return f"Free near it: GPIO {', '.join(map(str, nearest))}."
