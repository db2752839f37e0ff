"""The program `soundsdk`, also `python -m soundsdk`: Ctrl-C is quiet from its first import to its last moment."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

_EXIT_INTERRUPTED = 130  # that of soundsdk.errors, which is not imported yet


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(_EXIT_INTERRUPTED)


def main() -> None:
    """Run the command line of this process, and exit."""
    # While a verb runs, soundsdk.commands.end_signals takes its place; before and after there is nothing to put away.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from soundsdk.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
