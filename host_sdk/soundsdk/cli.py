"""The command `soundsdk`: runs a verb, and turns every failure into one sentence and an exit code.

A verb's module is imported only when that verb is called, so `--help` needs nothing but click.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO, cast

import click

from soundsdk import __version__
from soundsdk.commands.end_signals import EndSignals
from soundsdk.commands.standard_output import (
    TolerantOutput,
    WatchedOutput,
    accept_every_character,
    fill_closed_streams,
    leave_quietly,
    write_error,
)
from soundsdk.commands.verb import Surroundings, asks_for_json
from soundsdk.errors import EXIT_FAILED, EXIT_OK, ReaderGoneError, SoundsdkError, StandardOutputError

if TYPE_CHECKING:
    from soundsdk.device.system import System
    from soundsdk.flash.timeouts import FlashTimeouts

# verb: (module, one line for --help). The module holds a click command of the verb's name.
VERBS = {
    "demo": ("soundsdk_sim.commands.demo", "Make a scene with known events and run the detector on it."),
    "sim": ("soundsdk_sim.commands.sim", "Run the firmware's own code on recordings and print its event lines."),
    "explain": ("soundsdk_sim.commands.explain", "Show why each class did or did not fire on a recording."),
    "data": ("soundsdk_train.commands.data", "Show what a folder of recordings holds, and what is odd in it."),
    "train": ("soundsdk_train.commands.train", "Train a detector on a folder of recordings."),
    "evaluate": ("soundsdk_train.commands.evaluate", "Measure a detector on recordings."),
    "bench": ("soundsdk_train.commands.bench", "Measure detectors on named sets and keep a table of them."),
    "evaluate-scenes": (
        "soundsdk_sim.commands.evaluate_scenes",
        "Measure a detector on generated scenes with known events.",
    ),
    "mine": (
        "soundsdk_train.commands.mine",
        "Find false alarms in long recordings, and cut them out as negatives to train on.",
    ),
    "calibrate": (
        "soundsdk_train.commands.calibrate",
        "Find thresholds that keep false alarms below a rate.",
    ),
    "crossval": ("soundsdk_train.commands.crossval", "Train and measure one detector per held-out fold."),
    "adopt": ("soundsdk_train.commands.adopt", "Make a detector of a model that another tool has trained."),
    "devices": ("soundsdk.commands.devices", "List the boards that are connected."),
    "monitor": ("soundsdk.commands.monitor", "Show a board's events and levels, in a terminal or on a page."),
    "listen": ("soundsdk.commands.listen", "Listen to this computer's microphone with a detector, as a board would."),
    "info": ("soundsdk.commands.info", "Show the state of a board, or what a detector file holds and costs."),
    "set": ("soundsdk.commands.set", "Change a board's thresholds and actions."),
    "doctor": ("soundsdk.commands.doctor", "Find out why a board cannot be reached."),
    "record": ("soundsdk.commands.record", "Record sound from a board into a dataset folder."),
    "mic-test": ("soundsdk.commands.mic_test", "Name what is wrong with a board's microphone."),
    "selftest": ("soundsdk.commands.selftest", "Check every promise a board can show, and write a report to send."),
    "push": ("soundsdk.commands.push", "Send a board another detector, without flashing."),
    "build": ("soundsdk.commands.build", "Build the firmware image of a board, with a detector in it."),
    "profile": ("soundsdk_sim.commands.profile", "Measure what a detector costs on a board."),
    "flash": ("soundsdk.commands.flash", "Put firmware and a detector onto a board, and check that it runs them."),
    "install": ("soundsdk.commands.install", "Put soundsdk onto a board that runs stock MicroPython."),
    "uninstall": ("soundsdk.commands.uninstall", "Remove from a board what install has put there."),
    "boards": ("soundsdk_sim.commands.boards", "List and search the boards soundsdk knows, draw their wiring."),
}
_FUNCTIONS = {"set": "set_"}  # the verb whose name Python has taken
_DEBUG_HINT = "Run it again with --debug before the verb for a traceback."


class LazyGroup(click.Group):
    """A click group that imports a command's module when the command is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of --help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of a verb; None if there is no such verb."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(VERBS[cmd_name][0])
        command = getattr(module, _FUNCTIONS.get(cmd_name, cmd_name.replace("-", "_")))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names; click.UsageError, with the verb that was meant, if none."""
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            from soundsdk.labels import meant

            ctx.fail(f"No such command '{args[0]}'. {meant(args[0], VERBS)}".strip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs with one line each, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="soundsdk")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
def cli(debug: bool) -> None:
    """Teach a microcontroller to recognise your sounds.

    Data goes to standard output, everything else to standard error. With --json it is JSON, one object per line; if the
    verb fails, the last one is {"error": ...}. Exit codes: 0 done, 1 failed, 2 usage, 3 no device, 4 port busy or not
    permitted, 5 protocol, 6 a check failed, 7 a tool or package is missing, 129 hung up, 130 interrupted, 143
    terminated; the third Ctrl-C ends at once. Standard output that cannot be written (a full disk, or closed from the
    start) is 1; a reader that ends first, as head does, is 0.
    """


def _say(message: str, hint: str = "") -> None:
    from soundsdk.labels import printable_lines  # a board's own words are in some of them

    click.echo(f"soundsdk: {printable_lines(message)}", err=True)
    if hint:
        click.echo(f"  {printable_lines(hint)}", err=True)


def run(
    args: list[str] | None = None, system: System | None = None, flash_timeouts: FlashTimeouts | None = None
) -> int:
    """Run one command line (without the program's name) and return its exit code.

    args: by default those of this process, which is to end afterwards. system: the computer on which boards are looked
    for (default: this one). flash_timeouts: see there.
    """
    words = sys.argv[1:] if args is None else args
    with contextlib.ExitStack() as stack:
        fill_closed_streams()
        # None: as Python starts with a closed one.
        err = sys.stderr if sys.stderr is not None else stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
        stack.enter_context(contextlib.redirect_stderr(cast(TextIO, TolerantOutput(err))))
        signals = stack.enter_context(EndSignals(last=args is None))
        return _run_caught(words, Surroundings(system, flash_timeouts, signals))


def _run_caught(words: Sequence[str], surroundings: Surroundings) -> int:
    """Run a command line, turn every failure into a sentence, and return its exit code."""
    signals, error = surroundings.signals, None
    try:
        try:
            _run_watched(words, surroundings)
        except BaseException as failure:
            error = failure
        signals.settle()
    except KeyboardInterrupt as interruption:  # at the last moment
        error = interruption
        signals.settle()
    return EXIT_OK if error is None else _say_end(error, words, signals)


def _run_watched(words: Sequence[str], surroundings: Surroundings) -> None:
    """Run a command line; whatever it ends with once a signal has come, also without an error, is KeyboardInterrupt."""
    signals = surroundings.signals
    if sys.stdout is None:  # as Python starts with a closed one
        raise StandardOutputError("standard output is closed.", "Redirect it to a file, or to /dev/null.")
    accept_every_character(sys.stdout)
    out = WatchedOutput(sys.stdout)
    with contextlib.redirect_stdout(cast(TextIO, out)):
        try:
            _run_verb(words, surroundings)
            if signals.number is not None:
                raise KeyboardInterrupt
        except Exception as error:
            # TensorFlow makes a RuntimeError of KeyboardInterrupt, and a closed terminal can no longer show anything.
            if signals.number is not None:
                hint = f"{error.message} {error.hint}".strip() if isinstance(error, SoundsdkError) else ""
                raise KeyboardInterrupt(hint) from error
            raise
        finally:
            if signals.number is None:
                out.check()
            elif out.is_lost():
                leave_quietly()


def _say_end(error: BaseException, words: Sequence[str], signals: EndSignals) -> int:
    """Say what a command line has ended with, and return its exit code."""
    debug = "--debug" in _before_verb(words) or os.environ.get("SOUNDSDK_DEBUG", "") not in ("", "0")

    def failed(exit_code: int, message: str, hint: str = "") -> int:
        if _asks_for_json(words):
            write_error(exit_code, message, hint)
        return exit_code

    def say(message: str, hint: str) -> None:
        if debug:
            traceback.print_exception(error)
        _say(message, hint)

    try:
        raise error
    except click.exceptions.Exit as e:
        return e.exit_code
    except (KeyboardInterrupt, click.Abort) as e:
        exit_code, message = signals.end
        hint = str(e)  # how to go on, where a verb knows
        _say(message, hint)
        return failed(exit_code, message, hint)
    except ReaderGoneError:
        return leave_quietly()
    except click.ClickException as e:
        e.show()
        context = e.ctx if isinstance(e, click.UsageError) else None
        hint = f"See {context.command_path if context else 'soundsdk'} --help."
        return failed(e.exit_code, e.format_message(), hint)
    except StandardOutputError as e:
        if sys.stdout is not None:
            leave_quietly()
        say(e.message, e.hint)
        return e.exit_code
    except SoundsdkError as e:
        say(e.message, e.hint)
        return failed(e.exit_code, e.message, e.hint)
    except OSError as e:
        message, hint = _of_system(e)
        say(message, hint)
        return failed(EXIT_FAILED, message, hint)
    except Exception as e:
        message = f"internal error: {type(e).__name__}: {e}"
        say(message, _DEBUG_HINT)
        return failed(EXIT_FAILED, message, _DEBUG_HINT)


def _before_verb(words: Sequence[str]) -> list[str]:
    return list(itertools.takewhile(lambda word: word.startswith("-"), words))


def _asks_for_json(words: Sequence[str]) -> bool:
    """Return whether a call asks for JSON by the options of its verb; without a verb, by the word itself."""
    first = len(_before_verb(words))
    try:
        command = cli.get_command(click.Context(cli), words[first]) if first < len(words) else None
    except Exception:  # its module cannot be imported, which is the error to say
        command = None
    return "--json" in words if command is None else asks_for_json(command, words[first + 1 :])


def _of_system(error: OSError) -> tuple[str, str]:
    """Return the sentence and the hint of a failure that the system reports and no verb has foreseen."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is None:  # a pipe, a socket, memory: there is no path to check
        return f"the system refuses: {reason}.", _DEBUG_HINT
    # A path that cannot even be looked at: a name that is too long, a loop of links, a disk that fails.
    return f"{str(error.filename)[:200]!r} cannot be used: {reason}.", "Check the path, and the disk."


def _run_verb(words: Sequence[str], surroundings: Surroundings) -> None:
    """Run a command line."""
    if "_SOUNDSDK_COMPLETE" in os.environ:
        cli.main(args=list(words), prog_name="soundsdk")  # a shell requests completions
    # Not cli.main, whose exit code for a closed pipe is 1.
    with cli.make_context("soundsdk", list(words), obj=surroundings) as context:
        cli.invoke(context)
