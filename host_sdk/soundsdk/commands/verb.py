"""A verb of the command line: its class, with examples in its help, and what it runs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from soundsdk.commands.end_signals import EndSignals

if TYPE_CHECKING:
    from soundsdk.device.system import System
    from soundsdk.flash.timeouts import FlashTimeouts


@dataclass(frozen=True)
class Surroundings:
    """The computer that a verb finds boards on, the times it waits, and the signals that end it.

    None: this computer, the usual times.
    """

    system: System | None = None
    flash_timeouts: FlashTimeouts | None = None
    signals: EndSignals = field(default_factory=EndSignals)


pass_surroundings = click.make_pass_decorator(Surroundings, ensure=True)


def asks_for_json(command: click.Command, words: Sequence[str]) -> bool:
    """Return whether --json is an option in the words of a call, not the value of one; also if they cannot be read."""
    # A call that cannot be read is read on as far as it can be.
    context = click.Context(command, resilient_parsing=True, ignore_unknown_options=True, allow_extra_args=True)
    options, _, _ = command.make_parser(context).parse_args(list(words))
    return bool(options.get("as_json"))


class Verb(click.Command):
    """A command whose help ends with examples: calls as a user types them, with a comment if one helps."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, one a line, as they are."""
        with formatter.section("Examples"):
            for line in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
