"""Find docstrings and help texts that begin without a head: no verb, no noun ("Of a core.", "What it says.").

    python tests/checks/docstrings.py [PATH ...]

ruff's D rules see whether a verb is imperative, not whether there is one. The rules here:

- A docstring, and a `help=` text, never begins with a word that only a longer sentence can lead up to ("Of", "Where").
- A function's or method's begins with a verb in the imperative: not with an article, a number, a plural, a verb's
  third person, "Name: …" or "Name of …". Properties, classes and modules may begin with a noun phrase as well; so may
  the helpers of tests, where ruff's D401 is enough.

Prints PATH:LINE: NAME: TEXT for each, and exits with 1 if there are any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("host_sdk", "sim", "training", "firmware", "boards", "docs", "examples", "tests")
SUFFIXES = (".py", ".pyi")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Prepositions, conjunctions, relative words and adverbs: what follows them is no subject and no predicate.
HEADLESS = _words(
    """about above after again against along also although among anew around as at because before behind below beneath
    beside besides between beyond by despite down during else except for from hence how if in inside into like lest near
    of off on once only onto or out outside over per since so such than that then there thereby though through till to
    toward towards under unless unlike until unto up upon versus via what whatever when whence whenever where whereas
    whereby wherever whether which while who whom whose why with within without and but nor yet"""
)
# Words that begin a noun phrase, and so no imperative.
DETERMINERS = _words(
    """a an the all another any anything both each either every everything few half her his its many more most my
    neither no nobody none nothing one our several some something someone that their these this those two three four
    five your he it she they we you true false"""
)
# Nouns and adjectives seen at the beginning of a function's docstring, which no other rule tells from a verb.
NO_VERBS = _words(
    """accuracy amplitude attention attention-weighted audio augmented babble band blank board boot byte code counter
    detector dict ding dropped entry event family firmware folder found fraction free frequency full full-range gain
    gaussian glottal impulse integer level list-of lone log-uniform magnitude mean message microphone model mono narrow
    noise number offset padding path pcm plain pooled port position power probability pulled python recording rms sample
    seq sequence shifted short single size sound soundsdk standard stand-in string strong tensor text time topic
    training tuple user value white whole width"""
)
# Verbs whose imperative ends in one s.
VERBS_IN_S = frozenset({"bias", "bus", "canvas", "focus", "gas", "plus"})
# Verbs that stand before "of".
VERBS_BEFORE_OF = frozenset({"dispose", "think"})

# PATH::NAME of what may stay as it is, with the reason. An entry that is not needed fails.
ALLOWED: dict[str, str] = {}


class Fault(NamedTuple):
    """One text without a head."""

    path: str
    line: int
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.name}: {self.text}"


def headless(text: str) -> bool:
    """Return whether a text begins with a word that only a longer sentence can lead up to."""
    return _first_word(text).lower() in HEADLESS


def imperative(text: str) -> bool:
    """Return whether a text may begin with a verb in the imperative."""
    words = text.split()
    first = words[0] if words else ""
    word = _first_word(text)
    low = word.lower()
    if low in HEADLESS or low in DETERMINERS or low in NO_VERBS:
        return False
    if not word.replace("-", "").isalpha() or len(word) == 1 or not word[0].isupper() or first[0] == "`":
        return False  # a number, the name of a parameter, code
    if word[1:] != word[1:].lower():
        return False  # WAV, UsageError
    if first.endswith((":", ",", ".", ";", "'s")) and len(words) > 1:
        return False
    if low.endswith("s") and not low.endswith("ss") and low not in VERBS_IN_S:
        return False
    return not (len(words) > 1 and words[1] == "of" and low not in VERBS_BEFORE_OF)


def _first_word(text: str) -> str:
    return text.split()[0].strip(",.:;!?\"'`()[]…") if text.split() else ""


def _decorators(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    found = set()
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        found.add(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return found


def _names_a_thing(node: ast.AST) -> bool:
    """Return whether a noun phrase may describe it: anything but a function that is called as one."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return True
    return bool(_decorators(node) & {"property", "cached_property", "setter"}) or node.name.startswith("test_")


def faults(path: Path, name: str | None = None) -> Iterator[Fault]:
    """Yield the faults of one Python file, in the order of its lines."""
    shown = name or path.as_posix()
    tree = ast.parse(path.read_text())
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            what = "module" if isinstance(node, ast.Module) else node.name
            free = shown.startswith("tests/") or _names_a_thing(node)
            if text and (headless(text) or not (free or imperative(text))):
                found.append(Fault(shown, 1 if isinstance(node, ast.Module) else node.lineno, what, _line(text)))
        elif isinstance(node, ast.keyword) and node.arg == "help" and isinstance(node.value, ast.Constant):
            text = str(node.value.value or "")
            if headless(text):
                found.append(Fault(shown, node.value.lineno, "help", _line(text)))
    yield from sorted(found, key=lambda fault: fault.line)


def _line(text: str) -> str:
    return text.strip().splitlines()[0]


def check(paths: list[Path], allowed: dict[str, str]) -> list[str]:
    """Return one line for each fault that is not allowed, and for each allowance that nothing needs."""
    left = dict(allowed)
    lines = []
    for path in paths:
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()
        for fault in faults(path, name):
            if left.pop(f"{fault.path}::{fault.name}", None) is None and f"{fault.path}::{fault.name}" not in allowed:
                lines.append(str(fault))
    return lines + [f"{key}: allowed, and in order" for key in left]


def main() -> int:
    """Check the files named on the command line, else the whole tree; return the exit code."""
    named = [Path(word).resolve() for word in sys.argv[1:]]
    tree = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.suffix in SUFFIXES]
    paths = named or tree
    lines = check(paths, {} if named else ALLOWED)
    print("\n".join(lines) or f"{len(paths)} files, no headless docstring or help text")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
