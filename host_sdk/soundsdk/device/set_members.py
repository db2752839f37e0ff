"""The members of the command `set`, from checked arguments."""

from __future__ import annotations

from typing import Any

from soundfw import FirmwareError
from soundfw.act import rules
from soundfw.settings import THRESHOLDS
from soundsdk.device.arguments import check_number, check_text
from soundsdk.errors import UsageError


def set_members(
    label: str | None = None,
    on: float | None = None,
    off: float | None = None,
    min_ms: int | None = None,
    hold_ms: int | None = None,
    keep: bool = False,
    action: str | None = None,
) -> dict[str, Any]:
    """Return the members of a `set`; its arguments are those of session.Device.set. UsageError if one is wrong."""
    if label is not None:
        check_text(label, "a label")
    members: dict[str, Any] = {"label": label} if label is not None else {}
    ranges = {name: (low, high) for name, _, low, high in THRESHOLDS}
    for name, value in (("on", on), ("off", off)):
        if value is not None:
            check_number(value, name)
            low, high = ranges[name]
            if not low <= 1000 * value <= high:  # false for NaN as well
                raise UsageError(f"{name} is a probability from {low / 1000:g} to {high / 1000:g}, not {value:g}.")
            members[name] = round(1000 * value)
    for name, time_ms in (("min_ms", min_ms), ("hold_ms", hold_ms)):
        if time_ms is not None:
            check_number(time_ms, name)
            members[name] = time_ms
    if action is not None:
        check_text(action, "an action")
        try:
            rules.parse(action)
        except FirmwareError as error:
            raise UsageError(f"the action {action!r} cannot be used: {error.args[1]}.") from error
        members["action"] = action
    if not set(members) - {"label"}:
        raise UsageError("there is nothing to set.", "Give on, off, min_ms, hold_ms or action.")
    if keep:
        members["keep"] = True
    return members
