"""From settings to a running pipeline. On a board: `import soundfw.main; soundfw.main.main()`."""

import json

from . import VERSION, commands, mic, store
from . import settings as settings_file
from .compat import FirmwareError
from .detector import from_stream
from .health import Stopwatch, stopwatch
from .link import Link, text
from .pipeline import Pipeline
from .watch import Watch


def open_stream(data):
    """soundcore.Stream over a model's bytes; FirmwareError with soundcore's code if it is refused."""
    import soundcore

    try:
        return soundcore.Stream(data)
    except soundcore.Error as e:
        raise FirmwareError(e.args[0], e.args[1])


class App:
    """The application, on a board as in the simulator.

    settings: Settings. open_source(rate_hz) returns the sound source (see mic). write, read: see Link.
    model: bytes, or None to load settings.model. A start that fails leaves it in safe mode: it answers commands, and
    `error` holds (code, detail).
    """

    def __init__(self, settings, open_source, write, read=None, model=None, stopwatch=None, open_stream=open_stream):
        self.settings = settings
        self.link = Link(write, read, settings.queue_lines)
        self.pipeline = None
        self.error = None
        self.request = ""  # what the host asked for: "reboot" or nothing
        self._open_source = open_source
        self._open_stream = open_stream
        self._model = model
        self._stopwatch = stopwatch or Stopwatch()
        self._name = ""
        self._sha256 = ""
        self._rate_hz = 0

    def start(self):
        """Loads the model and says hello."""
        try:
            self._start()
        except FirmwareError as e:
            self.error = e.args
        except MemoryError:
            self.error = ("start.memory", "the model does not fit into this board's memory")
        self.send_hello()
        if self.error:
            commands.send_error(self.link, "start", self.error[0], self.error[1])

    def _start(self):
        settings = self.settings
        data = self._model if self._model is not None else store.load(settings.model)
        stream = self._open_stream(data)
        metadata = json.loads(bytes(stream.metadata))
        detector = from_stream(stream, metadata)
        name = metadata.get("name")
        if not isinstance(name, str) or not 0 < len(name.encode()) <= 64:
            raise FirmwareError("meta.name", "the model's name must be a text of 1..64 bytes")
        rate_hz = metadata["frontend"]["rate_hz"]
        block_samples = min(settings.block_samples, stream.step_samples)
        ring = mic.Mic(self._open_source(rate_hz), block_samples, settings.blocks)
        self._name = name
        self._sha256 = store.sha256(data)
        self._rate_hz = rate_hz
        watch = Watch(stream, detector, self.link, metadata)
        self.pipeline = Pipeline(ring, stream, detector, self.link, rate_hz, settings.status_s, self._stopwatch, watch)

    def send_hello(self):
        """rate_hz is what turns `t` into seconds. In safe mode model and sha256 are empty."""
        self.link.send(
            '"type":"hello","proto":1,"fw":"%s","board":%s,"model":%s,"sha256":"%s","rate_hz":%d,'
            % (VERSION, text(self.settings.board), text(self._name), self._sha256, self._rate_hz)
        )

    def step(self):
        """One turn; False when the sound has ended or the host asked for something that ends the application."""
        message = self.link.poll()
        while message is not None:
            commands.handle(self, message)
            if self.request:
                break
            message = self.link.poll()
        alive = True
        if self.pipeline is not None and not self.request:
            alive = self.pipeline.step()
        self.link.pump()
        return alive and not self.request


def main():
    """Runs on a board until Ctrl-C, which leaves to the REPL."""
    import machine

    from .port import Port

    settings = settings_file.load("settings.json")
    port = Port()
    app = App(
        settings, lambda rate_hz: mic.open_source(settings.mic, rate_hz), port.write, port.read, stopwatch=stopwatch()
    )
    app.start()
    while app.step():
        pass
    # The answer to `reboot` should leave before the board does.
    for _ in range(1000):
        if app.link.pump():
            break
    if app.request == "reboot":
        machine.reset()
