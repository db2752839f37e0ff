"""Cycles of soundcore on a simulated Cortex-M0+ against its peers, on the benchmark models.

python tests/benchmarks/m0/bench.py [--profile]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.m0 import simulated

ROOT = Path(__file__).resolve().parents[3]
MODELS = Path(os.environ.get("SOUNDSDK_DATA", ROOT.parent / "shared" / "data")) / "models"
PEERS = {"conv": 6_901_891, "ds": 4_299_695, "fc": 311_130}


def main() -> int:
    built = simulated.build(ROOT / ".cache" / "m0")
    for name, peer in PEERS.items():
        parts = [(MODELS / f"{name}{end}").read_bytes() for end in (".tflite", ".in")]
        ran = simulated.run(built, "model", parts, ["sc_model_invoke", "sc_model_init", "sc_op_*_run"])
        equal = ran.output[4:] == (MODELS / f"{name}.out").read_bytes()
        (cycles,) = ran.cycles("sc_model_invoke")
        arena = int.from_bytes(ran.output[:4], "little")
        print(f"{name:<5} {cycles:>10,} cycles  {cycles / peer:.3f} of CMSIS-NN  arena {arena}  "
              f"init {ran.total('sc_model_init'):,}  {'equal to .out' if equal else 'NOT EQUAL'}")  # fmt: skip
        for call in ran.calls:
            if call.depth == 1 and call.name.startswith("sc_op_"):
                print(f"      {call.cycles:>10,} {call.name[6:-4]}")
        if "--profile" in sys.argv:
            ran = simulated.run(built, "model", parts, ["sc_model_invoke"], True)
        for cost in sorted(ran.profile, key=lambda c: -c.cycles)[:12]:
            print(f"           {cost.cycles:>10,} cycles {cost.instructions:>10,} instructions {cost.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
