"""The emulator's process: one JSON line out, one back, each with a deadline."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from typing import Any

from soundsdk.errors import DeviceError
from soundsdk_sim.rp2040 import tools

ANSWER_S = 30.0


class Process:
    """Node with main.mjs. DeviceError if something it needs is missing, or when it does not answer in time."""

    def __init__(self) -> None:
        env = os.environ | {"SOUNDSDK_NODE_MODULES": str(tools.node_modules())}
        self._process = subprocess.Popen(
            [tools.node(), str(tools.HERE / "main.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._complaints: list[bytes] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._listen, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if len(self._complaints) < 100:
                self._complaints.append(line)

    def tell(self, op: str, **arguments: Any) -> None:
        """Sends a request."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"op": op, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._ended() from error

    def answer(self, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """The next answer; DeviceError after timeout_s, and the process is ended."""
        try:
            line = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            self.kill()
            raise DeviceError(
                f"the RP2040 emulator has not answered for {timeout_s:.0f} s.", "Give it less sound, or more time."
            ) from None
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DeviceError(f"the RP2040 emulator cannot do that: {answer['error']}.")
        return answer

    def _ended(self) -> DeviceError:
        self.kill()
        said = [line.decode("utf-8", "replace").strip() for line in self._complaints]
        why = next((line for line in said if "Error" in line), said[-1] if said else "it said nothing")
        return DeviceError(f"the RP2040 emulator has ended: {why}.", "Report it with the firmware that was run.")

    def close(self) -> None:
        """Ends the process: by the end of its input, else by force."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
