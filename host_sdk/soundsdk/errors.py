"""The errors of soundsdk, by who has to act on them; each knows the exit code of the command line.

A message is one sentence that says what went wrong; the hint says what to do next.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NO_DEVICE = 3
EXIT_PORT = 4
EXIT_PROTOCOL = 5
EXIT_CHECK = 6
EXIT_TOOL = 7
EXIT_HANGUP = 129
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

# One code for each cause, over all verbs: (a word for programs, a sentence for people).
EXIT_CODES = {
    EXIT_OK: ("done", "Done, or nobody reads the output any more, as after `| head`."),
    EXIT_FAILED: ("failed", "A recording, a detector, an output or the work itself failed."),
    EXIT_USAGE: ("usage", "The call cannot be carried out: an option, a name, a setting."),
    EXIT_NO_DEVICE: ("no device", "No board, not the one that was asked for, or more than one; or it is gone."),
    EXIT_PORT: ("port", "A port is busy, may not be opened, or takes no bytes."),
    EXIT_PROTOCOL: ("protocol", "What is there does not answer as a board, or the board rejects a command."),
    EXIT_CHECK: ("check", "Something ran and did not reach its bound; or `doctor` found something to do."),
    EXIT_TOOL: ("tool", "A program or a package that the work needs is not installed, or does not run."),
    EXIT_HANGUP: ("hangup", "SIGHUP: the terminal was closed."),
    EXIT_INTERRUPTED: ("interrupted", "Ctrl-C."),
    EXIT_TERMINATED: ("terminated", "SIGTERM: a kill or a shutdown."),
}


class SoundsdkError(Exception):
    """Anything soundsdk refuses or fails at. `hint` may be empty."""

    exit_code = EXIT_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SoundsdkError):
    """The call itself cannot be carried out: unknown names, settings that exclude each other."""

    exit_code = EXIT_USAGE


class DataError(SoundsdkError):
    """A recording, label file or folder cannot be used."""


class OutputError(SoundsdkError):
    """A file or folder cannot be written."""


class StandardOutputError(SoundsdkError):
    """Standard output cannot be written: the disk behind it is full, or it was closed before the start."""


class ReaderGoneError(BrokenPipeError):
    """Nobody reads standard output any more, as after `| head`: the end of the work, and not a failure."""


class ModelError(SoundsdkError):
    """A model file is missing, damaged or not a soundsdk detector."""


class ToolError(SoundsdkError):
    """A program or a package that the work needs is not installed, is too old, or does not run."""

    exit_code = EXIT_TOOL


class DeviceError(SoundsdkError):
    """No board, or not the one that was asked for."""

    exit_code = EXIT_NO_DEVICE


class PortError(SoundsdkError):
    """A serial port is busy or may not be opened."""

    exit_code = EXIT_PORT


class ProtocolError(SoundsdkError):
    """The board answered, but not as the protocol says."""

    exit_code = EXIT_PROTOCOL


class CheckError(SoundsdkError):
    """Something ran and did not reach the bound that was set for it."""

    exit_code = EXIT_CHECK
