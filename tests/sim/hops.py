"""A MicroPython program: the firmware's loop from microphone to scores with a locked heap, and one that allocates.

It runs on an image with a detector. Blocks of 256 samples come as an I2S driver's slots. No event is sent, because a
line is a new string; but edges go to the rules of two classes, whose outputs are switched all the time.
"""

import json

import micropython
import soundcore

from soundfw.act.actions import Actions, WaitingEvents
from soundfw.act.pins import NoPins
from soundfw.detect.core_detector import open_detector
from soundfw.detect.thresholds import Thresholds
from soundfw.health import Stopwatch
from soundfw.mic.microphone import Mic
from soundfw.pipeline import Pipeline
from soundfw.settings import Settings
from soundfw.storage import store
from soundfw.wire.telemetry import Telemetry

BLOCK = 256


class I2sSource:
    """A source that goes round through slots of noise and tones; every step of the model hears something else."""

    def __init__(self):
        self._unpacker = soundcore.I2sUnpacker(bits=32, shift=1, dc_shift=8)
        self._raw = []
        seed = 1
        for k in range(11):
            raw = bytearray(4 * BLOCK)
            for i in range(BLOCK):
                seed = (seed * 1229 + 1) & 4095
                value = (seed >> k) + (3000 if i % (2 * k + 4) < k + 2 else -3000)
                raw[4 * i + 2] = value & 255
                raw[4 * i + 3] = (value >> 8) & 255
            self._raw.append(raw)
        self._at = 0

    def readinto(self, buf):
        self._at = (self._at + 1) % len(self._raw)
        return 2 * self._unpacker.convert(self._raw[self._at], buf)


class Careless(I2sSource):
    """Allocates once in 50 blocks."""

    def readinto(self, buf):
        if self._at % 10 == 5:
            self.rest = bytes(9)
        return I2sSource.readinto(self, buf)


class NoLink:
    waiting = 0

    def __init__(self):
        self.sent = 0

    def send(self, before, after=""):
        self.sent += 1


def loop(source, hops):
    """Run so many blocks and print a checksum of the scores; MemoryError if anything allocates on the way."""
    stream = soundcore.Stream(store.load("none"))
    detector = open_detector(stream, json.loads(bytes(stream.metadata)))
    # No class becomes an event.
    detector.thresholds = [Thresholds(1000, 1000, 60000, 0) for _ in detector.labels]
    link = NoLink()
    # Neither telemetry nor a recording is on.
    telemetry = Telemetry(stream, detector, link)
    rules = ["pin:2,low,60ms+tone:3,900hz,pulse,50ms,2+pin:5,high", "led,blink,100ms+pin:6,blink,100ms,1s"]
    pins = NoPins()
    texts = {detector.labels[k]: rules[k] for k in range(2)}
    actions = Actions(Settings({"actions": texts, "led": {"kind": "gpio", "pin": 4}}), pins)
    actions.start(detector.labels, 16000)
    actions.events = WaitingEvents()
    pipeline = Pipeline(Mic(source, BLOCK), stream, detector, link, 16000, 3600, Stopwatch(), telemetry, actions)
    switched = 0
    seen = 0
    i = 0
    micropython.heap_lock()
    try:
        while i < hops:
            pipeline.step()
            if i % 5 == 0:
                # Each class in turn begins, and ends ten hops later.
                actions.edge(i // 5 % 2, i // 10 % 2 == 0, pipeline.now, 900, pipeline.now)
            switched += pins.state[2] + (pins.state[3] > 0) + pins.state[4] + pins.state[5] + pins.state[6]
            seen = (seen * 31 + detector.scores[0] + pipeline.now) & 0xFFFFFF
            i += 1
    finally:
        micropython.heap_unlock()
    acted = ("acted", actions.acted, switched)
    print("hops", i, "at", pipeline.now, "lost", pipeline.mic.lost, "lines", link.sent, "scores", seen, *acted)


def careless():
    try:
        loop(Careless(), 20)
    except MemoryError:
        print("caught")
    else:
        print("missed")
