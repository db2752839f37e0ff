"""The project's page on PyPI: its links, and the README with links that lead there from anywhere.

Where the project lies is written nowhere in the tree, since a fork's releases name the fork. `make release
REPOSITORY=https://github.com/NAME/soundsdk` says it (the workflow: the repository it runs in); without it, it is the
address that git knows as `origin`, if that is one on the web.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import quote

# A link or a picture of Markdown: the text, the address. Code blocks hold none in the README.
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_WEB = re.compile(r"https://[\w.-]+\.[a-z]+(/[\w.~-]+){2,}")
_BY_SSH = re.compile(r"(?:ssh://)?git@([\w.-]+)[:/](.+)")


def repository_of(root: Path) -> str | None:
    """Return the web address of the checkout's `origin`; None without one, or if it is no address on the web."""
    words = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    try:
        return checked_repository(done.stdout.strip())
    except ValueError:
        return None


def checked_repository(address: str) -> str:
    """Return an address in the form https://HOST/NAME/PROJECT; ValueError if it is no such address."""
    if by_ssh := _BY_SSH.fullmatch(address):
        address = f"https://{by_ssh[1]}/{by_ssh[2]}"
    address = address.rstrip("/").removesuffix(".git")
    if _WEB.fullmatch(address) is None:
        raise ValueError(f"{address!r} is no address like https://github.com/NAME/soundsdk")
    return address


def with_urls(pyproject: str, repository: str, tag: str) -> str:
    """Return the text of pyproject.toml with a table of the project's addresses."""
    if "[project.urls]" in pyproject:
        raise ValueError("pyproject.toml has a table [project.urls] already")
    urls = {
        "Homepage": repository,
        "Documentation": f"{repository}/tree/{tag}#readme",
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
    }
    table = "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    before, mark, after = pyproject.partition("\n[project.optional-dependencies]\n")
    if not mark:
        raise ValueError("pyproject.toml has no table [project.optional-dependencies]")
    return f"{before}\n[project.urls]\n{table}{mark}{after}"


def with_absolute_links(readme: str, repository: str, tag: str) -> str:
    """Return Markdown whose links into the tree lead to the repository's page of that tag, pictures to the files."""

    def absolute(found: re.Match[str]) -> str:
        picture, text, target = found.groups()
        if not picture:
            text = _LINK.sub(absolute, text)  # a picture that is a link
        if ":" not in target and not target.startswith("#"):
            target = f"{repository}/{'raw' if picture else 'blob'}/{tag}/{quote(target.removeprefix('./'), safe='/#')}"
        return f"{picture}[{text}]({target})"

    return _LINK.sub(absolute, readme)


def relative_links(markdown: str) -> list[str]:
    """List the targets of links that would lead nowhere on PyPI."""
    return [target for _, _, target in _LINK.findall(markdown) if ":" not in target and not target.startswith("#")]
