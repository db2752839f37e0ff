"""All operators together stay small on chips."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOUNDCORE = Path(__file__).resolve().parents[2] / "firmware/cmodules/soundcore"
MOST = 30 * 1024
TARGETS = {
    "Cortex-M0+": ["arm-none-eabi-", "-mcpu=cortex-m0plus", "-mthumb"],
    "Cortex-M33": ["arm-none-eabi-", "-mcpu=cortex-m33", "-mthumb"],
    "RV32IMC": ["riscv64-unknown-elf-", "-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"],
}


@pytest.mark.parametrize("target", TARGETS)
def test_all_operators_and_their_arithmetic_take_at_most_30_kb_of_code(target: str, tmp_path: Path) -> None:
    prefix, *flags = TARGETS[target]
    if shutil.which(f"{prefix}gcc") is None:
        pytest.skip(f"{prefix}gcc is not installed")
    names = ["ops", "transcendental", "quantize", "window", "conv_words", "conv_armv6m"]
    files = sorted(SOUNDCORE.glob("nn/op_*.c")) + [SOUNDCORE / f"nn/{name}.c" for name in names]
    assert len(files) >= 17
    words = [f"{prefix}gcc", *flags, "-std=c11", "-O2", "-ffp-contract=off", f"-I{SOUNDCORE}", "-c", *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    objects = sorted(tmp_path.glob("*.o"))
    assert len(objects) == len(files)
    sizes = subprocess.run([f"{prefix}size", "-t", *objects], capture_output=True, text=True, timeout=60, check=True)
    code, data, zeros = (int(number) for number in sizes.stdout.splitlines()[-1].split()[:3])
    assert 10_000 < code <= MOST
    assert (data, zeros) == (0, 0)
