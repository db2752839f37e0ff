"""The check for private names: it finds them however they are reached, and a comment lets them pass."""

from __future__ import annotations

import private_names
import pytest

PRODUCT = {"_retry", "_WAIT_S"}


@pytest.mark.parametrize(
    "line",
    [
        "module._retry()", "port.inner._retry = 3", "from soundsdk.device import _retry",
        "module._retry()  # type: ignore", 'getattr(module, "_retry")()',
        'monkeypatch.setattr(module, "_WAIT_S", 0.1)', 'monkeypatch.setattr("soundsdk.device._WAIT_S", 0.1)',
    ],
)  # fmt: skip
def test_a_private_name_of_the_product_is_found(line: str) -> None:
    assert len(private_names.faults(f"x = 1\ndef test_it():\n    {line}\n", PRODUCT)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def test_it():\n    # No caller can cause this.\n    module._retry()\n",
        "def test_it():\n    module._retry()  # no caller can cause this\n",
        "def test_it():\n    # No caller can cause this.\n    module._retry()\n    assert module._WAIT_S == 1\n",
        "class Fake:\n    def run(self):\n        self._retry()\n",
        "def _retry():\n    pass\nhelpers._retry()\n",
        "zlib._Decompress\nmodule.__name__\n",
    ],
)
def test_a_reason_or_a_name_of_the_tests_own_passes(text: str) -> None:
    assert private_names.faults(text, PRODUCT) == []


def test_a_reason_holds_for_one_function() -> None:
    source = "def test_one():\n    # Why.\n    m._retry()\n\n\ndef test_two():\n    m._retry()\n"
    assert private_names.faults(source, PRODUCT) == [(7, "_retry")]


def test_what_the_product_defines_is_seen() -> None:
    source = "_A = 1\n__b = 2\ndef _c(): pass\nclass _D:\n    def e(self):\n        self._e = self.f = port._g = 1\n"
    assert private_names.defined(source) == {"_A", "_c", "_D", "_e"}
