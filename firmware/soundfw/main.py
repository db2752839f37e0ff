"""The application: settings, model, pipeline, safe mode. On a board: `import soundfw.main; soundfw.main.main()`."""

import gc
import json

from . import VERSION, FirmwareError, platform
from . import settings as settings_file
from .act.actions import Actions, WaitingEvents
from .detect.detector import from_stream
from .health import Stopwatch, clock_ms, stopwatch
from .mic import microphone
from .pipeline import Pipeline
from .platform import const, error_text, heap_free
from .storage import files, model_memory, saved_thresholds, store
from .storage.boot_counter import BootCounter
from .storage.model_slots import ModelSlots
from .storage.push import Push
from .wire import commands
from .wire.framing import text
from .wire.link import Link
from .wire.telemetry import Telemetry

_PROGRAM = "main.py"  # of the user
_CATCH_UP = const(8)  # blocks of sound at most that the next command waits for: a board may always be behind
_open = []  # the applications of this board that may still be listening, or whose end the host still waits for


def open_stream(data):
    """Open a soundcore.Stream over a model's bytes; FirmwareError with soundcore's code if it is refused."""
    import soundcore

    try:
        return soundcore.Stream(data)
    except soundcore.Error as e:
        raise FirmwareError(e.args[0], e.args[1])


class App:
    """The application, on a board as in the simulator.

    settings: Settings. open_source(rate_hz) returns the sound source (see mic.microphone). write, read: see Link.
    model: bytes, or None to load settings.model; a pushed model comes before both. After a start that fails it is in
    safe mode: it answers commands, and `error` holds (code, detail). Given an `error`, it starts in safe mode.
    started(): called when the start is over, whether it has failed or not. pins: see act.pins (default: this board's).
    hook: call the function of a user's on_event.py, if there is that file.
    """

    def __init__(
        self,
        settings,
        open_source,
        write,
        read=None,
        model=None,
        stopwatch=None,
        open_stream=open_stream,
        error=None,
        pins=None,
        hook=True,
        started=None,
    ):
        self.settings = settings
        self.link = Link(write, read, settings.queue_lines)
        self.pipeline = None
        self.error = error
        self.request = ""  # the end that the host wants: "reboot", "restart", "bootloader" or none
        self.bootloader = None  # the function that enters the boot loader, on boards that have one
        # With a model and no folder given, the application leaves files alone.
        self.slots = ModelSlots(settings.folder) if settings.folder or model is None else None
        self.push = Push(self.slots) if self.slots else None
        self._open_source = open_source
        self._open_stream = open_stream
        self._model = model
        self._stopwatch = stopwatch or Stopwatch()
        self.saved_error = None
        self.actions = Actions(settings, pins)
        self._hook = hook
        self._started = started
        self._hook_error = ""
        self._elapsed_ms = clock_ms()
        self._held_bytes = 0  # of the heap, by the model
        self._name = ""
        self.sha256 = ""
        self.rate_hz = 0

    def start(self):
        """Load the model and send hello."""
        try:
            if not self.error:
                self._start()
        except FirmwareError as e:
            self.error = e.args
        except MemoryError:
            self.error = ("start.memory", "the model does not fit into this board's memory")
        finally:
            model_memory.release()
            if self._started:
                self._started()
        self.send_hello()
        if self.error:
            commands.send_error(self.link, "start", self.error[0], self.error[1])
        for sentence in self.actions.broken.values():
            commands.send_error(self.link, "action", "action.broken", sentence)
        if self._hook_error:
            commands.send_error(self.link, "on_event", "on_event.load", self._hook_error)
        if self.saved_error:
            commands.send_error(self.link, "keep", self.saved_error[0], self.saved_error[1])

    def _load(self):
        """Return (bytes, sha256) of the pushed model, else of the one given, else of settings.model."""
        pushed = self.slots.load() if self.slots else None
        if pushed is not None:
            return pushed
        data = self._model
        if data is None:
            data = store.load(files.join(self.settings.folder, self.settings.model))
        return data, store.sha256(data)

    def open_model(self, data):
        """Return (stream, detector, name, rate_hz) of a model; FirmwareError or MemoryError if it cannot be run."""
        stream = self._open_stream(data)
        model_memory.keep_ring()
        metadata = json.loads(bytes(stream.metadata))
        detector = from_stream(stream, metadata)
        name = metadata.get("name")
        if not isinstance(name, str) or not 0 < len(name.encode()) <= 64:
            raise FirmwareError("meta.name", "the model's name must be a text of 1..64 bytes")
        return stream, detector, name, metadata["frontend"]["rate_hz"]

    def _open_any(self):
        """Open the first model that can be run; return open_model's result and the model's hash."""
        if self.slots:
            self.slots.begin()
        while True:
            model_memory.release()
            try:
                data, sha256 = self._load()
                opened = self.open_model(data)
                self._held_bytes = opened[0].arena_size + model_memory.held_bytes(data)
                return opened, sha256
            except FirmwareError as e:
                if not self.slots or not self.slots.fall_back(e.args[0]):
                    raise
            except MemoryError:
                trial = self.slots and self.slots.on_trial
                if not self.slots or not self.slots.fall_back("start.memory"):
                    raise
                if trial:
                    # The heap is in pieces now, perhaps too small for the old model: a restart gives it a whole one.
                    self.request = "restart"
            data = None
            gc.collect()

    def _start(self):
        settings = self.settings
        (stream, detector, name, rate_hz), sha256 = self._open_any()
        if self.slots:
            try:
                saved_thresholds.apply(settings.folder, sha256, detector)
            except FirmwareError as e:
                self.saved_error = e.args
        self.actions.start(detector.labels, rate_hz)
        if self._hook and self.slots:
            self._load_hook(stream.step_samples, rate_hz)
        block_samples = min(settings.block_samples, stream.step_samples)
        if heap_free():
            # MicroPython takes a large function's frame from the heap, at each call, and looks for room from the first
            # gap on: with the start's garbage still there, that took 2 ms of every 128.
            gc.collect()
        # Last: sound comes in from here on, and any delay before the first read would lose some.
        mic = microphone.Mic(self._open_source(rate_hz), block_samples, settings.blocks)
        self._name = name
        self.sha256 = sha256
        self.rate_hz = rate_hz
        telemetry = Telemetry(stream, detector, self.link)
        self.pipeline = Pipeline(
            mic, stream, detector, self.link, rate_hz, settings.status_s, self._stopwatch, telemetry, self.actions
        )

    def _load_hook(self, step_samples, rate_hz):
        """Load the user's on_event.py; what is wrong with it is reported and stops nothing."""
        folder = self.settings.folder
        if files.size(files.join(folder, "on_event.py")) < 0:
            return
        from .act import user_hook

        try:
            function = user_hook.load(folder)
        except FirmwareError as e:
            self._hook_error = e.args[1]
            return
        self.actions.events = WaitingEvents()
        self.actions.hook = user_hook.UserHook(function, stopwatch(), step_samples * 1000000 // rate_hz)

    def _version(self):
        build = self.settings.build
        return VERSION + "+" + build if build else VERSION

    def send_hello(self):
        """Send hello, with the rate that turns `t` into seconds. In safe mode model and sha256 are empty.

        trial: the model waits for push.confirm; rolled_back: the reason why a pushed model does not run. broken: the
        first rule, or on_event.py, that cannot be used. readonly: a computer has the drive, nothing can be kept.
        lost_approximate: the losses in status are derived from the clock.
        """
        more = ""
        if self.slots and self.slots.on_trial:
            more = '"trial":true,'
        elif self.slots and self.slots.back:
            more = '"rolled_back":%s,' % text(self.slots.back[:64])
        if self.slots and not platform.writable():
            more += '"readonly":true,'
        if self.pipeline is not None and self.pipeline.mic.approximate:
            more += '"lost_approximate":true,'
        if self._hook_error or self.actions.broken:
            more += '"broken":%s,' % text((self._hook_error or min(self.actions.broken.values()))[:128])
        self.link.send(
            '"type":"hello","proto":1,"fw":"%s","board":%s,"model":%s,"sha256":"%s","rate_hz":%d,%s'
            % (self._version(), text(self.settings.board), text(self._name), self.sha256, self.rate_hz, more)
        )

    def memory(self):
        """Return the bytes of heap for a model in place of the running one; 0 where Python has no such count."""
        if not heap_free():
            return 0  # CPython, where collecting may take longer than a host waits for an answer
        gc.collect()
        return heap_free() + self._held_bytes

    def step(self):
        """Run one turn; return False when the sound has ended or the host has requested an end."""
        # Most turns find no command, no sound and no event: what they ask for each time is kept small.
        message = self.link.poll()
        if message is not None:
            # One a turn: neither a host that sends on and on nor a slow command may keep sound waiting that is there.
            commands.handle(self, message)
            # The answer leaves before the next command begins. A host that repeats a slow one would otherwise wait for
            # its own repetitions, each of which takes as long again.
            self.link.pump()
            self._catch_up()
        alive = True
        if self.pipeline is not None and not self.request:
            alive = self.pipeline.step()
        elif self.error:
            self.actions.show_safe_mode(self._elapsed_ms())
        self.link.pump()
        if self.actions.hook is not None:
            self._call_hook()
        return alive and not self.request

    def _catch_up(self):
        """Hear the sound that came during a command, before the next command.

        A turn hears one block: the microphone keeps a quarter of a second, and one `set` after the other would fill it.
        """
        for _ in range(_CATCH_UP):
            if self.pipeline is None or self.request or not self.pipeline.mic.behind():
                return
            self.pipeline.step()
            self.link.pump()

    def _call_hook(self):
        error = self.actions.run_hook()
        if error is not None:
            commands.send_error(self.link, "on_event", "on_event.error", error)
            self.link.pump()

    def turn(self):
        """Run step(); an error in it leads to safe mode."""
        try:
            return self.step()
        except Exception as e:
            self.fail("run.failed", e)
            return True

    def fail(self, code, error):
        """Enter safe mode because of an exception."""
        self.close()
        self.error = error.args if isinstance(error, FirmwareError) else (code, repr(error))
        commands.send_error(self.link, "run", self.error[0], self.error[1])

    def close(self):
        """Stop the sound and release its hardware."""
        self.actions.close()
        pipeline, self.pipeline = self.pipeline, None
        if pipeline is not None:
            pipeline.mic.close()
            self.error = ("run.closed", "the sound has been ended")


def board_app(error=None, hook=True):
    """Make the application of this board, with its settings and its serial port. error, hook: see App."""
    boots = BootCounter()
    if not boots.begin():
        error = error or ("start.repeated", "the last starts ended in a reset; the next one is tried again")
    files.finish("settings.json")
    try:
        settings = settings_file.load("settings.json", read=files.read_written)
    except FirmwareError as e:
        error = error or e.args
        settings = settings_file.Settings(settings_file.of_board())

    def open_source(rate_hz):
        # Flash must not be written while sound comes in: that stops the interrupts that carry it.
        boots.done()
        return microphone.open_source(settings.mic, rate_hz, ready=model_memory.release)

    port = platform.open_port()
    app = App(
        settings, open_source, port.write, port.read, stopwatch=stopwatch(), error=error, started=boots.done, hook=hook
    )
    app.bootloader = platform.bootloader
    _open.append(app)
    return app


def release(app):
    """Close an application, and forget it unless the host waits for its end."""
    app.close()
    if app in _open and not app.request:
        _open.remove(app)


def finish(app):
    """Carry out the end that the host wants, once its answer has left; returns if it wants none."""
    if app in _open:
        _open.remove(app)
    for _ in range(1000):
        if app.link.pump():
            break
    if app.request == "reboot":
        platform.reset()
    if app.request == "restart":
        # This clears the memory as a power-on does, but keeps the port open.
        platform.restart()
    if app.request == "bootloader":
        app.bootloader()


def main(error=None):
    """Run on a board until Ctrl-C, which leaves to the REPL. Every other error ends in safe mode.

    error: (code, detail), to start in safe mode with it.
    """
    app = board_app(error)
    try:
        try:
            app.start()
        except Exception as e:
            app.fail("start.failed", e)
        while app.turn():
            pass
    finally:
        app.close()
    finish(app)


def start():
    """Run the user's main.py if the board has one, else the detector. What that raises leads to safe mode."""
    if files.size(_PROGRAM) < 0:
        main()
        return
    try:
        exec(compile(files.read(_PROGRAM).decode(), _PROGRAM, "exec"), {"__name__": "__main__"})
    except FirmwareError as e:
        error = e.args
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as e:  # asyncio's CancelledError is no Exception
        error = ("main.failed", _PROGRAM + ": " + error_text(e, _PROGRAM))
    else:
        return
    finally:
        # Whatever ends the program, nothing may go on writing to the memory of its microphone.
        for app in _open:
            app.close()
        # The host has its answer: what it wants happens also if the program has ended before it was carried out.
        while _open:
            finish(_open[0])
    gc.collect()
    main(error)
