"""The loop from microphone to stream, detector and link. Time is counted in samples."""

import soundcore

from .detect import ON
from .platform import heap_free
from .wire.framing import decimal, text


class Pipeline:
    """The loop; each step() is one turn of it.

    mic: Mic. stream: soundcore.Stream. status_s: seconds of sound between status lines. telemetry: Telemetry, or
    None while no host has asked for it. actions: act.actions.Actions, which switches pins before the line of an event
    is made; None: no pins.
    Nothing allocates between the microphone and the scores. The events do not depend on the size of the blocks, which
    App keeps within a step.
    """

    def __init__(self, mic, stream, detector, link, rate_hz, status_s, stopwatch, telemetry, actions=None):
        self.mic = mic
        self.detector = detector
        self.link = link
        self.telemetry = telemetry
        self.actions = actions
        self.stream = stream
        self._labels = [text(label) for label in detector.labels]
        self._stopwatch = stopwatch
        level = soundcore.SoundLevel()
        self._level = level.add
        self._read_level = level.read
        self._status_every = status_s * rate_hz
        self._status_at = self._status_every
        self.recorder = None  # record.Recorder, while the host wants the sound
        self.now = 0  # end of the newest step, in samples since the start

    def step(self):
        """Process the next block if it is whole; return False at the end of the sound, after closing open events."""
        # Each name that is looked up takes a small chip 250 cycles: what is used twice has a local one.
        mic = self.mic
        block = mic.read()
        if block is not None:
            start = mic.start
            if self.recorder is not None:
                self.recorder.add(block, start)
            self._feed(block, start)
            if self.actions is not None:
                self.actions.step(start + len(block))
            if self.now >= self._status_at:
                self._status_at += self._status_every
                self.send_status()
        if self.recorder is not None:
            if mic.ended:
                self.recorder.stop()
            if self.recorder.send_done():
                self.recorder = None
        if mic.ended:
            # On a board the sound never ends; a file does, and its open events end with it.
            end = mic.captured + mic.lost
            if self.detector.close(end):
                self._send_edges(end)
            return False
        return True

    def _feed(self, block, start):
        """Feed a block to the stream; each step that ends in it goes to the detector and to telemetry."""
        telemetry = self.telemetry
        if telemetry is not None and telemetry.on:
            telemetry.add(block)
        else:
            telemetry = None
        self._level(block)
        stream = self.stream
        at = 0
        count = len(block)
        while at < count:
            self._stopwatch.start()
            at += stream.feed(block, at)
            if stream.stepped:
                now = self.now = start + at
                changed = self.detector.step(now)
                self._stopwatch.stop()
                if telemetry is not None:
                    telemetry.send(now)
                if changed:
                    self._send_edges(now)

    def _send_edges(self, now):
        d = self.detector
        if self.actions is not None:
            for i in range(len(d.edge)):
                if d.edge[i]:
                    self.actions.edge(i, d.edge[i] == ON, now - d.ago[i], d.peak[i], self.now)
        for i in range(len(d.edge)):
            edge = d.edge[i]
            if edge:
                on = edge == ON
                self.link.send(
                    '"type":"event",',
                    ',"id":%d,"label":%s,"edge":"%s","t":%d,"%s":%s'
                    % (
                        d.id[i],
                        self._labels[i],
                        "on" if on else "off",
                        now - d.ago[i],
                        "score" if on else "peak",
                        decimal(d.peak[i], 3),
                    ),
                )

    def send_status(self):
        """Send a status line. dropped: lines that found the queue full; damaged: lines in that were refused.

        A board with rules or on_event.py adds their counts.
        """
        link = self.link
        link.send(
            '"type":"status",',
            ',"captured":%d,"lost":%d,"step_us":%d,"heap_free":%d,"level_dbfs":%s,"dropped":%d,"damaged":%d%s'
            % (
                self.now - self.mic.lost,
                self.mic.lost,
                self._stopwatch.read(),
                heap_free(),
                decimal(self._read_level(), 1),
                link.dropped,
                link.damaged,
                self.actions.members() if self.actions is not None else "",
            ),
        )
