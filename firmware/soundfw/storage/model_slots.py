"""Two slots for models that were pushed. One state file says which runs; it is replaced in one piece.

active     the slot that runs: "a", "b", or "" for the model of the image
sha256     of the active slot's file
trial      the slot to be tried next, or on trial now; "" for none. trial_sha256: of its file
tried      whether that trial has begun: then the next start is back at the active slot
staged     sha256 of what is being written into the slot that is not active; staged_size: its size
back       why the newest trial ended, a dotted code
"""

from .. import FirmwareError
from . import files
from .store import sha256

STATE = "slots.json"


class ModelSlots:
    """folder: where the files are; "" for the file system's root."""

    def __init__(self, folder):
        self.folder = folder
        self._path = files.join(folder, STATE)
        state = files.read_json(self._path)
        self._state = {}
        for key in ("active", "sha256", "trial", "trial_sha256", "staged", "back"):
            value = state.get(key, "")
            self._state[key] = value if isinstance(value, str) else ""
        for key in ("active", "trial"):
            if self._state[key] not in ("a", "b"):
                self._state[key] = ""
        self._state["tried"] = state.get("tried") is True
        size = state.get("staged_size", 0)
        self._state["staged_size"] = size if isinstance(size, int) else 0
        self.on_trial = False
        self.back = self._state["back"]  # told in hello

    def path(self, slot):
        return files.join(self.folder, "slot_" + slot + ".tflite")

    def _write(self, **changes):
        state = dict(self._state)
        state.update(changes)
        files.write_json(self._path, state)
        self._state = state

    def begin(self):
        """Once per start, before load(): a trial begins, or one that nobody confirmed ends."""
        state = self._state
        if not state["trial"]:
            return
        if state["tried"]:
            self.roll_back("push.unconfirmed")
        else:
            # Written before the trial: whatever it does, the next start is back at the old model.
            self._write(tried=True)
            self.on_trial = True

    def load(self):
        """(bytes, sha256) of the slot to run, or None for the model of the image. FirmwareError if it is damaged."""
        state = self._state
        slot = state["trial"] if self.on_trial else state["active"]
        if not slot:
            return None
        try:
            data = files.read(self.path(slot))
        except OSError:
            raise FirmwareError("store.missing", "the model's slot is empty")
        digest = sha256(data)
        if digest != state["trial_sha256" if self.on_trial else "sha256"]:
            raise FirmwareError("store.damaged", "the model's slot is damaged")
        return data, digest

    def fall_back(self, code):
        """After a slot could not be run: True if there is another model to try."""
        if self.on_trial:
            self.roll_back(code)
            return True
        if self._state["active"]:
            # For this start only: what is in flash is left as it is.
            self._state["active"] = ""
            self.back = code
            return True
        return False

    def roll_back(self, code):
        """Ends the trial; the active slot is the one to run."""
        self._write(trial="", trial_sha256="", tried=False, back=code)
        self.on_trial = False
        self.back = code

    def confirm(self):
        """The model on trial becomes the active one."""
        state = self._state
        self._write(
            active=state["trial"], sha256=state["trial_sha256"], trial="", trial_sha256="", tried=False, back=""
        )
        self.on_trial = False
        self.back = ""

    def stage(self, size, digest):
        """(path, bytes that are there already) of the slot for a new model."""
        state = self._state
        if state["trial"]:
            raise FirmwareError("push.trial", "a model is on trial: confirm or abort it first")
        path = self.path(self._spare())
        if state["staged"] == digest and state["staged_size"] == size:
            have = files.size(path)
            if 0 <= have <= size:
                return path, have
        files.remove(path)
        self._write(staged=digest, staged_size=size, back="")
        self.back = ""
        return path, 0

    def discard(self):
        """Throws away what is staged."""
        if self._state["staged"]:
            files.remove(self.path(self._spare()))
            self._write(staged="", staged_size=0)

    def try_staged(self):
        """What is staged is on trial from the next start on."""
        self._write(
            trial=self._spare(), trial_sha256=self._state["staged"], tried=False, staged="", staged_size=0, back=""
        )

    def _spare(self):
        return "b" if self._state["active"] == "a" else "a"
