"""Two slots for pushed models, and a state file, replaced in one piece, that names the one to run.

active     the slot that runs: "a", "b", or "" for the model of the image
sha256     of the active slot's file
trial      the slot to be tried next, or on trial now; "" for none. trial_sha256: of its file
tried      whether that trial has begun: then the next start is back at the active slot
staged     sha256 of the model that is being written to the other slot; staged_size: its size
back       the reason why the newest trial ended, a dotted code
"""

from .. import FirmwareError, platform
from . import files, model_memory
from .store import sha256

STATE = "slots.json"


class ModelSlots:
    """The slots in a folder; "" is the file system's root. kept: what kept() of earlier ones returned, for STATE."""

    def __init__(self, folder, kept=None):
        self.folder = folder
        self._path = files.join(folder, STATE)
        if kept is not None:
            self._state, self.on_trial, self.back = kept
            return
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
        self.back = self._state["back"]  # sent in hello

    def kept(self):
        """Return (state, on_trial, back), from which the slots can be made again."""
        return self._state, self.on_trial, self.back

    def path(self, slot):
        """Return the path of a slot's file."""
        return files.join(self.folder, "slot_" + slot + ".tflite")

    def _write(self, **changes):
        state = dict(self._state)
        state.update(changes)
        files.write_json(self._path, state)
        self._state = state

    def begin(self):
        """Begin a trial, or end one that nobody confirmed. Call it once per start, before load()."""
        state = self._state
        if not state["trial"] or not platform.writable():
            # What is on trial waits until its end could be written down.
            return
        if state["tried"]:
            self.roll_back("push.unconfirmed")
        else:
            # Written before the trial: whatever it does, the next start is back at the old model.
            self._write(tried=True)
            self.on_trial = True

    def load(self):
        """Return (bytes, sha256) of the slot to run, None for the image's model; FirmwareError if it is damaged."""
        state = self._state
        slot = state["trial"] if self.on_trial else state["active"]
        if not slot:
            return None
        try:
            data = model_memory.read(self.path(slot))
        except OSError:
            raise FirmwareError("store.missing", "the model's slot is empty")
        digest = sha256(data)
        if digest != state["trial_sha256" if self.on_trial else "sha256"]:
            raise FirmwareError("store.damaged", "the model's slot is damaged")
        return data, digest

    def fall_back(self, code):
        """Give up the slot that could not be run; return True if there is another model to try."""
        if self.on_trial:
            self.roll_back(code)
            return True
        if self._state["active"]:
            # For this start only: the state in flash stays as it is.
            self._state["active"] = ""
            self.back = code
            return True
        return False

    def roll_back(self, code):
        """End the trial; the active slot is the one to run."""
        self._write(trial="", trial_sha256="", tried=False, back=code)
        self.on_trial = False
        self.back = code

    def confirm(self):
        """Make the model on trial the active one."""
        state = self._state
        self._write(
            active=state["trial"], sha256=state["trial_sha256"], trial="", trial_sha256="", tried=False, back=""
        )
        self.on_trial = False
        self.back = ""

    def stage(self, size, digest):
        """Return (path, bytes already written) of the slot for a new model."""
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
        """Delete the staged model."""
        if self._state["staged"]:
            files.remove(self.path(self._spare()))
            self._write(staged="", staged_size=0)

    def try_staged(self):
        """Put the staged model on trial at the next start."""
        self._write(
            trial=self._spare(), trial_sha256=self._state["staged"], tried=False, staged="", staged_size=0, back=""
        )

    def _spare(self):
        return "b" if self._state["active"] == "a" else "a"
