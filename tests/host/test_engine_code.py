"""The flash that each engine's code takes in a board's images: from a linker's map, as `info` tells it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from soundsdk import cli
from soundsdk.build import engine_code, sources

# Source: its function, and data of a size of its own. What nothing calls, what is zero at the start, and what is for
# debuggers takes no flash.
PARTS = {
    "soundcore/nn/plan.c": (
        "plan",
        "const char plan_data[1000] = {1}; const char nobody[70000] = {1}; char zeros[5000];",
    ),
    "tensorflow/lite/micro/kernels/conv.c": ("conv", "const char conv_data[20000] = {2};"),
    "tensorflow/compiler/mlir/lite/schema/utils.c": ("utils", "char utils_data[3000] = {3};"),
    "third_party/cmsis_nn/Source/mat.c": ("mat", "const char mat_data[400000] = {4};"),
    "soundcore/frontend/fft.c": ("fft", "const char fft_data[1000000] = {5};"),
}
MAIN = """
int plan(int), conv(int), utils(int), mat(int), fft(int);
int main(int n, char **v) { return plan(n) + conv(n) + utils(n) + mat(n) + fft(n); }
"""


def _linked(folder: Path, *, tflm: bool) -> Path:
    """Compile and link the parts, those of TensorFlow Lite Micro as empty ones if not tflm. Return the folder."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    texts = {"py/main.c": MAIN}
    for name, (function, data) in PARTS.items():
        if tflm or name.startswith("soundcore"):
            texts[name] = f"{data} int {function}(int i) {{ return {function}_data[i]; }}"
            texts[name] += "int unused(int i) { return nobody[i] + zeros[i]; }" if function == "plan" else ""
        else:
            texts[f"py/{function}.c"] = f"int {function}(int i) {{ return i; }}"
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="ascii")
        words = ["gcc", "-g", "-O1", "-ffunction-sections", "-fdata-sections", "-c", name, "-o", f"{name}.o"]
        subprocess.run(words, check=True, timeout=60, cwd=folder)
    link = ["gcc", "-Wl,--gc-sections", "-Wl,-Map=firmware.elf.map", "-o", "firmware.elf", *(f"{n}.o" for n in texts)]
    subprocess.run(link, check=True, timeout=60, cwd=folder)
    return folder


def test_the_map_says_what_is_linked_of_an_engine_and_takes_flash(tmp_path: Path) -> None:
    text = (_linked(tmp_path, tflm=True) / "firmware.elf.map").read_text(encoding="utf-8")
    data = 1000 + 20_000 + 3000 + 400_000
    assert data < engine_code.linked_bytes(text) < data + 1000
    without = (_linked(tmp_path / "b", tflm=False) / "firmware.elf.map").read_text(encoding="utf-8")
    assert 1000 < engine_code.linked_bytes(without) < 1500
    assert engine_code.linked_bytes(text.partition("Linker script")[0]) == 0
    assert engine_code.linked_bytes("") == 0


def _info(capfd: pytest.CaptureFixture[str]) -> tuple[str, dict[str, object]]:
    assert cli.run(["info", "home"]) == 0
    said = capfd.readouterr().out
    assert cli.run(["info", "home", "--json"]) == 0
    return said, json.loads(capfd.readouterr().out)["engines"]["code"]


def test_info_tells_the_code_of_both_engines_when_an_image_with_each_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path))
    folder = tmp_path / "build" / f"rpi_pico-{sources.key(None)}"
    engine_code.note(folder, fresh=True)  # no folder, no map, no figure
    assert engine_code.of_board("rpi_pico") == engine_code.EngineCode("rpi_pico", None, None)
    monkeypatch.delenv("SOUNDCORE_ENGINE", raising=False)
    engine_code.note(_linked(folder, tflm=False), fresh=True)
    own = engine_code.of_board("rpi_pico")
    assert str(own) == f"{own.soundcore:,} bytes of flash in soundcore, not built here in TensorFlow Lite Micro"
    assert "  code " not in _info(capfd)[0]

    monkeypatch.setenv("SOUNDCORE_ENGINE", "tflm")
    engine_code.note(_linked(folder, tflm=True), fresh=True)
    monkeypatch.delenv("SOUNDCORE_ENGINE")
    both = engine_code.of_board("rpi_pico")
    assert both.soundcore == own.soundcore
    assert both.tflm is not None
    assert both.tflm > 424_000
    said, code = _info(capfd)
    line = (
        f"  code    on rpi_pico: {own.soundcore:,} bytes of flash in soundcore, {both.tflm:,} bytes of flash in Tensor"
    )
    assert line in said
    assert code == {"rpi_pico": {"board": "rpi_pico", "soundcore": own.soundcore, "tflm": both.tflm}}

    # A figure that is there stays until something is linked; of another C there is none.
    engine_code.note(folder, fresh=False)
    assert engine_code.of_board("rpi_pico") == both
    monkeypatch.setattr(engine_code, "files_sha256", lambda _: "another")
    assert engine_code.of_board("rpi_pico") == engine_code.EngineCode("rpi_pico", None, None)
    engine_code.note(folder, fresh=False)
    assert engine_code.of_board("rpi_pico").soundcore == both.tflm


@pytest.mark.parametrize("text", ["", "[]", "{", '{"tflm": 5}', '{"tflm": {"size_bytes": "5", "core": ""}}'])
def test_a_damaged_note_is_none(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path))
    path = tmp_path / "build" / f"rpi_pico-{sources.key(None)}.engines.json"
    path.parent.mkdir()
    path.write_text(text, encoding="ascii")
    assert engine_code.of_board("rpi_pico") == engine_code.EngineCode("rpi_pico", None, None)
    assert "  code " not in _info(capfd)[0]
