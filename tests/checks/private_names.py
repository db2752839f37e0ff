"""Find private names of the product in tests that no comment explains.

    python tests/checks/private_names.py [PATH ...]

A test that reaches behind the public names breaks when nothing a user sees has changed. Where it must (a clock that no
caller can pass, a fault that no caller can cause), a comment on that line or right above its statement says why; it
holds for the whole test function. Prints PATH:LINE: NAME, and exits with 1 if there are any.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from tokenize import COMMENT

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("host_sdk", "sim", "training", "firmware")
ACCESSORS = ("getattr", "setattr", "delattr")
PRAGMA = re.compile(r"#\s*(type:|noqa|fmt:|pragma|mypy:)")  # a comment for a tool is no reason


def private(name: str) -> bool:
    """Return whether a name is private: one underscore in front, not two."""
    return name.startswith("_") and not name.startswith("__") and name != "_"


def defined(source: str) -> set[str]:
    """Return the private names that a source defines: functions, classes, variables, attributes of self."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            names.add(node.attr)
    return {name for name in names if private(name)}


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _used(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the names that one node reaches in another object or module."""
    if isinstance(node, ast.Attribute) and not _is_self(node.value):
        yield node.lineno, node.attr
    elif isinstance(node, ast.ImportFrom):
        yield from ((node.lineno, name.name) for name in node.names)
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in ACCESSORS:
        texts = (word.value for word in node.args if isinstance(word, ast.Constant))
        yield from ((node.lineno, text.rsplit(".", 1)[-1]) for text in texts if isinstance(text, str))


def faults(source: str, product: set[str]) -> list[tuple[int, str]]:
    """Return the lines of a test's source that reach a private name of the product, and the name."""
    tree = ast.parse(source)
    own = defined(source)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {t.start[0]: t for t in tokens if t.type == COMMENT and not PRAGMA.match(t.string)}
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]

    def explained(line: int) -> bool:
        first = max((s.lineno for s in statements if s.lineno <= line), default=line)
        above = comments.get(first - 1)
        alone = above is not None and not above.line[: above.start[1]].strip()
        return alone or any(number in comments for number in range(first, line + 1))

    uses = sorted(
        {use for node in ast.walk(tree) for use in _used(node) if use[1] in product and use[1] not in own}
    )
    reasons = [line for line, _ in uses if explained(line)]
    covered = [f for f in functions if any(f.lineno <= line <= (f.end_lineno or 0) for line in reasons)]
    return [
        (line, name)
        for line, name in uses
        if line not in reasons and not any(f.lineno <= line <= (f.end_lineno or 0) for f in covered)
    ]


def main() -> int:
    """Check the files named on the command line, else all tests; return the exit code."""
    product: set[str] = set()
    for folder in PRODUCT:
        for path in (ROOT / folder).rglob("*.py"):
            product |= defined(path.read_text())
    named = [Path(word).resolve() for word in sys.argv[1:]]
    paths = named or sorted((ROOT / "tests").rglob("*.py"))
    found = 0
    for path in paths:
        for line, name in faults(path.read_text(), product):
            shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            print(f"{shown}:{line}: {name} is private, and no comment says why a test needs it")
            found += 1
    if not found:
        print(f"{len(paths)} files of tests, no private name without a reason")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
