"""Short names for soundfw as .mpy files: a board keeps each different name in its memory, once, for good.

Private names (`_name`), and parameters that no call in soundfw names, become one or two letters, the same ones in every
module. What another module or a program of the user's can see stays: public names of modules and classes, the
parameters of soundfw.Detector, and every text. Nothing else changes, lines included.
"""

from __future__ import annotations

import ast
import io
import threading
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from string import ascii_lowercase

# Modules with parameters that a user's program may name.
_PUBLIC = ("__init__.py", "library.py")
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Scope = _Function | ast.ClassDef
_Place = tuple[int, int]  # line from 1, column in characters

# Several boards may be flashed at once, and CPython before 3.13 counts the depth of one tree for all threads.
_parsing = threading.Lock()


def shortened(sources: Mapping[str, str]) -> dict[str, str]:
    """Return modules with short names. sources: the text of each by path, such as "wire/link.py"; all of soundfw."""
    with _parsing:
        trees = {path: ast.parse(text) for path, text in sources.items()}
    named = {
        word.arg for tree in trees.values() for word in ast.walk(tree) if isinstance(word, ast.keyword) and word.arg
    }
    families = _families(trees)
    out = {}
    for path, text in sources.items():
        # A class and its heirs share the names of their objects' attributes.
        private = _private_names(sources[other] for other in families.get(path, [path]))
        new = {place: private[name] for place, name in _identifiers(text) if name in private}
        if path not in _PUBLIC:
            new.update(_parameters(text, trees[path], named))
        out[path] = _replaced(text, new)
    return out


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def _identifiers(text: str) -> list[tuple[_Place, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(token.start, token.string) for token in tokens if token.type == tokenize.NAME]


def _families(trees: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    """Return the modules whose classes inherit from each other, by the path of each; nothing for the others."""
    classes = {node.name: path for path, tree in trees.items() for node in tree.body if isinstance(node, ast.ClassDef)}
    families: dict[str, set[str]] = {}
    for path, tree in trees.items():
        own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        for node in ast.walk(tree):
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                if isinstance(base, ast.Name) and base.id in classes and base.id not in own:
                    owner = classes[base.id]
                    family = families.get(owner, {owner}) | families.get(path, {path})
                    families.update(dict.fromkeys(family, family))
    return {path: sorted(family) for path, family in families.items()}


def _private_names(texts: Iterable[str]) -> dict[str, str]:
    """Return short names for the private ones of modules, the most frequent first."""
    seen = Counter(name for text in texts for _, name in _identifiers(text) if _is_private(name))
    names = sorted(seen, key=lambda name: (-seen[name], name))
    return dict(zip(names, (f"_{letters}" for letters in _letters()), strict=False))


def _letters() -> Iterator[str]:
    for count in (1, 2):
        for letters in product(ascii_lowercase, repeat=count):
            yield "".join(letters)


def _parameters(text: str, tree: ast.Module, named: set[str]) -> dict[_Place, str]:
    """Return new names for parameters by place: letters that the module does not use. named: those that calls name.

    Functions that hold others keep theirs: a name may be seen from there.
    """
    used = {name for _, name in _identifiers(text)}
    free = [letters for letters in _letters() if letters not in used]
    new: dict[_Place, str] = {}
    for function in ast.walk(tree):
        if not isinstance(function, _Function):
            continue
        if any(isinstance(node, _Scope) for node in ast.walk(function) if node is not function):
            continue
        given = [*function.args.posonlyargs, *function.args.args]
        names = dict(zip((a.arg for a in given if a.arg not in named and a.arg != "self"), free, strict=False))
        # Not the values by default: they are of the scope around.
        body = [function.body] if isinstance(function, ast.Lambda) else function.body
        for node in (*given, *(inner for statement in body for inner in ast.walk(statement))):
            name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else ""
            if name in names:
                new[node.lineno, _column(text, node)] = names[name]  # type: ignore[attr-defined]
    return new


def _column(text: str, node: ast.AST) -> int:
    """Return a node's column in characters; ast counts bytes."""
    line = text.splitlines()[node.lineno - 1]  # type: ignore[attr-defined]
    return len(line.encode()[: node.col_offset].decode())  # type: ignore[attr-defined]


def _replaced(text: str, new: Mapping[_Place, str]) -> str:
    """Return a text with other identifiers at these places."""
    lines = text.splitlines(keepends=True)
    for (line, column), name in sorted(_identifiers(text), reverse=True):
        if (line, column) in new:
            old = lines[line - 1]
            lines[line - 1] = old[:column] + new[line, column] + old[column + len(name) :]
    return "".join(lines)
