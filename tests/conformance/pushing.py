"""Pushes on a target with files, as lines. It runs after conformance.py, in CPython and MicroPython as it is."""

import os
from binascii import b2a_base64, hexlify
from hashlib import sha256

from soundfw.main import App
from soundfw.settings import Settings
from soundfw.wire.link import Link


class Host:
    """A host that sends commands to an application and shows the lines. data: its model, None for the image's."""

    def __init__(self, folder, data=None):
        self._commands = []
        self._maker = Link(self._keep)
        values = {"board": "conformance", "status_s": 3600, "folder": folder}
        self.app = App(Settings(values), lambda rate_hz: Bursts(30000), self._show, self._read, model=data)
        self.app.start()
        self.app.step()

    def _keep(self, line):
        self._commands.append(bytes(line))
        return len(line)

    def _show(self, lines):
        for line in bytes(lines).split(b"\n"):
            if line and b"push.data" not in line:
                show(line.decode())
        return len(lines)

    def _read(self):
        return self._commands.pop(0) if self._commands else b""

    def tell(self, kind, members=""):
        self._maker.send('"type":"%s",' % kind, members)
        self._maker.pump()
        self.app.step()

    def push(self, model, arena=0):
        digest = model.digest() if hasattr(model, "digest") else hexlify(sha256(model).digest()).decode()
        self.tell("push.begin", ',"size":%d,"sha256":"%s","arena":%d' % (len(model), digest, arena))
        for at in range(0, len(model), 600):
            self.tell("push.data", ',"at":%d,"data":"%s"' % (at, b2a_base64(model[at : at + 600])[:-1].decode()))
        self.tell("push.commit")
        show("request", self.app.request)

    def hear(self, turns):
        while turns and self.app.step():
            turns -= 1


def pushed(data, other, folder):
    """Push a model twice: leave it unconfirmed, then confirm it."""
    os.mkdir(folder)
    Host(folder, data).push(other)
    Host(folder, data)
    host = Host(folder, data)
    host.push(other)
    host = Host(folder, data)
    host.tell("push.confirm")
    host.hear(90)
    host.tell("set", ',"label":"high","on":900,"keep":true')
    host.tell("push.confirm")
    host = Host(folder, data)
    t = host.app.pipeline.detector.thresholds[0]
    show("kept", t.on, t.off, host.app.sha256[:8])
    for name in ("slots.json", "set.json", "slot_a.tflite", "slot_b.tflite"):
        try:
            os.remove(folder + "/" + name)
        except OSError:
            show("no file", name)
    os.rmdir(folder)
