"""The classes of the detector that a board runs, with the thresholds as they are now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from soundsdk.device.connection import CommandRejected
from soundsdk.device.messages import Ack
from soundsdk.device.session import Device
from soundsdk.errors import ProtocolError, UsageError
from soundsdk.labels import meant, printable

MOST_CLASSES = 1000  # a board that says to have more is not listened to further
_ANSWER_S = 2.0
_NUMBERS = ("on", "off", "min_ms", "hold_ms")


@dataclass(frozen=True)
class BoardClass:
    """One class of a board's detector. on, off: 1/1000 of probability; times in milliseconds of sound.

    action: its rule (see soundfw.act.rules); empty if the board does nothing by itself.
    """

    label: str
    on: int
    off: int
    min_ms: int
    hold_ms: int
    action: str = ""


def classes_of(device: Device) -> list[BoardClass] | None:
    """Return the classes of a board's detector in its order, each asked for by a `model` command.

    None if the board is in safe mode or its firmware does not know the command; at most MOST_CLASSES. Raises
    ProtocolError if an answer does not come within 2 s or is not one, ConnectionLost if the board goes.
    """
    found: list[BoardClass] = []
    for _ in range(2 * MOST_CLASSES):  # each may be answered twice
        try:
            wanted: dict[str, Any] = {"class": len(found)}  # a word that Python has taken
            answer = device.request("model", _ANSWER_S, tries=2, **wanted)
        except CommandRejected:
            return None
        assert isinstance(answer, Ack)
        values = answer.extra
        numbers = [values.get(key) for key in ("classes", "class", *_NUMBERS)]
        label = values.get("label")
        if not isinstance(label, str) or not all(type(number) is int for number in numbers):
            raise ProtocolError("the board does not describe its detector.", "Flash newer firmware.")
        count, index, *limits = (number for number in numbers if isinstance(number, int))
        if index == len(found):  # not the second answer to a command that was sent twice
            action = values.get("action")
            on, off, min_ms, hold_ms = limits
            shown = printable(action) if isinstance(action, str) else ""
            found.append(BoardClass(label, on, off, min_ms, hold_ms, shown))
        if len(found) >= min(count, MOST_CLASSES):
            return found
    raise ProtocolError("the board does not say which class it describes.", "Flash newer firmware.")


def check_labels(devices: Sequence[Device], labels: Iterable[str]) -> None:
    """Raise UsageError, with what may have been meant, for a label that none of the boards' detectors has.

    A board that does not say what it has is taken to have them all.
    """
    wanted = list(labels)
    known: dict[str, None] = {}
    for device in devices if wanted else ():
        classes = classes_of(device)
        if classes is None:
            return
        known |= dict.fromkeys(one.label for one in classes)
    for label in wanted:
        if label not in known:
            where = " and ".join(f"{device.hello.model} on {device.hello.board}" for device in devices)
            raise UsageError(
                f"{where} {'has' if len(devices) == 1 else 'have'} no label {printable(label)}.",
                f"{meant(label, known)}Known: {', '.join(map(printable, known))}.",
            )
