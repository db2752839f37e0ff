"""Opens the boards to monitor, all at once, and says which cannot be had."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from soundsdk.device import address, ports
from soundsdk.device.address import Address
from soundsdk.device.reconnect import ReconnectingDevice
from soundsdk.device.system import System
from soundsdk.errors import SoundsdkError, UsageError

MOST = 64  # boards: each has a thread and a port


def open_boards(addresses: Sequence[str], system: System | None = None) -> list[ReconnectingDevice]:
    """Open every board, in the order of their addresses; none: the one of SOUNDSDK_PORT, else auto.

    Raises UsageError if one is named twice, and what ReconnectingDevice raises if one cannot be opened: then all are
    closed again, and the message names all that cannot.
    """
    if len(addresses) <= 1:
        return [ReconnectingDevice(addresses[0] if addresses else None, system=system)]
    if len(addresses) > MOST:
        raise UsageError(f"{len(addresses)} boards are too many for one monitor.", f"Give each at most {MOST}.")
    _check_different(addresses, system)
    with ThreadPoolExecutor(max_workers=len(addresses)) as pool:
        opening = [pool.submit(ReconnectingDevice, where, system=system) for where in addresses]
    errors = [error for future in opening if (error := future.exception()) is not None]
    if errors:
        _close(opening)
        raise _joined(errors, len(addresses))
    return [future.result() for future in opening]


def _check_different(addresses: Sequence[str], system: System | None) -> None:
    places: dict[str, str] = {}
    for text in addresses:
        where = address.parse(text)
        if where.kind == "auto":
            raise UsageError("auto is the only board there is, and cannot be one of several.", "Name each board.")
        place = _place(where, system)
        if place in places:
            raise UsageError(f"-p {places[place]} and -p {text} are the same board.", "Name each board once.")
        if not where.is_scheme:  # each virtual board is a new one
            places[place] = text


def _place(where: Address, system: System | None) -> str:
    if where.kind == "id":
        return os.path.realpath(ports.find(where, system).path)
    return os.path.realpath(where.value) if where.kind == "port" else str(where)


def _close(opening: Sequence[Future[ReconnectingDevice]]) -> None:
    for future in opening:
        if future.exception() is None:
            with contextlib.suppress(OSError):
                future.result().close()


def _joined(errors: Sequence[BaseException], count: int) -> BaseException:
    """Return one error for all: the first, with the sentences of the others if there are some."""
    first = errors[0]
    if len(errors) == 1 or not isinstance(first, SoundsdkError):
        return first
    sentences = " ".join(str(error) for error in errors)
    first.args = (f"{len(errors)} of {count} boards cannot be had: {sentences}",)
    first.message = str(first)
    return first
