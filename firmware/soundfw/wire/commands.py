"""The commands of the host. Every message gets one answer: hello, status or ack.

What one of them alone needs is imported by it.
"""

from .. import FirmwareError
from ..platform import const
from .framing import text
from .link import send_ack, send_error

_HEALTHY_S = const(1)  # of sound, before a model on trial may be confirmed


def handle(app, message):
    """Carry out one message (dict with a text `type`) and answer it."""
    kind = message["type"]
    action = _ACTIONS.get(kind)
    try:
        if action is None:
            raise FirmwareError("unsupported", "this firmware does not know that command")
        action(app, message)
    except FirmwareError as e:
        send_error(app.link, kind, e.args[0], e.args[1])
    except OSError as e:
        send_error(app.link, kind, "flash.failed", "the file system fails: " + str(e))
    except MemoryError:
        send_error(app.link, kind, "memory", "this board has no memory left for that")


def _ack(app, message, more=""):
    send_ack(app.link, message, more)


def _running(app):
    if app.pipeline is None:
        raise FirmwareError(*app.error)
    return app.pipeline


def _hello(app, message):
    app.send_hello()


def _status(app, message):
    _running(app).send_status()


def _set(app, message):
    """Set thresholds or rules: label (without one, all classes), any of on, off (1/1000), min_ms, hold_ms, action.

    All or nothing. keep: true stores thresholds of all classes on the board, for this model, and rules for any model.
    """
    from ..detect.thresholds import Thresholds
    from ..limits import THRESHOLDS

    pipeline = _running(app)
    detector = pipeline.detector
    keep = message.get("keep") is True
    if keep and not app.keeps_files:
        raise FirmwareError("unsupported", "this board has nowhere to keep thresholds")
    label = message.get("label")
    rule = message.get("action")
    # A rule may be left from another detector.
    stale = rule == "none" and isinstance(label, str) and app.actions.has_rule(label)
    if label is not None and label not in detector.labels and not stale:
        raise FirmwareError("set.label", "the model has no such label")
    changed = {}
    for key, _, _, _ in THRESHOLDS:
        if key in message:
            changed[key] = message[key]
    if not changed and rule is None and not keep:
        raise FirmwareError("set.empty", "nothing to set: on, off, min_ms, hold_ms or action")
    new = []
    before = detector.thresholds
    for i in range(len(detector.labels)):
        t = before[i]
        if label is None or detector.labels[i] == label:
            t = Thresholds(*[changed.get(key, getattr(t, key)) for key, _, _, _ in THRESHOLDS])
        new.append(t)
    detector.thresholds = new
    try:
        if keep:
            from ..storage import saved_thresholds

            kept = (app.settings.folder, app.sha256, detector)
        if rule is not None:
            labels = [label] if label is not None else detector.labels
            _set_rules(app, labels, rule, keep, saved_thresholds.file_of(*kept) if keep and changed else None)
        elif keep:
            saved_thresholds.save(*kept)
    except Exception:
        detector.thresholds = before
        raise
    _ack(app, message)


def _set_rules(app, labels, rule, keep, also):
    """Set one rule for labels. keep: in the settings file as well, with another file: see saved_rules.save."""
    texts = dict.fromkeys(labels, rule)

    def save():
        from ..storage import saved_rules
        from ..storage.files import join

        saved_rules.save(app.settings.file or join(app.settings.folder, "settings.json"), texts, also)

    app.actions.change(texts, app.pipeline.now, save if keep else None)


def _model(app, message):
    """Answer with the label, thresholds and rule of a class (its index), and the number of classes."""
    detector = _running(app).detector
    i = message.get("class", 0)
    if not isinstance(i, int) or isinstance(i, bool) or not 0 <= i < len(detector.labels):
        raise FirmwareError("model.class", "the model has no such class")
    t = detector.thresholds[i]
    rule = app.has_actions and app.actions.text(detector.labels[i])
    _ack(
        app,
        message,
        ',"classes":%d,"class":%d,"label":%s,"on":%d,"off":%d,"min_ms":%d,"hold_ms":%d'
        % (len(detector.labels), i, text(detector.labels[i]), t.on, t.off, t.min_ms, t.hold_ms)
        + (',"action":' + text(rule) if rule else ""),
    )


def _watch(app, message):
    """Send scores (on) and features (mel, default true) of every step for the next 10 s of sound."""
    pipeline = _running(app)
    telemetry = pipeline.telemetry
    if telemetry is None:
        from .telemetry import Telemetry

        telemetry = pipeline.telemetry = Telemetry(pipeline.stream, pipeline.detector, app.link)
    telemetry.switch(message.get("on"), message.get("mel", True))
    _ack(app, message, telemetry.members())


def _record(app, message):
    """Start or stop a recording: seconds (1..3600), bits per sample (3, 4, 5 or 16); or stop: true."""
    pipeline = _running(app)
    if message.get("stop") is True:
        if pipeline.recorder is not None:
            pipeline.recorder.stop()
        _ack(app, message)
        return
    from .record import Recorder, requested

    seconds, bits = requested(message)
    if pipeline.recorder is not None:
        raise FirmwareError("record.busy", "a recording is running: end it with stop")
    # Half the queue stays free for events.
    pipeline.recorder = Recorder(app.link, seconds * app.rate_hz, bits, app.settings.queue_lines // 2)
    _ack(app, message)


def _push(app):
    if not app.keeps_files:
        raise FirmwareError("unsupported", "this board has nowhere to keep a model")
    return app.push


def _push_begin(app, message):
    """Begin a push: size, sha256; arena: bytes of memory the model needs to run, if the host knows."""
    push = _push(app)
    arena = message.get("arena", 0)
    if not isinstance(arena, int) or isinstance(arena, bool):
        raise FirmwareError("push.arena", "arena must be a whole number")
    at = push.begin(message.get("size"), message.get("sha256"), arena, app.memory())
    _ack(app, message, ',"at":%d' % at)


def _push_data(app, message):
    _ack(app, message, ',"at":%d' % _push(app).data(message.get("at"), message.get("data")))


def _push_commit(app, message):
    _push(app).commit()
    _ack(app, message)
    app.request = "restart"


def _push_confirm(app, message):
    _push(app)
    if app.slots.on_trial:
        pipeline = _running(app)
        # A file's sound may be over before that; a microphone's is not.
        if pipeline.now < _HEALTHY_S * app.rate_hz and not pipeline.mic.ended:
            raise FirmwareError("push.early", "the model has not run for a second yet")
        app.slots.confirm()
    elif not app.sha256 or message.get("sha256") != app.sha256:
        # A repeated confirm, whose first answer was lost, is no error.
        raise FirmwareError("push.confirm", "no model is on trial")
    _ack(app, message)


def _push_abort(app, message):
    _push(app).close()
    if app.slots.on_trial:
        app.slots.roll_back("push.aborted")
        app.request = "restart"
    app.slots.discard()
    _ack(app, message)


def _bootloader(app, message):
    if app.bootloader is None:
        raise FirmwareError("unsupported", "this board has no boot loader that software can enter")
    _ack(app, message)
    app.request = "bootloader"


def _reboot(app, message):
    _ack(app, message)
    app.request = "reboot"


_ACTIONS = {
    "hello": _hello,
    "status": _status,
    "model": _model,
    "watch": _watch,
    "set": _set,
    "record": _record,
    "push.begin": _push_begin,
    "push.data": _push_data,
    "push.commit": _push_commit,
    "push.confirm": _push_confirm,
    "push.abort": _push_abort,
    "reboot": _reboot,
    "bootloader": _bootloader,
}
