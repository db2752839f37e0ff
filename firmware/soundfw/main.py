"""The application: model, pipeline, commands, safe mode. On a board: `import soundfw.main; soundfw.main.main()`.

What a board that listens has no use for is imported where it is needed: the start (starting.py) and what it needs,
which is let go again, the commands, rules. A board that loads soundfw from files has room for
some of it, but not for all at once.
"""

import gc

from . import VERSION, FirmwareError, platform, storage
from .health import Stopwatch, clock_ms
from .platform import const, heap_free
from .wire.framing import text
from .wire.link import Link, send_error

PROGRAM = "main.py"  # of the user
_CATCH_UP = const(8)  # blocks of sound at most that the next command waits for: a board may always be behind
_TALKING = const(32)  # turns of one block after a command: the next one need not wait for a step of the model
_open = []  # the applications of this board that may still be listening, or whose end the host still waits for


class _Settings:
    """The values of settings, without the class that has checked them."""


class App:
    """The application, on a board as in the simulator.

    settings: Settings. open_source(rate_hz) returns the sound source (see mic.microphone); None: this board's. write,
    read: see Link.
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
        open_stream=None,
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
        self.keeps_files = bool(settings.folder or model is None)
        self.open_source = open_source
        self.open_stream = open_stream
        self.model = model
        self.stopwatch = stopwatch or Stopwatch()
        self.saved_error = None
        self.hook = hook
        self.hook_error = ""
        self.held_bytes = 0  # of the heap, by the model
        self.name = ""
        self._pins = pins
        self._actions = None
        self._slots = None
        self._kept_slots = None  # what those said that have been let go
        self._push = None
        self._started = started
        self._elapsed_ms = clock_ms()
        self._talking = 0  # turns
        self.in_blocks = False  # always: see Pipeline
        self.sha256 = ""
        self.rate_hz = 0

    @property
    def actions(self):
        """The rules and the LED, act.actions.Actions: loaded when the settings have some, or someone asks."""
        if self._actions is None:
            from .act.actions import Actions

            self._actions = Actions(self.settings, self._pins)
            pipeline = self.pipeline
            if pipeline is not None:
                self._actions.start(pipeline.detector.labels, self.rate_hz)
                pipeline.actions = self._actions
        return self._actions

    @property
    def has_actions(self):
        """True once the rules and the LED are loaded."""
        return self._actions is not None

    @property
    def slots(self):
        """The storage.model_slots.ModelSlots; None on a board that keeps no models."""
        if self._slots is None and self.keeps_files:
            from .storage.model_slots import ModelSlots

            self._slots = ModelSlots(self.settings.folder, self._kept_slots)
        return self._slots

    @property
    def push(self):
        """The storage.push.Push; None on a board that keeps no models."""
        if self._push is None and self.keeps_files:
            from .storage.push import Push

            self._push = Push(self.slots)
        return self._push

    def start(self):
        """Load the model and send hello."""
        try:
            if self.settings.led["kind"] != "none" or self.settings.actions != {}:
                self.actions  # noqa: B018
            if not self.error:
                self._open()
        except FirmwareError as e:
            self.error = e.args
        except MemoryError:
            self.error = ("start.memory", "the model does not fit into this board's memory")
        finally:
            self._let_go()
        self.send_hello()
        if self.error:
            send_error(self.link, "start", self.error[0], self.error[1])
        for sentence in self._broken():
            send_error(self.link, "action", "action.broken", sentence)
        if self.hook_error:
            send_error(self.link, "on_event", "on_event.load", self.hook_error)
        if self.saved_error:
            send_error(self.link, "keep", self.saved_error[0], self.saved_error[1])

    def _open(self):
        from .starting import opened

        model = opened(self)
        del opened
        self._forget("starting")
        from . import listening

        listening.run(self, *model)

    def _forget(self, *names):
        if platform.forget is not None:
            platform.forget(*names)

    def _let_go(self):
        """Let go of what only the start needs; whatever asks for it later loads it again."""
        self.put_away()
        self._forget("starting", "listening")
        storage.spare.clear()
        if storage.threshold is not None:
            gc.threshold(storage.threshold)
            storage.threshold = None
        if self._started:
            self._started()
        self.leave_start()
        if platform.forget is not None:
            gc.collect()

    def leave_start(self):
        """Let go of what has opened the microphone of this board: its start counts as finished."""
        self.open_source = None
        if platform.forget is not None:
            self._started = None
            platform.forget("storage.boot_counter", "storage.model_memory")

    def put_away(self):
        """Let go of what reads files and settings; whatever asks for it later loads it again."""
        if platform.forget is None or self._push is not None:
            return
        if self._slots is not None:
            self._kept_slots = self._slots.kept()
            self._slots = None
        # Its class would keep all of the settings' module.
        settings = _Settings()
        for key, value in self.settings.__dict__.items():
            setattr(settings, key, value)
        self.settings = settings
        if self._actions is not None:
            self._actions.settings = settings
        platform.forget("settings", "mic_settings", "limits")
        platform.forget("storage.files", "storage.model_slots", "storage.saved_thresholds", "storage.store")

    def open_model(self, data):
        """Return (stream, detector, name, rate_hz) of a model; FirmwareError or MemoryError if it cannot be run."""
        from .starting import open_model

        return open_model(self, data)

    def _broken(self):
        return list(self._actions.broken.values()) if self._actions is not None else ()

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
        if self.keeps_files:
            _, on_trial, back = self._kept_slots if self._slots is None and self._kept_slots else self.slots.kept()
            if on_trial:
                more = '"trial":true,'
            elif back:
                more = '"rolled_back":%s,' % text(back[:64])
            if not platform.writable():
                more += '"readonly":true,'
        if self.pipeline is not None and self.pipeline.mic.approximate:
            more += '"lost_approximate":true,'
        broken = self._broken()
        if self.hook_error or broken:
            more += '"broken":%s,' % text((self.hook_error or min(broken))[:128])
        self.link.send(
            '"type":"hello","proto":1,"fw":"%s","board":%s,"model":%s,"sha256":"%s","rate_hz":%d,%s'
            % (self._version(), text(self.settings.board), text(self.name), self.sha256, self.rate_hz, more)
        )

    def memory(self):
        """Return the bytes of heap for a model in place of the running one; 0 where Python has no such count."""
        if not heap_free():
            return 0  # CPython, where collecting may take longer than a host waits for an answer
        gc.collect()
        return heap_free() + self.held_bytes

    def step(self):
        """Run one turn; return False when the sound has ended or the host has requested an end."""
        # Most turns find no command, no sound and no event: what they ask for each time is kept small.
        link = self.link
        try:
            message = link.poll()
        except MemoryError:
            message = None
            self._refuse(link.unread_type())
        pipeline = self.pipeline
        if message is not None:
            self._talking = _TALKING
            if pipeline is not None:
                pipeline.in_blocks = True
            # One a turn: neither a host that sends on and on nor a slow command may keep sound waiting that is there.
            self._handle(message)
            # The answer leaves before the next command begins. A host that repeats a slow one would otherwise wait for
            # its own repetitions, each of which takes as long again.
            link.pump()
            self._catch_up()
            pipeline = self.pipeline
        elif self._talking:
            self._talking -= 1
            if not self._talking and pipeline is not None:
                pipeline.in_blocks = self.in_blocks
        alive = True
        actions = self._actions
        if pipeline is not None and not self.request:
            alive = pipeline.step()
        elif self.error and actions is not None:
            actions.show_safe_mode(self._elapsed_ms())
        if link.waiting:
            link.pump()
        if actions is not None and actions.hook is not None:
            self._call_hook()
        return alive and not self.request

    def _handle(self, message):
        try:
            from .wire import commands

            commands.handle(self, message)
        except MemoryError:
            self._refuse(message["type"])

    def _refuse(self, kind):
        """Answer a command for which there is no memory."""
        gc.collect()
        send_error(self.link, kind, "memory", "this board has no memory left for that")

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
        error = self._actions.run_hook()
        if error is not None:
            send_error(self.link, "on_event", "on_event.error", error)
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
        send_error(self.link, "run", self.error[0], self.error[1])

    def close(self):
        """Stop the sound and release its hardware."""
        if self._actions is not None:
            self._actions.close()
        pipeline, self.pipeline = self.pipeline, None
        if pipeline is not None:
            pipeline.mic.close()
            self.error = ("run.closed", "the sound has been ended")


def _start_is_over():
    from .storage.boot_counter import start_is_over

    start_is_over()


def board_app(error=None, hook=True):
    """Make the application of this board, with its settings and its serial port. error, hook: see App."""
    from .on_board import board_app

    app = board_app(App, error, hook, _start_is_over)
    del board_app
    if platform.forget is not None:
        platform.forget("on_board", "storage.boot_counter")
    _open.append(app)
    return app


def release(app):
    """Close an application, and forget it unless the host waits for its end."""
    app.close()
    if app in _open and not app.request:
        _open.remove(app)


def finish(app):
    """Carry out the end that the host wants, once its answer has left; returns if it wants none."""
    from .ending import finish

    if app in _open:
        _open.remove(app)
    finish(app)


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
    from .storage import files

    if files.size(PROGRAM) >= 0:
        from .ending import run_program

        error = run_program(PROGRAM, _open, finish)
        if error is None:
            return
        gc.collect()
        main(error)
        return
    del files
    main()
