"""Every verb that a hint, a help text or a page names is one that soundsdk has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from soundsdk.cli import VERBS

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("host_sdk", "training", "sim", "firmware/soundfw", "docs/generate", "release")
PAGES = ("*.md", "docs/*.md", "*/README.md", "examples/*/README.md", "firmware/models/*.md")
_COMMAND = re.compile(r"(?<![\w./:@-])soundsdk(?: --debug)? ([a-z][a-z-]+)(?![\w(.*])")
# What follows the name in sentences, where soundsdk is the project and no command; none of them may become a verb.
_SENTENCES = {
    "again", "and", "board", "can", "checks", "command", "does", "has", "hears", "import", "in", "is", "itself",
    "knows", "makes", "metadata", "needs", "off", "on", "onto", "puts", "reads", "refuses", "runs", "sees",
    "that", "to", "was", "were", "with", "yet",
}  # fmt: skip


def _strings(path: Path) -> Iterator[str]:
    """Return the strings of a module, those between the braces of an f-string in pieces."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _in_code(markdown: str) -> Iterator[str]:
    """Return what stands as code in a page: spans, and the lines of blocks."""
    blocks = re.findall(r"^ *```\w+\n(.*?)^ *```", markdown, re.DOTALL | re.MULTILINE)
    yield from (line for block in blocks for line in block.splitlines())
    yield from re.findall(r"`(soundsdk[^`]*)`", markdown)
    yield from re.findall(r"^    (soundsdk .*)$", markdown, re.MULTILINE)


def _unknown(text: str) -> set[str]:
    return set(_COMMAND.findall(text)) - set(VERBS) - _SENTENCES


def test_hints_and_help_texts_name_verbs_that_there_are() -> None:
    texts = {
        (path.relative_to(ROOT).as_posix(), text)
        for part in PARTS
        for path in (ROOT / part).rglob("*.py")
        for text in _strings(path)
    }
    named = {word for _, text in texts for word in _COMMAND.findall(text)}
    assert {"train", "flash", "doctor", "install", "mic-test"} <= named
    assert [(path, text) for path, text in sorted(texts) if _unknown(text)] == []


def test_pages_name_verbs_that_there_are() -> None:
    found = (path for pattern in PAGES for path in ROOT.glob(pattern))
    texts = {(path.relative_to(ROOT).as_posix(), text) for path in found for text in _in_code(path.read_text("utf-8"))}
    named = {word for _, text in texts for word in _COMMAND.findall(text)}
    assert named >= set(VERBS)
    assert [(path, text) for path, text in sorted(texts) if _unknown(text)] == []


def test_a_verb_that_there_is_not_is_found() -> None:
    assert _unknown("soundsdk whistle says why; soundsdk knows mic-test") == {"whistle"}
    assert _unknown("see soundsdk mic-tests") == {"mic-tests"}
    assert list(_in_code("a `soundsdk whistle` b\n\n    soundsdk sing x\n")) == ["soundsdk whistle", "soundsdk sing x"]
    assert not _SENTENCES & set(VERBS)
