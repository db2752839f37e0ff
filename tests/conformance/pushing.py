"""A push on a target with files, as lines. Runs behind conformance.py, in CPython and MicroPython as it is."""


def pushed(data, other, folder):
    """A push on a target with files: what hello says after each start."""
    import os
    from binascii import b2a_base64, hexlify
    from hashlib import sha256

    from soundfw.link import Link
    from soundfw.main import App
    from soundfw.settings import Settings

    try:
        os.mkdir(folder)
    except OSError:
        pass
    commands = []
    maker = Link(lambda line: commands.append(bytes(line)) or len(line))

    def write(line):
        for each in bytes(line).split(b"\n"):
            if each:
                show(each.decode())
        return len(line)

    def read():
        return commands.pop(0) if commands else b""

    def start(turns):
        app = App(
            Settings({"board": "conformance", "status_s": 3600, "folder": folder}),
            lambda rate_hz: Bursts(30000),
            write,
            read,
            model=data,
        )
        app.start()
        while turns and app.step():
            turns -= 1
        return app

    def tell(app, kind, members=""):
        maker.send('"type":"%s",' % kind, members)
        maker.pump()
        app.step()

    app = start(3)
    tell(app, "push.begin", ',"size":%d,"sha256":"%s"' % (len(other), hexlify(sha256(other).digest()).decode()))
    for at in range(0, len(other), 600):
        piece = b2a_base64(other[at : at + 600])[:-1].decode()
        tell(app, "push.data", ',"at":%d,"data":"%s"' % (at, piece))
    tell(app, "push.commit")
    show("request", app.request)
    start(1)
    app = start(1)
    tell(app, "push.begin", ',"size":%d,"sha256":"%s"' % (len(other), hexlify(sha256(other).digest()).decode()))
    for at in range(0, len(other), 600):
        piece = b2a_base64(other[at : at + 600])[:-1].decode()
        tell(app, "push.data", ',"at":%d,"data":"%s"' % (at, piece))
    tell(app, "push.commit")
    app = start(90)
    tell(app, "set", ',"label":"high","on":900,"keep":true')
    tell(app, "push.confirm")
    app = start(1)
    t = app.pipeline.detector.thresholds[0]
    show("kept", t.on, t.off, app.sha256[:8])
    for name in ("slots.json", "set.json", "slot_a.tflite", "slot_b.tflite"):
        try:
            os.remove(folder + "/" + name)
        except OSError:
            show("no file", name)
    os.rmdir(folder)
