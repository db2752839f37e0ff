"""A stock Pico, emulated: it hears with what install (by the real mpremote) or flash --stock put onto it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pico_sounds import RATE, TAIL_S, events, messages, microphone, request, send
from target_needs import need_rp2040

import stock_images
from sim.tiny_model import build, metadata, tones
from soundsdk import cli
from soundsdk.boards import find_board
from soundsdk.models.shipped import load_model
from soundsdk_sim.board import run_recording
from soundsdk_sim.rp2040 import Rp2040
from soundsdk_sim.scenes import make_scene
from stock_pico import stock_pico
from virtual_boards.pico.virtual_pico import VirtualPico

Capture = pytest.CaptureFixture[str]
LIST = """
import os, hashlib
def walk(path):
    for name, kind, *_ in os.ilistdir(path):
        here = path + "/" + name
        if kind == 0x4000:
            print(here)
            walk(here)
        else:
            print(here, hashlib.sha256(open(here, "rb").read()).digest().hex())
walk("")
"""
MODEL = build(metadata())


@pytest.fixture(scope="module")
def uf2() -> Path:
    need_rp2040()
    return stock_pico()


@pytest.fixture
def board(uf2: Path) -> Iterator[Rp2040]:
    with Rp2040(uf2, microphone()) as board:
        board.boot()
        board.repl().exec("with open('notes.txt', 'w') as f: f.write('mine' * 100)")
        yield board


def run(board: Rp2040, verb: str, *words: str) -> int:
    with board.serve() as port:
        return cli.run([verb, f"socket://127.0.0.1:{port}", *words])


def two_tones() -> np.ndarray:
    sound = tones(3, [(0.5, 1.2, "high"), (1.6, 2.4, "low")])
    return np.round(32768 * sound).astype(np.int16)


def heard_as_played_directly(board: Rp2040, pcm: np.ndarray, model: bytes) -> list[dict[str, Any]]:
    """Start a board that hears pcm (int16), without a loss; return its events, those of pcm played directly."""
    board.feed(pcm)
    board.boot()
    send(board, "hello")
    heard = messages(board.lines(1000 * (len(pcm) / RATE + TAIL_S)))
    status = request(board, "status")[-1]
    silence = np.zeros(TAIL_S * RATE, np.int16)
    direct = messages(run_recording(model, np.concatenate([pcm, silence]), RATE).lines)
    assert events(heard) == events(direct)
    assert (status["lost"], status["dropped"]) == (0, 0)
    return events(heard)


def test_a_detector_that_does_not_fit_is_refused_with_the_numbers(board: Rp2040, capsys: Capture) -> None:
    before = board.repl().exec(LIST)
    assert run(board, "install") == 6
    said = capsys.readouterr().err
    assert "Raspberry Pi Pico with RP2040: micropython 1.25.0" in said
    detector = load_model()
    assert "the board has too little memory" in said
    assert f"{len(detector.data)} and {detector.arena_bytes} for the detector home" in said
    assert "Take home_tiny (-m home_tiny), or build an image" in said
    assert board.repl().exec(LIST) == before
    # What flash --stock knows beforehand is what the board itself says.
    found = re.search(r"(\d+) bytes of memory free", said)
    stock = find_board("rpi_pico").stock
    assert found is not None
    assert stock is not None
    assert abs(int(found[1]) - stock.free_bytes) <= 512


def test_installed_it_finds_what_the_same_sound_gives_played_directly(
    board: Rp2040, uf2: Path, tmp_path: Path, capsys: Capture
) -> None:
    before = board.repl().exec(LIST)
    (tmp_path / "tone.tflite").write_bytes(MODEL)
    assert run(board, "install", "-m", str(tmp_path / "tone.tflite")) == 0
    assert "Done: rpi_pico" in capsys.readouterr().err
    board.save_flash(tmp_path / "flash.bin")
    with Rp2040(uf2, microphone(), tmp_path / "flash.bin") as again:
        found = heard_as_played_directly(again, two_tones(), MODEL)
    assert [event["label"] for event in found] == ["high", "high", "low", "low"]
    assert run(board, "uninstall") == 0
    assert board.repl().exec(LIST) == before


def test_flashed_with_its_files_it_finds_what_the_same_sound_gives_played_directly(
    uf2: Path, tmp_path: Path, capsys: Capture
) -> None:
    model = tmp_path / "tone.tflite"
    model.write_bytes(MODEL)
    with VirtualPico(tmp_path, stock=stock_images.pico_files(tmp_path)) as pico:
        assert cli.run(["flash", "rpi_pico", "--stock", str(uf2), "-m", str(model)], pico) == 0
        (tmp_path / "flash.bin").write_bytes(pico.flash.read(0, len(pico.flash)))
    assert "MicroPython 1.25.0 for Raspberry Pi Pico with RP2040; its files: 1441792 bytes" in capsys.readouterr().err
    with Rp2040(uf2, microphone(), tmp_path / "flash.bin") as board:
        found = heard_as_played_directly(board, two_tones(), MODEL)
        assert [event["label"] for event in found] == ["high", "high", "low", "low"]
        # To uninstall, it is as if it had been installed.
        assert run(board, "uninstall") == 0
        assert board.repl().exec(LIST).split() == []


def test_a_shipped_detector_of_small_boards_hears_an_alarm_from_the_stock_image(
    board: Rp2040, uf2: Path, tmp_path: Path
) -> None:
    assert run(board, "install", "-m", "home_tiny") == 0
    board.save_flash(tmp_path / "flash.bin")
    pcm = make_scene(3, 20.0).pcm[: 16 * RATE]  # a smoke alarm from 4.1 to 13.7 s
    with Rp2040(uf2, microphone(), tmp_path / "flash.bin") as again:
        found = heard_as_played_directly(again, pcm, load_model("home_tiny").data)
        # There is still room for the command that needs most, by which a microphone's wiring is tried as well.
        with again.serve() as port:
            words = ["-p", f"socket://127.0.0.1:{port}", "--seconds", "1", "--label", "alarm"]
            assert cli.run(["record", *words, "-o", str(tmp_path / "takes")]) == 0
    assert [(event["label"], event["edge"]) for event in found] == [("smoke_alarm", "on"), ("smoke_alarm", "off")]
