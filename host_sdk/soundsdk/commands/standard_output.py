"""The outputs of every verb: any character, full disks, readers that have gone, closed ones, errors for programs."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from soundsdk.errors import EXIT_CODES, EXIT_OK, ReaderGoneError, StandardOutputError


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Write what an encoding lacks as JSON and Python write it: a line of JSON stays one."""
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)), error.end


codecs.register_error("soundsdk", _escape)


def fill_closed_streams() -> None:
    """Open the descriptors 0 to 2 that are closed on nothing, so that no file opened later is taken for one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            there = os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
            if there != number:
                os.dup2(there, number)
                os.close(there)
            os.set_inheritable(number, True)


def accept_every_character(out: TextIO) -> None:
    """Make an output that is not UTF-8, or a name that is none, no error."""
    if isinstance(out, io.TextIOWrapper) and out.errors == "strict":
        out.reconfigure(errors="soundsdk")


class WatchedOutput:
    """Standard output that remembers why it could not be written, whatever a verb makes of that error."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._buffer: WatchedOutput | None = None
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write as a file does."""
        with self._watched():
            return int(self._out.write(data))

    def flush(self) -> None:
        """Flush as a file does."""
        with self._watched():
            self._out.flush()

    @property
    def buffer(self) -> WatchedOutput:
        """The same for bytes."""
        if self._buffer is None:
            self._buffer = WatchedOutput(self._out.buffer)
        return self._buffer

    def check(self) -> None:
        """Raise StandardOutputError if something was not written, ReaderGoneError if the reader has gone."""
        if not self.is_lost():
            return
        assert self.failure is not None
        if isinstance(self.failure, BrokenPipeError):
            raise ReaderGoneError from self.failure
        reason = self.failure.strerror or self.failure
        full = self.failure.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "Free space there, or redirect it elsewhere." if full else "Redirect it elsewhere."
        raise StandardOutputError(f"standard output cannot be written: {reason}.", hint) from self.failure

    def is_lost(self) -> bool:
        """Write what is left, and return whether anything could not be written."""
        with contextlib.suppress(OSError):
            self.flush()
        if self._buffer is not None and self.failure is None:
            self.failure = self._buffer.failure
        return self.failure is not None

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = error
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


class TolerantOutput:
    """Standard error that cannot fail: a full disk or a closed pipe behind it ends no work."""

    def __init__(self, out: Any) -> None:
        self._out = out

    def write(self, text: str) -> int:
        """Write as a file does, if it can be."""
        with contextlib.suppress(OSError):
            self._out.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush as a file does, if it can be."""
        with contextlib.suppress(OSError):
            self._out.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


def leave_quietly() -> int:
    """Redirect standard output to nowhere: Python's flush at exit would print another error, and change the code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK


def write_error(exit_code: int, message: str, hint: str) -> None:
    """Write the last line of `--json`: {"error": {"exit_code", "cause", "message", "hint"}}, if it can be written."""
    cause = EXIT_CODES.get(exit_code, EXIT_CODES[1])[0]
    error = {"exit_code": exit_code, "cause": cause, "message": message, "hint": hint}
    try:
        sys.stdout.write(json.dumps({"error": error}) + "\n")
        sys.stdout.flush()
    except OSError:
        leave_quietly()
