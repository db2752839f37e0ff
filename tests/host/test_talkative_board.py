"""A stock board that never stops talking, or says what no parser takes: the call ends with a sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from soundsdk.errors import ProtocolError
from soundsdk.stock import mpremote_run
from soundsdk.stock.on_board import MARK
from stock_micropython import stock_unix
from virtual_boards.stock_board import StockBoard, StockFlash
from virtual_boards.virtual_port import VirtualPorts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    flash = StockFlash(tmp_path / "flash.bin")
    flash.store(stock_unix(), {})
    with VirtualPorts(tmp_path) as ports:
        yield ports.add(lambda: StockBoard(stock_unix(), flash)).path


@pytest.mark.parametrize("bound", ["_MOST_LINES", "_MOST_S"])
def test_a_board_that_never_stops_ends_the_call(port: str, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpremote_run, bound, 2)
    with pytest.raises(ProtocolError, match="does not stop talking") as caught:
        mpremote_run.run(port, ["import time\nwhile True:\n print('more')\n time.sleep(0.01)\n"], silent_s=30)
    assert caught.value.hint


def test_a_line_nested_without_an_end_is_no_fact(port: str) -> None:
    text = f"print({MARK!r} + 5000 * '[')\nprint({MARK!r} + '{{\"a\": 1}}')\n"
    assert mpremote_run.run(port, [text], silent_s=30) == [{"a": 1}]
