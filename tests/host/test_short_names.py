"""Short names in soundfw's .mpy files: which become short, which stay."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import soundfw
from soundsdk.build.short_names import shortened

BASE = """\
class Base:
    def __init__(self, given, named):
        self._kept = given
        self.public = named
"""
HEIR = """\
from .base import Base
_LIMIT = const(3)


class Heir(Base):
    def read(self, buffer=_LIMIT):
        "_kept stays in a text"
        a = self._own, self._kept
        return a, buffer


Heir(1, named=2)
"""


def test_private_names_and_parameters_that_no_call_names_become_short() -> None:
    short = shortened({"base.py": BASE, "heir.py": HEIR})
    assert "def __init__(self, a, named):" in short["base.py"]
    assert "self.public = named" in short["base.py"]
    assert '"_kept stays in a text"' in short["heir.py"]
    assert "Heir(1, named=2)" in short["heir.py"]
    for name in ("buffer", "_LIMIT", "self._kept", "self._own"):
        assert name not in short["heir.py"].replace('"_kept', "")
    # A class and its heir share the names of their objects, and a local name is not hidden.
    kept = short["base.py"].split("self.")[1].split(" ")[0]
    assert f"self.{kept}" in short["heir.py"]
    assert "def read(self, b=" in short["heir.py"]


def test_lines_stay_where_they_are() -> None:
    short = shortened({"heir.py": HEIR})["heir.py"]
    assert len(short.splitlines()) == len(HEIR.splitlines())


@pytest.fixture
def eager_collector() -> Iterator[None]:
    """Collect often, and let another thread run at each collection."""

    def give_way(*_: object) -> None:
        time.sleep(0)

    thresholds = gc.get_threshold()
    gc.callbacks.append(give_way)
    gc.set_threshold(50)
    yield
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(give_way)


@pytest.mark.usefixtures("eager_collector")
def test_boards_flashed_at_the_same_time_do_not_disturb_each_other() -> None:
    top = Path(soundfw.__path__[0])
    texts = {path.relative_to(top).as_posix(): path.read_text("utf-8") for path in top.rglob("*.py")}
    with ThreadPoolExecutor(4) as pool:  # CPython 3.11 then says SystemError: recursion depth mismatch
        assert all(list(pool.map(lambda _: shortened(texts) != texts, range(4))))
