"""Writes small model files for the fuzzer to mutate: one of each operator, some graphs, and a streaming step.

    python tests/core/make_fuzz_seeds.py DIR

The same files every time. Needs the extra 'train' for the schema.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np
from graph_generator import random_graph, streaming_step
from model_generator import GENERATORS


def write(directory: Path) -> list[Path]:
    """Write the files and return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    made = {
        name.lower(): GENERATORS[name](np.random.default_rng([zlib.crc32(name.encode()), 3])) for name in GENERATORS
    }
    made |= {f"graph{i}": random_graph(np.random.default_rng([1, i]), 10 + 5 * i) for i in range(4)}
    made["large"] = random_graph(np.random.default_rng(2), 150)  # its plan needs scratch
    made["step"] = streaming_step(np.random.default_rng(5), units=8)[0]
    paths = []
    for name, buf in made.items():
        paths.append(directory / f"{name}.tflite")
        paths[-1].write_bytes(buf)
    return paths


if __name__ == "__main__":
    for path in write(Path(sys.argv[1])):
        print(path)
