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
    App keeps within a step. Where the microphone sleeps until a block is whole, a turn lasts to the end of a step of
    the model, but while `in_blocks` is set; everywhere else it is one block.
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
        self.in_blocks = False
        self.now = 0  # end of the newest step, in samples since the start
        self._turns = self._prepared()

    def step(self):
        """Run one turn; return False at the end of the sound, after closing open events."""
        for alive in self._turns:
            return alive
        # An error has left the generator.
        self._turns = self._prepared()
        return self.step()

    def _prepared(self):
        turns = self._run()
        next(turns)
        return turns

    def _run(self):
        # A generator: its names are places in its frame, while a name that is looked up takes a small chip 250 cycles.
        mic = self.mic
        blocks = mic.blocks
        position = mic.position
        sleeps = mic.sleeps
        level = self._level
        link = self.link
        stream = self.stream
        feed = stream.feed
        ticks = self._stopwatch.ticks
        stop_watch = self._stopwatch.stop
        step = self.detector.step
        length = len
        yield True  # what follows allocates nothing
        while True:
            recorder = self.recorder
            actions = self.actions
            telemetry = self.telemetry
            if telemetry is not None and not telemetry.on:
                telemetry = None
            # Lines that wait need not wait for a step of the model, nor the port for those of a recording.
            one = self.in_blocks or not sleeps or recorder is not None or link.waiting
            for block in blocks:
                if block is None:
                    break
                start = position[0]
                if recorder is not None:
                    recorder.add(block, start)
                if telemetry is not None:
                    telemetry.add(block)
                level(block)
                # Each step that ends in the block goes to the detector and to telemetry.
                stepped = False
                at = 0
                count = length(block)
                while at < count:
                    begin = ticks()
                    at += feed(block, at)
                    if stream.stepped:
                        stepped = True
                        now = self.now = start + at
                        changed = step(now)
                        stop_watch(begin)
                        if telemetry is not None:
                            telemetry.send(now)
                        if changed:
                            self._send_edges(now)
                if actions is not None:
                    actions.step(start + count)
                if stepped and self.now >= self._status_at:
                    self._status_at += self._status_every
                    self.send_status()
                if stepped or one:
                    break
            alive = True
            if recorder is not None:
                if mic.ended:
                    recorder.stop()
                if recorder.send_done():
                    self.recorder = None
            if mic.ended:
                # On a board the sound never ends; a file does, and its open events end with it.
                alive = False
                end = mic.captured + mic.lost
                if self.detector.close(end):
                    self._send_edges(end)
            yield alive

    def _send_edges(self, now):
        d = self.detector
        edges = d.edge
        ago = d.ago
        peaks = d.peak
        changed = [i for i in range(len(edges)) if edges[i]]
        actions = self.actions
        if actions is not None:
            for i in changed:
                actions.edge(i, edges[i] == ON, now - ago[i], peaks[i], self.now)
        for i in changed:
            on = edges[i] == ON
            self.link.send(
                '"type":"event",',
                ',"id":%d,"label":%s,"edge":"%s","t":%d,"%s":%s'
                % (
                    d.id[i],
                    self._labels[i],
                    "on" if on else "off",
                    now - ago[i],
                    "score" if on else "peak",
                    decimal(peaks[i], 3),
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
