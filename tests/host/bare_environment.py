"""An environment with soundsdk's wheel and with what the wheel says it needs, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def make_environment(folder: Path, wheel: Path) -> tuple[Path, Path]:
    """Make the environment without downloading anything; return its Python and its folder of packages.

    The wheel is installed by pip. The packages it depends on, and those these depend on, are links to where they are
    installed for these tests.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=300)
    site = next(folder.glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel]
    subprocess.run(pip, check=True, timeout=600)
    (info,) = site.glob("soundsdk-*.dist-info")
    for distribution in _needed(metadata.PathDistribution(info).requires or ()):
        _link(distribution, site)
    return folder / "bin" / "python", site


def _needed(requirements: Iterable[str]) -> list[metadata.Distribution]:
    """Return the distributions that are needed without any extra of soundsdk, directly or not."""
    found: dict[str, metadata.Distribution] = {}
    left = [(Requirement(text), "") for text in requirements]
    while left:
        requirement, extra = left.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        distribution = metadata.distribution(requirement.name)
        if requirement.name in found and not requirement.extras:
            continue
        found[requirement.name] = distribution
        for wanted in ("", *requirement.extras):
            left += [(Requirement(text), wanted) for text in distribution.requires or ()]
    return list(found.values())


def _link(distribution: metadata.Distribution, site: Path) -> None:
    tops = {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
    for top in tops:
        if not (site / top).exists():
            os.symlink(os.fspath(distribution.locate_file(top)), site / top)
