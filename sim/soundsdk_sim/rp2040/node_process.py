"""The emulator's process: one JSON line per request, one per answer, each with a deadline."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
from typing import Any

from soundsdk.errors import DeviceError
from soundsdk_sim.rp2040.prerequisites import HERE, node, node_modules

ANSWER_S = 30.0


class NodeProcess:
    """Node running main.mjs. Raises ToolError if a tool is missing, DeviceError if it does not answer in time."""

    def __init__(self) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        env = os.environ | {"SOUNDSDK_NODE_MODULES": str(node_modules())}
        self._process = subprocess.Popen(
            [node(), str(HERE / "main.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=env,
        )
        self._answers: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._read_output, daemon=True).start()

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def send(self, op: str, **arguments: Any) -> None:
        """Send a request."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"op": op, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._ended() from error

    def read_answer(self, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """Return the next answer; after timeout_s without one the process is ended and DeviceError raised."""
        try:
            line = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            self.kill()
            raise DeviceError(
                f"the RP2040 emulator has not answered for {timeout_s:.0f} s.", "Try again with less sound."
            ) from None
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DeviceError(f"the RP2040 emulator failed: {answer['error']}.")
        return answer

    def _ended(self) -> DeviceError:
        self.kill()
        self._stderr.seek(0)
        output = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        why = next((line for line in output if "Error" in line), output[-1] if output else "it printed nothing")
        return DeviceError(f"the RP2040 emulator has ended: {why}.", "Report it with the firmware you ran.")

    def close(self) -> None:
        """End the process by closing its input, and by force if it goes on."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            self.kill()

    def kill(self) -> None:
        """End the process by force."""
        self._process.kill()
        self._process.wait()
