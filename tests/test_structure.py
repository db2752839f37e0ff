"""The shape of the house: which package may import which, no circles, no way round the contracts."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
HOST = ROOT / "host_sdk" / "soundsdk"
PACKAGES = ("soundsdk_train", "soundsdk_sim", "soundsdk", "soundfw")
UPWARD = re.compile(r"soundsdk_(sim|train)(\.\w+)*(:\w+)?")
MAX_TOP_FILES = 12
PRODUCT = [ROOT / "host_sdk", ROOT / "sim", ROOT / "training", ROOT / "firmware" / "soundfw"]
# The same thing for two families of chips: a board has one of the two.
TWICE = {"I2s"}

Circles = list[list[str]]


@cache
def _graph() -> grimp.ImportGraph:
    # With the imports under TYPE_CHECKING and inside functions: circular imports there count as well.
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def _circles(imports: dict[str, list[str]]) -> Circles:
    """Return the strongly connected groups of more than one module (Tarjan's algorithm)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: Circles = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        stack.append(module)
        for imported in imports[module]:
            if imported not in number:
                visit(imported)
                lowest[module] = min(lowest[module], lowest[imported])
            elif imported in stack:
                lowest[module] = min(lowest[module], number[imported])
        if lowest[module] == number[module]:
            start = stack.index(module)
            if len(stack) - start > 1:
                found.append(sorted(stack[start:]))
            del stack[start:]

    for module in sorted(imports):
        if module not in number:
            visit(module)
    return sorted(found)


def _upward_strings(source: str) -> list[str]:
    """Return the strings that name a module of the simulator or of training, outside a table called VERBS."""
    tree = ast.parse(source)
    table: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and [t.id for t in node.targets if isinstance(t, ast.Name)] == ["VERBS"]:
            table.update(ast.walk(node))
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node not in table
        and UPWARD.fullmatch(node.value)
    ]


def test_imports_keep_every_contract_of_pyproject() -> None:
    words = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(
        [*words, "--no-cache", "--no-logo"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_imports_itself_through_others() -> None:
    graph = _graph()
    imports = {module: sorted(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    assert len(imports) > 100, "the packages were not found"
    assert _circles(imports) == []


def test_a_circle_would_be_found() -> None:
    imports = {"a": ["b"], "b": ["c", "d"], "c": ["a"], "d": [], "e": ["d", "f"], "f": ["e"]}
    assert _circles(imports) == [["a", "b", "c"], ["e", "f"]]


@pytest.mark.parametrize("path", sorted(HOST.rglob("*.py")), ids=lambda path: str(path.relative_to(HOST)))
def test_the_host_names_simulator_and_training_only_in_the_table_of_verbs(path: Path) -> None:
    module = ".".join(["soundsdk", *path.relative_to(HOST).with_suffix("").parts]).removesuffix(".__init__")
    imported = _graph().find_modules_directly_imported_by(module)
    assert [name for name in sorted(imported) if UPWARD.fullmatch(name)] == []
    assert _upward_strings(path.read_text()) == []


def test_a_module_named_in_a_string_would_be_found() -> None:
    source = 'VERBS = {"sim": ("soundsdk_sim.commands.sim", "sim")}\nimport_module("soundsdk_sim.live")\n'
    assert _upward_strings(source) == ["soundsdk_sim.live"]


def test_every_verb_of_the_table_is_there_to_be_imported() -> None:
    from soundsdk.cli import VERBS

    assert {module for module, *_ in VERBS.values()} <= _graph().modules


def test_ruff_reads_every_python_file() -> None:
    words = [sys.executable, "-m", "ruff", "check", "--show-files", "."]
    shown = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert {ROOT / name for name in tracked.split()} - {Path(name) for name in shown} == set()


def test_the_top_of_the_host_package_fits_on_one_page() -> None:
    names = sorted(path.name for path in HOST.iterdir() if path.is_file())
    assert len(names) <= MAX_TOP_FILES, names


def test_a_class_name_means_one_thing() -> None:
    homes: dict[str, list[str]] = {}
    for path in sorted(path for folder in PRODUCT for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: paths for name, paths in homes.items() if len(paths) > 1 and name not in TWICE} == {}


def test_the_picture_of_the_house_shows_these_imports() -> None:
    words = [sys.executable, ROOT / "docs" / "make_architecture.py", "--check"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
