"""The site: it builds with no complaint, its links lead somewhere, it fetches nothing, its blocks are those we test."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.metadata import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from fences import fences

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FETCHED = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """A built page and what it refers to. ids: places in it that links can name; blocks: how many of code."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.ids: set[str] = set()
        self.blocks = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids |= {value for key in ("id", "name") if (value := found.get(key))}
        self.blocks += tag == "pre"
        if tag == "a" and (link := found.get("href")):
            self.links.append(link)
        self.fetched += [word.split()[0] for word in (found.get("srcset") or "").split(",") if word]
        if tag in FETCHED and found.get("rel") != "canonical" and (link := found.get(FETCHED[tag])):
            self.fetched.append(link)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does."""
    pytest.importorskip("material", reason="mkdocs-material is not installed: pip install 'soundsdk[docs]'")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def _broken(site: Path, pages: dict[Path, Page]) -> list[str]:
    """Return the links within a site whose file, or whose place in it, is missing."""
    broken = []
    for path, page in pages.items():
        for link in page.links + page.fetched:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("//"):
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            place = unquote(parts.fragment)
            if not target.is_file() or (place and target in pages and place not in pages[target].ids):
                broken.append(f"{path.relative_to(site)}: {link}")
    return broken


def _from_elsewhere(site: Path, pages: dict[Path, Page]) -> list[str]:
    """Return what a browser would fetch from elsewhere to show these pages."""
    found = [link for page in pages.values() for link in page.fetched if urlsplit(link).netloc]
    sheets = [p for p in site.rglob("*.css") if re.search(r"url\(['\"]?(?:https?:)?//", p.read_text(encoding="utf-8"))]
    return found + [sheet.name for sheet in sheets]


def test_every_link_leads_to_a_page_and_a_place_in_it(site: Path, pages: dict[Path, Page]) -> None:
    assert len(pages) > 20
    assert _broken(site, pages) == []


def test_a_page_fetches_nothing_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    assert _from_elsewhere(site, pages) == []


def test_broken_links_and_what_comes_from_elsewhere_would_be_found(tmp_path: Path) -> None:
    a = '<h1 id="top"></h1><a href="b.html#here">b</a><a href="#top">t</a><a href="c.html">c</a>'
    b = '<a href="a.html#nowhere">a</a><img src="no.svg"><script src="//cdn.example/x.js"></script>'
    (tmp_path / "a.html").write_text(a)
    (tmp_path / "b.html").write_text(b)
    (tmp_path / "b.css").write_text("@font-face { src: url(https://fonts.example/f.woff); }")
    pages = {path: Page(path) for path in sorted(tmp_path.glob("*.html"))}
    missing = ["a.html: b.html#here", "a.html: c.html", "b.html: a.html#nowhere", "b.html: no.svg"]
    assert _broken(tmp_path, pages) == missing
    assert _from_elsewhere(tmp_path, pages) == ["//cdn.example/x.js", "b.css"]


def test_every_block_that_a_reader_sees_is_one_that_the_tests_follow(site: Path, pages: dict[Path, Page]) -> None:
    for path in sorted(DOCS.rglob("*.md")):
        built = pages[(site / path.relative_to(DOCS)).with_suffix(".html")]
        made = path.read_text(encoding="utf-8").count("{{ report }}")  # the only piece that is a block
        assert built.blocks == len(fences(path)) + made, f"{path.name}: an indented block, or one in HTML, has no mark"


def test_no_table_and_no_bold_word_is_left_as_it_was_written(pages: dict[Path, Page]) -> None:
    """Find bars and stars in the text: a blank line, or an indent, is missing there."""
    for path in pages:
        text = re.sub(r"<(pre|code)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert "|--" not in text, path.name
        assert not re.search(r"\*\*[A-Z]", text), path.name


def test_the_readme_begins_with_the_terminal_and_is_short() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(readme) <= 150
    first = next(line for line in readme if line.startswith("!["))
    assert "docs/terminal.svg" in first


def test_an_extra_that_a_page_names_is_one_of_the_package() -> None:
    extras = {extra.lower() for extra in metadata("soundsdk").get_all("Provides-Extra") or ()}
    documents = [*DOCS.rglob("*.md"), ROOT / "README.md"]
    named = {extra for path in documents for found in re.findall(r"soundsdk\[([\w,]+)\]", path.read_text())
             for extra in found.split(",")}  # fmt: skip
    assert "train" in named
    assert named - extras == set()


def test_every_picture_of_a_page_says_what_it_shows() -> None:
    texts = {path: re.findall(r"!\[([^\]]*)\]\(", path.read_text()) for path in sorted(DOCS.rglob("*.md"))}
    assert sum(map(len, texts.values())) > 5
    assert [path.name for path, found in texts.items() for text in found if len(text) < 20] == []


def test_a_phone_gets_figures_that_can_be_read_and_pictures_open(site: Path, pages: dict[Path, Page]) -> None:
    how = (site / "how.html").read_text(encoding="utf-8")
    for name in ("evening", "frontend", "rules", "quantised"):
        assert f'media="(max-width: 600px)" srcset="pictures/{name}-narrow.svg"' in how
        width = re.search(r'viewBox="0 0 (\d+) ', (site / f"pictures/{name}-narrow.svg").read_text(encoding="utf-8"))
        assert width is not None
        assert int(width[1]) <= 450
    pictures = [link for page in pages.values() for link in page.fetched if re.search(r"pictures/\w+-\w+\.svg$", link)]
    wired = [link for link in pictures if "narrow" not in link]
    opened = {link for page in pages.values() for link in page.links}
    assert len(wired) > 10
    assert "architecture.svg" in opened
    assert "monitor.png" in opened
    # The one of the doorbell page leads to the page of its board.
    assert set(wired) - opened <= {"pictures/rpi_pico-inmp441.svg"}


def test_the_pages_of_the_code_name_all_that_the_code_has(site: Path) -> None:
    import soundsdk
    from soundsdk.boards import all_boards
    from soundsdk.cli import VERBS
    from soundsdk.errors import EXIT_CODES

    def text(name: str) -> str:
        return (site / "reference" / f"{name}.html").read_text(encoding="utf-8")

    assert [verb for verb in VERBS if f'id="{verb}"' not in text("cli")] == []
    assert [code for code in EXIT_CODES if f"<td>{code}</td>" not in text("exit-codes")] == []
    assert [board.id for board in all_boards() if f"<code>{board.id}</code>" not in text("boards")] == []
    names = [name for name in soundsdk.__all__ if not name.startswith("__")]
    assert [name for name in names if f'id="{name.lower()}"' not in text("python")] == []
