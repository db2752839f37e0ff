"""A power-on of a CircuitPython board: code.py with the shim's modules.

    run_board.py BOARD.json SOUND.raw        the working directory is the drive; the port is standard input and output

Exit codes: 0 the sound has ended, 3 the board has reset itself, 4 code.py is to start again.
"""

from __future__ import annotations

import json
import sys
from array import array
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from circuitpython import shim

PORT = Path(__file__).resolve().parents[2] / "firmware" / "ports" / "circuitpython"


def run(options: str, sound: str) -> None:
    """Run code.py until the sound ends."""
    values = json.loads(options)
    values["stalls_ms"] = {int(k): v for k, v in values.get("stalls_ms", {}).items()}
    board = shim.Board(array("h", Path(sound).read_bytes()), **values)
    program = (PORT / "code.py").read_text(encoding="utf-8")
    shim.install(board)
    try:
        exec(compile(program, "code.py", "exec"), {"__name__": "code"})
    except SystemExit:
        pass
    finally:
        Path("log.json").write_text(json.dumps(board.log))


if __name__ == "__main__":
    run(*sys.argv[1:])
