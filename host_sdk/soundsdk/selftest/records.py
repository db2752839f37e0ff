"""Records of a board: how it was found, what it sent while it listened, and what after a restart."""

from __future__ import annotations

from dataclasses import dataclass, field

from soundsdk.device.audio_lines import Piece
from soundsdk.device.classes import BoardClass
from soundsdk.device.messages import Event, Hello, Status


@dataclass(frozen=True)
class Before:
    """The board as it was found. classes: None in safe mode, or with firmware that does not say."""

    hello: Hello
    classes: list[BoardClass] | None


@dataclass
class Heard:
    """A time of listening. arrivals: of each step, (seconds by this computer, samples by the board)."""

    before: Status
    after: Status
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    lines_lost: int = 0
    damaged: int = 0
    restarts: int = 0
    step_samples: int = 0
    step_us: int = 0  # the longest of all status lines
    levels_dbfs: list[float] = field(default_factory=list)
    heap_before: int | None = None
    heap_after: int | None = None

    @property
    def samples(self) -> int:
        """Samples of sound between both counts."""
        return self.after.captured + self.after.lost - self.before.captured - self.before.lost


@dataclass
class Restarted:
    """A restart. hello_s: from the command until hello; at: the first sample that came, -1 if no sound was asked for.

    scores, features: of each step, by the sample at which it ends; whole: no sample of the recording is missing.
    """

    hello: Hello
    hello_s: float
    at: int = -1
    pieces: list[Piece] = field(default_factory=list)
    whole: bool = False
    scores: dict[int, tuple[int, ...]] = field(default_factory=dict)
    features: dict[int, bytes] = field(default_factory=dict)
