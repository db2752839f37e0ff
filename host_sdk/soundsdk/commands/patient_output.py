"""Output of a verb that holds signals back: a reader that reads no more cannot keep the verb from ending."""

from __future__ import annotations

import select
import time
from typing import AnyStr

from soundsdk.commands.end_signals import EndSignals

_LOOK_S = 0.1
_GRACE_S = 1.0  # after a signal; a reader that is only slow gets what belongs to the end
_PIECE_BYTES = getattr(select, "PIPE_BUF", 512)  # what a pipe takes at once if it takes anything
_CHARACTER_BYTES = 12  # at most, as standard output escapes what its encoding lacks


def write_patiently(out: object, data: AnyStr, signals: EndSignals) -> None:
    """Write text or bytes to a stream and flush it, within signals.held_back().

    KeyboardInterrupt if a signal has come and the reader takes nothing for a second. What is no file, pipe or terminal,
    and everything on Windows, is written at once.
    """
    size = _PIECE_BYTES if isinstance(data, bytes) else _PIECE_BYTES // _CHARACTER_BYTES
    for start in range(0, len(data), size):
        _wait_for_room(out, signals)
        out.write(data[start : start + size])  # type: ignore[attr-defined]
        out.flush()  # type: ignore[attr-defined]


def _wait_for_room(out: object, signals: EndSignals) -> None:
    try:
        number = out.fileno()  # type: ignore[attr-defined]
        poll = select.poll()
    except (AttributeError, OSError, ValueError):  # no file, or no poll
        return
    poll.register(number, select.POLLOUT)
    deadline: float | None = None
    while not poll.poll(1000 * _LOOK_S):
        if signals.number is None:
            continue
        now = time.monotonic()
        deadline = now + _GRACE_S if deadline is None else deadline
        if now >= deadline:
            raise KeyboardInterrupt
