"""Make everything a release holds: sdist, wheel, an image of each board, SHA256SUMS, manifest, bill of materials.

Usage: python release/make_release.py [-o DIR] [--dirty]. The wheel is built from the sdist, so that the sdist is known
to be complete; both hold the compiled images. Each board's image with the detector `home` lies beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import bill_of_materials
import make_images

import soundsdk
from soundsdk.boards import Board
from soundsdk.build.builder import build_image
from soundsdk.models.shipped import load_model

ROOT = Path(__file__).resolve().parents[1]
SUMS = "SHA256SUMS"
# esptool's names, and those of ESP Web Tools (its documentation, "Creating your manifest").
_CHIP_FAMILIES = {"esp32": "ESP32", "esp32c3": "ESP32-C3", "esp32s3": "ESP32-S3"}


def make_release(out: Path) -> None:
    """Fill an empty folder with the files of a release."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    left_out = make_images.make_images(make_images.FOLDER)
    sdist = _make_sdist(out)
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(out), str(sdist)]
    subprocess.run(words, check=True, cwd=out)
    images = {}
    for board in make_images.released_boards():
        if board.id not in left_out and board.port != "qemu":
            images[board.id] = _make_image(board, out)
    esp = [(board, images[board.id].name) for board in make_images.released_boards() if board.id in images]
    manifest = web_manifest(esp, soundsdk.__version__)
    if manifest is not None:
        _write_json(out / "manifest.json", manifest)
    _write_json(out / "bill-of-materials.cdx.json", bill_of_materials.make(ROOT))
    write_sums(out)


def _make_sdist(out: Path) -> Path:
    # In a process of its own: the backend works in the current folder.
    code = f"from scikit_build_core.build import build_sdist; print(build_sdist({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return out / done.stdout.splitlines()[-1]


def _make_image(board: Board, out: Path) -> Path:
    made = build_image(board, load_model(), None, out / "images", print)
    named = out / f"soundsdk-{soundsdk.__version__}-{board.id}{made.path.suffix}"
    os.replace(made.path, named)
    if not list(made.path.parent.iterdir()):
        made.path.parent.rmdir()
    return named


def web_manifest(images: list[tuple[Board, str]], version: str) -> dict[str, object] | None:
    """Return the manifest with which ESP Web Tools flashes from a web page; None if there is no image for it.

    images: boards and the names of their image files, which lie beside the manifest.
    """
    builds = [
        {
            "chipFamily": _CHIP_FAMILIES[board.esptool.chip],
            "parts": [{"path": name, "offset": board.esptool.bootloader}],
        }
        for board, name in images
        if board.esptool is not None
    ]
    if not builds:
        return None
    return {"name": "soundsdk with the detector home", "version": version, "builds": builds}


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over the folder's files, as sha256sum --check reads it."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def changed_files() -> list[str]:
    """Return what git finds changed or new in the checkout; nothing in a source archive."""
    if not (ROOT / ".git").exists():
        return []
    done = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Make everything a release holds.")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist" / "release", help="folder, emptied first")
    parser.add_argument("--dirty", action="store_true", help="make it from a checkout with changes")
    given = parser.parse_args()
    changed = changed_files()
    if changed and not given.dirty:
        print(f"The checkout has changes ({changed[0].strip()} …). Commit them, or pass --dirty.", file=sys.stderr)
        return 1
    make_release(given.output.resolve())
    print((given.output / SUMS).read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
