"""The page of the command line: every verb with its help, options and examples, from the commands themselves."""

from __future__ import annotations

import click
from prose import code, escaped, prose

from soundsdk.cli import VERBS, cli

INTRO = """# Command line

Every verb, as `soundsdk VERB --help` shows it. Data goes to standard output, everything else to standard error.
What a code of the shell means is on the page of [exit codes](exit-codes.md).

| verb | |
|---|---|
"""


def page() -> str:
    """Return the page as Markdown."""
    rows = [f"| [`{name}`](#{name}) | {line} |" for name, (_, line) in VERBS.items()]
    return INTRO + "\n".join([*rows, "", *(_verb(name) for name in VERBS)])


def _verb(name: str) -> str:
    context = click.Context(cli, info_name="soundsdk")
    command = cli.get_command(context, name)
    assert command is not None
    usage = " ".join(["soundsdk", name, *command.collect_usage_pieces(click.Context(command, info_name=name))])
    rows = [_option(p) for p in command.get_params(click.Context(command)) if isinstance(p, click.Option)]
    examples = "\n".join(f"$ {line}" for line in getattr(command, "examples", ()))
    parts = [
        f"## {name}", code("console", usage), prose(command.help).rstrip(),
        "| option | |\n|---|---|\n" + "\n".join(rows), code("console", examples),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _option(option: click.Option) -> str:
    context = click.Context(click.Command("x"))
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {option.make_metavar(context)}"
    record = option.get_help_record(context)
    text = escaped(record[1] if record else "")
    return f"| {names}{escaped(value)} | {text} |"
