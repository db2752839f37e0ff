"""The behaviour of soundcore, as lines that must be the same in CPython and on every MicroPython target.

Runs in both as it is. It needs `pcm` of tests/vectors/frontend_pcm.py in its namespace, and something to do: program.py
puts the calls behind it. Nothing is printed that depends on the size of a pointer, and of Python's own errors only the
type, for their words differ.
"""

from array import array
from binascii import a2b_base64, crc32

import soundcore

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        pass

    def heap_unlock():
        pass


_CHUNKS = (1, 255, 256, 2048, 17, 1000, 4096)  # samples: fed in turn


def show(*values):
    print(" ".join([str(value) for value in values]))


def crc(data):
    return "%08x" % crc32(bytes(data))


def exact(quant):
    """Return (scale, zero point) as a text, without loss: a float32 scale times a power of two is exact everywhere."""
    return "%d %d" % (int(quant[0] * 1099511627776), quant[1])


class Received:
    """Bytes that come in pieces, so that a small target never sees a long literal."""

    def __init__(self, size):
        self.data = bytearray(size)
        self.at = 0

    def add(self, base64):
        piece = a2b_base64(base64)
        self.data[self.at : self.at + len(piece)] = piece
        self.at += len(piece)


def noise(buffer, seed):
    """Fill an int8 view with a linear congruential generator's values."""
    for i in range(len(buffer)):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        buffer[i] = (seed >> 24) - 128
    return seed


def frontend(settings, samples):
    """Show one golden vector, then the same sound in pieces, one of them unaligned."""
    f = soundcore.Frontend(**settings)
    sound = pcm(samples)  # noqa: F821
    out = bytearray(f.frames_after(samples) * f.width)
    heap_lock()
    try:
        frames = f.push(sound, out)
    finally:
        heap_unlock()
    show("frontend", frames, f.width, f.needed, crc(out))
    f.reset()
    raw = memoryview(sound)
    view = memoryview(out)
    frames = at = k = 0
    while at < samples:
        n = _CHUNKS[k % len(_CHUNKS)]
        piece = raw[at : at + n]
        if k % 3 == 2:
            piece = memoryview(b"\0" + bytes(piece))[1:]
        frames += f.push(piece, view[frames * f.width :])
        at += n
        k += 1
    show("frontend in pieces", frames, crc(out))


def model(name, data):
    """Show the tensors of a model and its outputs for three inputs of noise."""
    m = soundcore.Model(data)
    show("model", name, m.inputs, m.outputs, m.metadata is None)
    for i in range(m.inputs):
        show("in", i, m.input_shape(i), exact(m.input_quant(i)), len(m.input(i)))
    for i in range(m.outputs):
        show("out", i, m.output_shape(i), exact(m.output_quant(i)), len(m.output(i)))
    seed = 1
    for _ in range(3):
        for i in range(m.inputs):
            seed = noise(m.input(i), seed)
        heap_lock()
        try:
            m.invoke()
        finally:
            heap_unlock()
        show("invoked", " ".join([crc(m.output(i)) for i in range(m.outputs)]))


def stream(name, data, samples):
    """Show a detector's scores, step by step, over the test signal in chunks of all sizes."""
    s = soundcore.Stream(data)
    show("stream", name, s.step_samples, s.stepped, len(s.scores), len(s.attention), len(s.features))
    show("quant", exact(s.scores_quant), exact(s.attention_quant) if len(s.attention) else "-", crc(s.metadata))
    scores = s.scores
    attention = s.attention
    sound = memoryview(pcm(samples))  # noqa: F821
    for _ in range(2):
        at = k = 0
        while at < samples:
            piece = sound[at : at + _CHUNKS[k % len(_CHUNKS)]]
            heap_lock()
            try:
                taken = s.feed(piece)
            finally:
                heap_unlock()
            at += taken
            k += 1
            if s.stepped:
                show("step", taken, at, crc(scores), crc(attention))
        s.reset()
    show("features", s.feed(sound), s.stepped, crc(s.features))
    show("rest", s.feed(sound, samples - 100), s.stepped, s.feed(sound, samples), s.stepped)
    attempt("start past", lambda s=s: s.feed(sound, samples + 1))
    attempt("start negative", lambda s=s: s.feed(sound, -1))
    del s
    show("views outlive their stream", crc(scores), crc(attention))


def microphone(make, unit):
    """Show what a microphone's bytes become: in pieces of all sizes, at odd addresses, heap locked; wrong calls."""
    raw = bytearray(unit * 400 + 1)
    noise(raw_view(raw), 5)
    view = memoryview(raw)
    for values in ({}, {"shift": 3}, {"dc_shift": 4}, {"shift": 8, "dc_shift": 11}):
        converter = make(**values)
        out = array("h", [0] * 400)
        check = 0
        at = 0
        for k in range(7):
            n = (1, 3, 64, 17, 200, 0, 115)[k]
            piece = view[1 + at * unit : 1 + (at + n) * unit]
            to = memoryview(out)[at:]
            heap_lock()
            try:
                check += converter.convert(piece, to) * (k + 1)
            finally:
                heap_unlock()
            at += n
        converter.reset()
        again = array("h", [0] * 400)
        show("microphone", check, converter.convert(raw=view[1:], out=again), crc(out), again == out)
    attempt("too little room", lambda: converter.convert(view[1:], array("h", [0])))
    attempt("half a sample", lambda: converter.convert(bytes(unit - 1), out))
    attempt("into bytes", lambda: converter.convert(bytes(unit), bytearray(2)))
    attempt("into nothing writable", lambda: converter.convert(bytes(unit), bytes(2)))
    attempt("of int16", lambda: converter.convert(array("h", [0] * unit), out))
    attempt("of a str", lambda: converter.convert("12345678", out))
    attempt("no out", lambda: converter.convert(bytes(unit)))
    attempt("by place", lambda: make(0))
    for values in ({"shift": 9}, {"shift": -1}, {"dc_shift": 12}, {"dc_shift": 3}, {"shift": "1"}, {"colour": 1}):
        attempt("setting", lambda values=values: make(**values))


def raw_view(raw):
    """Take noise()'s int8 values as bytes."""

    class View:
        def __len__(self):
            return len(raw)

        def __setitem__(self, i, value):
            raw[i] = value & 255

    return View()


def adpcm(samples, bits):
    """Show a piece of the test signal as bytes and back, with a locked heap."""
    sound = pcm(samples)  # noqa: F821
    piece = bytearray(samples + 64)
    back = array("h", bytes(2 * samples))
    heap_lock()
    try:
        size = soundcore.adpcm_encode(sound, piece, bits)
    finally:
        heap_unlock()
    view = memoryview(piece)[:size]
    heap_lock()
    try:
        n = soundcore.adpcm_decode(view, back)
    finally:
        heap_unlock()
    show("adpcm", bits, size, n, crc(view), crc(back))


def longest(name, data, hops):
    """Run many steps with a locked heap: the loop of the firmware between microphone and scores."""
    s = soundcore.Stream(data)
    sound = memoryview(pcm(s.step_samples))  # noqa: F821
    scores = s.scores
    total = steps = i = 0
    heap_lock()
    try:
        while i < hops:
            at = 0
            while at < len(sound):
                at += s.feed(sound, at)
                steps += s.stepped
            total = (total * 31 + scores[0]) & 0xFFFFFF
            i += 1
    finally:
        heap_unlock()
    show("locked heap", name, steps, total)


def decisions(name, data, steps, softmax, pool_ms):
    """Show the events that a detector makes of logits and levels that come and go, and a sum of all its scores."""
    s = soundcore.Stream(data)
    d = s.detector(array("H", [600, 400, 200, 300] * len(s.scores)), softmax, pool_ms)
    seed = 1
    total = now = 0
    for k in range(steps):
        for view in (s.scores, s.attention):
            for i in range(len(view)):
                seed = (seed * 1229 + 1) & 4095
                if seed < 600:
                    view[i] = (seed & 255) - 128
        for i in range(0, len(s.features), 7):
            s.features[i] = (k // 20 & 1) * 60 - 90 + (seed & 7)
        now += s.step_samples
        if d.step(now):
            show("decided", k, list(d.edge), list(d.id), list(d.ago), list(d.peak))
        for score in d.scores:
            total = (total * 31 + score) & 0xFFFFFF
    show("decisions", name, softmax, pool_ms, total, d.close(now + 100), list(d.edge), list(d.ago))
    level = soundcore.SoundLevel()
    sound = pcm(5000)  # noqa: F821
    level.add(sound)
    show("level", level.read(), level.read())
    level.add(bytes(9000))
    show("level", level.read())


class Bursts:
    """A microphone with a second of a square wave, 3200 Hz and 500 Hz in turn, then a second of hiss."""

    def __init__(self, samples):
        self._left = samples
        self._at = 0
        self._seed = 1

    def readinto(self, buf):
        n = min(len(buf), self._left)
        for i in range(n):
            self._seed = (self._seed * 1229 + 1) & 4095
            value = (self._seed >> 6) - 32
            second = self._at // 16000
            if not second & 1:
                period = 32 if second & 2 else 5
                value += 3000 if self._at % period * 2 < period else -3000
            buf[i] = value
            self._at += 1
        self._left -= n
        return 2 * n


def lines(data, samples, block_samples):
    """Show the firmware's own lines: hello, and the events in that sound."""
    from soundfw.main import App
    from soundfw.settings import Settings

    def write(data):
        text = bytes(data).decode().strip("\n")
        if text:
            show(text)
        return len(data)

    values = {"board": "conformance", "status_s": 3600, "block_samples": block_samples}
    app = App(Settings(values), lambda rate_hz: Bursts(samples), write, model=data)
    app.start()
    while app.step():
        pass


def recorded(data, bits):
    """Show the lines of a board that is asked to record for a second while it hears that sound."""
    from soundfw.main import App
    from soundfw.settings import Settings
    from soundfw.wire.framing import text
    from soundfw.wire.link import Link

    acks = []
    commands = []
    maker = Link(lambda line: commands.append(bytes(line)) or len(line))
    totals = [0, 0, 0]  # lines, the longest, CRC: a small target has no room for the lines themselves

    def write(line):
        line = bytes(line).strip(b"\n")
        if b'"audio"' in line:
            totals[0] += 1
            totals[1] = max(totals[1], len(line))
            totals[2] = crc32(line, totals[2])
        elif b'"ack"' in line:
            acks.append(line)
        return len(line)

    def read():
        return commands.pop(0) if commands else b""

    values = {"board": "conformance", "status_s": 3600, "block_samples": 300, "queue_lines": 4}
    app = App(Settings(values), lambda rate_hz: Bursts(30000), write, read, model=data)
    app.start()
    maker.send('"type":"record",', ',"seconds":1,"bits":%d' % bits)
    maker.send('"type":"record",', ',"seconds":1,"label":%s' % text("busy"))
    maker.pump()
    while app.step():
        pass
    show("recorded", bits, totals[0], totals[1], "%08x" % totals[2])
    for line in acks:
        show(line.decode())


def _refusal(make, data):
    try:
        make(data)
    except soundcore.Error as e:
        return "%s: %s" % e.args
    return "accepted"


def refused(name, make, data):
    """Show one line for a file that cannot be used."""
    show("refused", name, _refusal(make, data))


def altered(name, data, step):
    """Show the answers to a file with a byte altered, for every step-th byte; and cut short at each of these places."""
    check = 0
    accepted = 0
    whole = bytearray(data)
    view = memoryview(whole)
    for at in range(0, len(whole), step):
        before = whole[at]
        for value in (0, 255, before ^ 4):
            whole[at] = value
            answer = _refusal(soundcore.Model, whole)
            accepted += answer == "accepted"
            check = crc32(answer.encode(), check)
        whole[at] = before
        check = crc32(_refusal(soundcore.Model, view[:at]).encode(), check)
    show("altered", name, accepted, "%08x" % check)


def settings(**values):
    """Show the answer to settings that the frontend may refuse."""
    try:
        f = soundcore.Frontend(**values)
    except soundcore.Error as e:
        return "%s: %s" % e.args
    return "accepted, width %d" % f.width


def attempt(what, function):
    """Show the type of the error that a wrong call ends with."""
    try:
        show("call", what, function())
    except Exception as e:
        show("call", what, type(e).__name__, e.args if type(e) is soundcore.Error else "")


def calls(data):
    """Make calls with arguments by place and by name, and calls that are refused."""
    f = soundcore.Frontend()
    m = soundcore.Model(buf=data)
    s = soundcore.Stream(buf=data)
    out = bytearray(4 * f.width)
    sound = array("h", [0] * 1024)
    show("error", issubclass(soundcore.Error, ValueError), soundcore.FRONTEND_VERSION, soundcore.Frontend.VERSION)
    attempt("push by name", lambda: f.push(pcm=sound, out=out))
    attempt("push bytes", lambda: f.push(bytes(512), out))
    attempt("push into a memoryview", lambda: f.push(b"", memoryview(out)))
    attempt("push into int8", lambda: f.push(b"", array("b", out)))
    attempt("too little room", lambda: f.push(sound, bytearray(1)))
    attempt("half a sample", lambda: f.push(b"123", out))
    attempt("str", lambda: f.push("1234", out))
    attempt("uint16", lambda: f.push(array("H", [1, 2]), out))
    attempt("int32", lambda: f.push(array("i", [1, 2]), out))
    attempt("no buffer", lambda: f.push(None, out))
    attempt("int16 out", lambda: f.push(b"12", array("h", [1, 2])))
    attempt("no out", lambda: f.push(b"12"))
    attempt("three arguments", lambda: f.push(b"12", out, 1))
    attempt("frames_after", lambda: (f.frames_after(n=512), f.frames_after(0), f.frames_after(100000)))
    attempt("frames_after -1", lambda: f.frames_after(-1))
    attempt("frames_after float", lambda: f.frames_after(1.0))
    attempt("setting by place", lambda: soundcore.Frontend(16000))
    attempt("unknown setting", lambda: soundcore.Frontend(colour=1))
    attempt("float setting", lambda: soundcore.Frontend(bands=40.0))
    attempt("text setting", lambda: soundcore.Frontend(bands="40"))
    attempt("setting of 33 bits", lambda: soundcore.Frontend(bands=(1 << 32) + 40))
    attempt("setting of 80 bits", lambda: soundcore.Frontend(bands=(1 << 80) + 40))
    attempt("input by name", lambda: len(m.input(i=0)))
    attempt("no such input", lambda: m.input(m.inputs))
    attempt("no such output", lambda: m.output_quant(m.outputs))
    attempt("input -1", lambda: m.input(-1))
    attempt("input text", lambda: m.input_shape("0"))
    attempt("model of str", lambda: soundcore.Model("TFL3"))
    attempt("model of None", lambda: soundcore.Model(None))
    attempt("model of nothing", lambda: soundcore.Model(b""))
    attempt("no model", lambda: soundcore.Model())
    attempt("feed by name", lambda: s.feed(pcm=sound))
    attempt("feed str", lambda: s.feed("12"))
    attempt("feed half a sample", lambda: s.feed(b"123"))
    rules = array("H", [600, 400, 0, 0] * len(s.scores))
    detector = s.detector(rules, True, 0)
    attempt("detector without rules", lambda: s.detector(rules[:3], True, 0))
    attempt("detector with other rules", lambda: s.detector(bytes(99), True, 0))
    attempt("detector of a minute and more", lambda: s.detector(rules, True, 60001))
    attempt("detector alone", lambda: type(detector)())
    attempt("step to nothing", lambda: detector.step(None))
    attempt("step far on", lambda: detector.step(1 << 40))
    attempt("score stored", lambda: setattr(detector, "scores", 1))
    attempt("level of text", lambda: soundcore.SoundLevel().add("12"))
    attempt("level of half a sample", lambda: soundcore.SoundLevel().add(b"1"))
    attempt("level with settings", lambda: soundcore.SoundLevel(bits=1))
    piece = bytearray(32)
    size = soundcore.adpcm_encode(pcm=array("h", [5, 6, 7]), out=piece)
    back = array("h", [0, 0, 0])
    attempt("adpcm", lambda: (size, crc(piece[:size]), soundcore.adpcm_decode(data=piece[:size], out=back), list(back)))
    attempt("adpcm to bytes", lambda: soundcore.adpcm_decode(piece[:size], bytearray(6)))
    attempt("adpcm unaligned", lambda: soundcore.adpcm_encode(memoryview(b"0123456")[1:], piece, bits=5))
    attempt("adpcm bits", lambda: soundcore.adpcm_encode(b"12", piece, 6))
    attempt("adpcm bits text", lambda: soundcore.adpcm_encode(b"12", piece, "4"))
    attempt("adpcm of nothing", lambda: soundcore.adpcm_encode(b"", piece))
    attempt("adpcm without room", lambda: soundcore.adpcm_encode(bytes(200), piece))
    attempt("adpcm into nothing", lambda: soundcore.adpcm_encode(b"12", None))
    attempt("adpcm into int16", lambda: soundcore.adpcm_encode(b"12", array("h", [0] * 9)))
    attempt("adpcm back without room", lambda: soundcore.adpcm_decode(piece[:size], bytearray(5)))
    attempt("adpcm of other bytes", lambda: soundcore.adpcm_decode(b"12345678901", bytearray(99)))
    attempt("adpcm of text", lambda: soundcore.adpcm_decode("12345678901", bytearray(99)))
    attempt("adpcm no out", lambda: soundcore.adpcm_decode(b"12"))
    attempt("store", lambda: setattr(s, "scores", 1))
    attempt("store another", lambda: setattr(m, "name", 1))
    attempt("unknown attribute", lambda: f.colour)
    attempt("view is writable", lambda: m.input(0).__setitem__(0, 3) if hasattr(m.input(0), "__setitem__") else None)
    m.input(0)[0] = 5
    attempt("views are live", lambda: m.input(0)[0])
