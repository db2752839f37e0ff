"""Documents: links lead to files, and the files that a README names exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENDINGS = "py|c|h|cc|cpp|mjs|toml|cmake|md|pyi"
# Files of users, of other projects, and placeholders.
ELSEWHERE = {
    "make_sounds.py", "check_events.py", "wheels", "ID.toml", "on_event.py", "boot.py", "F.toml", "BOARD.toml",
    "string.h", "create_tflm_tree.py", "audio",
}  # fmt: skip


def _tracked() -> list[Path]:
    try:
        done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
        return [ROOT / line for line in done.stdout.splitlines()]
    except (OSError, subprocess.CalledProcessError):  # a source archive
        return [path for path in ROOT.rglob("*") if not {".venv", ".cache", "build"} & set(path.parts)]


# Pages and pictures that the build of the site makes: tests/docs/test_site.py follows their links.
GENERATED = re.compile(r"(reference|wiring|pictures)/[\w./-]+")

FILES = _tracked()
DOCUMENTS = sorted(path for path in FILES if path.suffix == ".md" and path.is_file())
NAMES = {path.name for path in FILES} | {part for path in FILES for part in path.relative_to(ROOT).parts[:-1]}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", document.read_text())
    made = GENERATED if document.parent == ROOT / "docs" else re.compile(r"(?!)")
    missing = [
        link
        for link in links
        if "://" not in link and not made.fullmatch(link) and not (document.parent / link).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_files_and_folders_in_code_exist(document: Path) -> None:
    named = re.findall(rf"`([\w./-]+\.(?:{ENDINGS})|[\w./-]+/)`", document.read_text())
    missing = [
        name
        for name in named
        if not (document.parent / name).exists()
        and not (ROOT / name).exists()
        and Path(name).name not in NAMES | ELSEWHERE
    ]
    assert missing == []


@pytest.mark.parametrize(
    "folder",
    ["boards", "examples/siren", "firmware", "firmware/cmodules/soundcore", "host_sdk", "sim", "tests", "training"],
)
def test_a_folder_that_a_newcomer_opens_has_a_readme(folder: str) -> None:
    assert (ROOT / folder / "README.md").is_file()
