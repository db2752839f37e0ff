"""The form of several whole numbers on the command line: ranges and lists such as 1-4,7."""

from __future__ import annotations

from typing import Any

import click

MOST_NUMBERS = 10_000


class NumberList(click.ParamType):
    """Whole numbers from 0 up, written "1-4" or "1,3" or both together; the value is a list in the order written."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Return the numbers; a usage error if there is none."""
        if isinstance(value, list):
            return value
        numbers: list[int] = []
        try:
            for part in value.split(","):
                first, _, last = part.partition("-")
                begin, end = int(first), int(last or first)
                if end - begin + len(numbers) >= MOST_NUMBERS:
                    self.fail(f"{value!r} names more than {MOST_NUMBERS} numbers.", param, ctx)
                numbers += range(begin, end + 1)
        except ValueError:
            numbers = []
        if not numbers:
            self.fail(f'{value!r} names no numbers. Write "1-4" or "1,3".', param, ctx)
        return numbers
