"""The program `soundsdk`, also `python -m soundsdk`: signals are quiet from its first import to its last moment."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

# name: (exit code, cause, sentence), those of soundsdk.errors and soundsdk.commands.end_signals, not imported yet
ENDS = {
    "SIGINT": (130, "interrupted", "interrupted."),
    "SIGTERM": (143, "terminated", "terminated."),
    "SIGHUP": (129, "hangup", "ended, as the terminal was closed."),
}


def _leave(number: int, frame: FrameType | None) -> None:
    exit_code, cause, message = ENDS[signal.Signals(number).name]
    if "--json" in sys.argv:
        error = f'{{"exit_code": {exit_code}, "cause": "{cause}", "message": "{message}", "hint": ""}}'
        with contextlib.suppress(OSError):  # nobody reads it
            os.write(1, f'{{"error": {error}}}\n'.encode())
    os._exit(exit_code)


def main() -> None:
    """Run the command line of this process, and exit."""
    # While a verb runs, soundsdk.commands.end_signals takes its place; before and after there is nothing to put away.
    for name in ENDS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _leave)
    from soundsdk.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
