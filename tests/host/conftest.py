"""The browser that tests of the page share, closed after each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium, find


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    """Open a headless browser with a profile of its own; skip the test where there is none."""
    program = find()
    if program is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    browser = Chromium(program, tmp_path / "profile")
    yield browser
    browser.close()
