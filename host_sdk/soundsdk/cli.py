"""The command `soundsdk`: finds the verb, runs it, and turns every failure into one sentence and an exit code.

A verb's module is imported only when that verb is called, so `--help` needs nothing but click.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from soundsdk import __version__
from soundsdk.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, SoundsdkError

# verb: (module, function, one line for --help)
VERBS = {
    "demo": ("soundsdk_sim.commands.demo", "demo", "Make a scene, run the detector on it, show events against the truth."),
    "sim": ("soundsdk_sim.commands.sim", "sim", "Run the firmware's own code on recordings and print its event lines."),
    "train": ("soundsdk_train.commands.train", "train", "Train a detector on a folder of recordings."),
    "evaluate": ("soundsdk_train.commands.evaluate", "evaluate", "Measure a detector on recordings it has not seen."),
    "evaluate-scenes": (
        "soundsdk_sim.commands.evaluate_scenes",
        "evaluate_scenes",
        "Measure a detector on generated scenes with known truth.",
    ),
    "crossval": ("soundsdk_train.commands.crossval", "crossval", "Train and measure one detector per held-out fold."),
    "devices": ("soundsdk.commands.devices", "devices", "List the boards that are connected."),
    "monitor": ("soundsdk.commands.monitor", "monitor", "Watch a board: events, levels, scores, on a page if you like."),
    "info": ("soundsdk.commands.info", "info", "Show what a board says of itself, or what a detector file holds and costs."),
    "set": ("soundsdk.commands.set", "set_", "Change a board's thresholds."),
    "doctor": ("soundsdk.commands.doctor", "doctor", "Find out why a board cannot be reached."),
    "record": ("soundsdk.commands.record", "record", "Record sound from a board into a dataset folder."),
    "mic-test": ("soundsdk.commands.mic_test", "mic_test", "Name what is wrong with a board's microphone."),
    "push": ("soundsdk.commands.push", "push", "Give a board a new detector, without flashing."),
    "build": ("soundsdk.commands.build", "build", "Make the firmware image of a board, with a detector in it."),
    "profile": ("soundsdk_sim.commands.profile", "profile", "Measure what a detector costs on a board."),
    "flash": ("soundsdk.commands.flash", "flash", "Put firmware and a detector onto a board, and check that it runs them."),
    "boards": ("soundsdk.commands.boards", "boards", "List the boards soundsdk knows."),
}


class LazyGroup(click.Group):
    """A click group that imports a command's module when the command is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, function, _ = VERBS[cmd_name]
        command = getattr(importlib.import_module(module), function)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="soundsdk")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
def cli(debug: bool) -> None:
    """Teach a microcontroller to recognise your sounds.

    Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 usage,
    3 no device, 4 port busy or not permitted, 5 protocol, 6 a check failed, 130 interrupted.
    """


def _say(message: str, hint: str = "") -> None:
    click.echo(f"soundsdk: {message}", err=True)
    if hint:
        click.echo(f"  {hint}", err=True)


def _leave_quietly() -> int:
    """After a closed pipe Python would complain once more when it flushes standard output at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK


def run(args: list[str] | None = None) -> int:
    """Runs one command line (without the program's name) and returns its exit code."""
    words = sys.argv[1:] if args is None else args
    debug = "--debug" in words or os.environ.get("SOUNDSDK_DEBUG", "") not in ("", "0")
    try:
        if "_SOUNDSDK_COMPLETE" in os.environ:
            cli.main(args=words, prog_name="soundsdk")  # the shell asks for completions
        # Not cli.main: it would answer a closed pipe with exit code 1.
        with cli.make_context("soundsdk", list(words)) as context:
            result: Any = cli.invoke(context)
        sys.stdout.flush()
        return result if isinstance(result, int) else EXIT_OK
    except click.exceptions.Exit as e:
        return e.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _leave_quietly()
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except SoundsdkError as e:
        if debug:
            raise
        _say(e.message, e.hint)
        return e.exit_code
    except Exception as e:
        if debug:
            raise
        _say(f"internal error: {type(e).__name__}: {e}", "Run it again with --debug before the verb for a traceback.")
        return EXIT_FAILED


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(run())


if __name__ == "__main__":
    main()
