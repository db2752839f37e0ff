"""Builds the C tests under AddressSanitizer and UBSan and runs them, then the seeded fuzz run over model files.

    python tests/core/run_c_tests.py [--mutations 100000] [--seed 1]

Needs a C compiler and cmake on the path. Exits with the first failure's code.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".cache" / "c-tests"


def run(*words: str | Path, seconds: int) -> None:
    print("+", *words, flush=True)
    done = subprocess.run([str(w) for w in words], timeout=seconds, check=False)
    if done.returncode:
        sys.exit(done.returncode if done.returncode > 0 else 1)


def seed_files() -> list[Path]:
    """Model files that the fuzzer mutates: the defaults, those the builder makes, and the benchmark models if here."""
    data = Path(os.environ.get("SOUNDSDK_DATA", ROOT.parent / "shared" / "data"))
    files = sorted((ROOT / "firmware" / "models").glob("*.tflite")) + sorted((data / "models").glob("*.tflite"))
    if not (data / "models").is_dir():
        print(f"no benchmark models at {data.name}/models: the fuzz run goes without them", file=sys.stderr)
    try:
        import make_fuzz_seeds
    except ImportError as error:
        print(f"no small models of one operator each ({error}): install the extra 'train'", file=sys.stderr)
        return files
    return make_fuzz_seeds.write(BUILD / "seeds") + files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    run(
        "cmake", "-S", ROOT, "-B", BUILD, "-DSOUNDCORE_TESTS=ON", "-DSOUNDCORE_SANITIZE=ON",
        "-DCMAKE_BUILD_TYPE=RelWithDebInfo", seconds=120,
    )  # fmt: skip
    run("cmake", "--build", BUILD, "--parallel", "2", seconds=600)
    run("ctest", "--test-dir", BUILD, "--output-on-failure", "--timeout", "300", seconds=900)
    run(BUILD / "tests" / "core" / "fuzz_model", args.mutations, args.seed, *seed_files(), seconds=1800)


if __name__ == "__main__":
    main()
