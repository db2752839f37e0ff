"""Scores and features of every step, as lines, while a host asks for them; it has to repeat its command.

    {"type":"scores","seq":n,"t":…,"level_dbfs":-41.2,"scores":[930,12]}         1/1000, what the thresholds are for
    {"type":"mel","seq":n,"t":…,"frame":0,"data":"<base64 of int8, whole frames>"}

t is the end of the step, in samples. A step is left out when the queue is half full: events come first, and the host
sees the gap in t.
"""

import json
from binascii import b2a_base64

import soundcore

from .. import FirmwareError
from ..platform import const
from .framing import decimal

_SECONDS = const(10)  # of sound without being asked again
_LINE_BYTES = const(684)  # of features in one line: 912 in base64
_CLASSES = const(180)  # of scores in one line; those after are left out


class Telemetry:
    """The scores and features of a pipeline's stream and detector, sent over its link."""

    def __init__(self, stream, detector, link):
        metadata = json.loads(bytes(stream.metadata))
        frontend = metadata["frontend"]
        self.on = False
        self._mel = False
        self._stream = stream
        self._scores = detector.scores
        self._link = link
        self._rate_hz = frontend["rate_hz"]
        self._frames = metadata.get("hop_frames", 1)
        self._width = frontend.get("coefficients") or frontend.get("bands", 0)
        self._frontend = [(key, frontend.get(key, 0)) for key in ("low_hz", "high_hz", "floor_db", "step_mdb")]
        self._mfcc = 1 if frontend.get("coefficients") else 0
        self._level = None
        self._left = 0  # samples

    def switch(self, on, mel):
        """Switch the lines on for the next seconds, or off; FirmwareError if these are not booleans."""
        if not isinstance(on, bool) or not isinstance(mel, bool):
            raise FirmwareError("watch.value", "on and mel must be true or false")
        if on and not self.on:
            self._level = soundcore.SoundLevel()
        self.on = on
        self._mel = mel and self._width > 0
        self._left = _SECONDS * self._rate_hz

    def members(self):
        """Return what a host needs to read the lines, as members of an answer. mfcc 1: coefficients, not bands."""
        head = ',"classes":%d,"step":%d,"frames":%d,"width":%d,"mfcc":%d' % (
            len(self._scores),
            self._stream.step_samples,
            self._frames,
            self._width,
            self._mfcc,
        )
        return head + "".join([',"%s":%d' % pair for pair in self._frontend])

    def add(self, block):
        """Count a block of sound: its level, and the time until the host has to ask again."""
        self._level.add(block)
        self._left -= len(block)

    def send(self, now):
        """Send the lines of the step that has just ended, at sample `now`."""
        link = self._link
        if self._left <= 0:
            self.on = False
        elif link.room < 2:
            return
        else:
            scores = ",".join(["%d" % score for score in self._scores[:_CLASSES]])
            link.send(
                '"type":"scores",',
                ',"t":%d,"level_dbfs":%s,"scores":[%s]' % (now, decimal(self._level.read(), 1), scores),
            )
            if self._mel:
                self._send_mel(now)

    def _send_mel(self, now):
        data = bytes(self._stream.features)
        most = max(1, _LINE_BYTES // self._width)
        for frame in range(0, self._frames, most):
            part = data[frame * self._width : (frame + most) * self._width]
            self._link.send(
                '"type":"mel",',
                ',"t":%d,"frame":%d,"data":"%s"' % (now, frame, b2a_base64(part).decode().strip()),
            )
