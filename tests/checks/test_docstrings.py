"""The check of docstrings: it finds what has no head, and lets plain English pass."""

from __future__ import annotations

from pathlib import Path

import docstrings
import pytest


@pytest.mark.parametrize(
    "text",
    [
        "Of a core.", "What the command line says.", "Where the data lies.", "Whether it is on.", "How it is made.",
        "As if every instruction took one cycle.", "Like open().", "For a person.", "With the time.", "From a board.",
        "When one class is on.", "After a closed pipe.", "So that it is there.", "In use while it listens.",
        "of the clips (1)", "`Without` the password.",
    ],
)  # fmt: skip
def test_a_text_without_a_head_is_found(text: str) -> None:
    assert docstrings.headless(text)
    assert not docstrings.imperative(text)


@pytest.mark.parametrize(
    "text",
    [
        "One detector event.", "The command `soundsdk`: its verbs.", "A board on a line.", "Errors, by cause.",
        "Information about a core.", "Return the score.", "WAV files.", "Format of the output.", "Overflow of a queue.",
        "In-memory recordings.", "Per-class thresholds.", "Forward error correction.", "",
    ],
)  # fmt: skip
def test_a_noun_phrase_or_a_verb_has_a_head(text: str) -> None:
    assert not docstrings.headless(text)


@pytest.mark.parametrize(
    "text",
    [
        "The samples.", "Samples without a gap.", "Runs one command.", "A file.", "One line.", "Bytes of a file.",
        "UsageError if it is wrong.", "path: of the file.", "samples since it.", "`count` takes.", "20 log10(x).",
        "True if it is on.", "Root of the mean square.", "x * factor.", "",
    ],
)  # fmt: skip
def test_a_function_that_does_not_begin_with_a_verb_is_found(text: str) -> None:
    assert not docstrings.imperative(text)


@pytest.mark.parametrize(
    "text",
    [
        "Return the score.", "Read one line from the port.", "Compress a block.", "Process one message.", "Focus.",
        "Re-open the port.", "Yield events, oldest first.", "Pass.", "Bias the output.", "Label each clip.",
    ],
)  # fmt: skip
def test_a_verb_in_the_imperative_passes(text: str) -> None:
    assert docstrings.imperative(text)


SOURCE = '''"""Where it all lies."""

class Slot:
    """Of a store."""

    @property
    def size(self):
        """Bytes that are used."""

    def read(self):
        """The bytes."""

    def write(self):
        """Write the bytes."""

@option("--fold", help="As for train.")
@option("--seed", help="Seed of the generator.")
def test_it():
    """A promise, in words."""
'''


def test_modules_classes_functions_and_help_texts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text(SOURCE)
    found = [(fault.line, fault.name) for fault in docstrings.faults(path)]
    assert found == [(1, "module"), (3, "Slot"), (10, "read"), (16, "help")]


def test_helpers_of_tests_may_begin_with_a_noun(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text('def tone():\n    """A sine of 1 kHz."""\n\ndef noise():\n    """Of a room."""\n')
    assert [fault.name for fault in docstrings.faults(path, "sim/some.py")] == ["tone", "noise"]
    assert [fault.name for fault in docstrings.faults(path, "tests/some.py")] == ["noise"]


def test_an_allowance_works_and_is_named_when_nothing_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text('class Slot:\n    """Of a store."""\n')
    assert len(docstrings.check([path], {})) == 1
    assert docstrings.check([path], {f"{path.as_posix()}::Slot": "a reason"}) == []
    assert len(docstrings.check([path], {f"{path.as_posix()}::Slot": "a reason", "x.py::y": "none"})) == 1
