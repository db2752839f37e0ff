"""Short names in soundfw's .mpy files: which become short, which stay."""

from __future__ import annotations

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
