"""Programs on a board that loses its power at a given moment, run by MicroPython's unix program: see StockFlash.run.

    micropython stock_cut.py SETTINGS.json

SETTINGS: `repl`, the path of stock_repl.py; `flash`, as there; `programs`, files that are run one after the
other as in one session of the raw REPL; `cut`: the number of the change to the file system at which the power goes,
before it is done (0: never). The exit code is 9 then, 1 after an exception. The last line tells how many there were.
"""

import builtins
import json
import os
import sys

CUT = 9
host_open = builtins.open


class Power:
    """Counts the changes to the file system, and goes at one of them."""

    def __init__(self, cut):
        self.cut = cut
        self.changes = 0

    def change(self):
        self.changes += 1
        if self.changes == self.cut:
            sys.exit(CUT)


class Os:
    """The module `os`, whose changes are counted."""

    def __init__(self, power):
        self._power = power

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in ("rename", "remove", "mkdir", "rmdir"):
            return real

        def counted(*arguments):
            self._power.change()
            return real(*arguments)

        return counted


class Written:
    """A file that is written, whose writes are counted."""

    def __init__(self, power, file):
        self._power = power
        self._file = file

    def write(self, data):
        self._power.change()
        return self._file.write(data)

    def close(self):
        self._file.close()


def main(settings):
    """Run the programs."""
    with host_open(settings["repl"]) as f:
        code = f.read()
    values = {}
    exec(code.split("class Pin")[0], values)
    programs = []
    for path in settings["programs"]:
        with host_open(path) as f:
            programs.append(f.read())
    flash = values["Flash"](*settings["flash"])
    values["mounted"](flash, "/")
    os.chdir("/")
    power = Power(settings["cut"])
    sys.modules["os"] = Os(power)

    def counted_open(path, mode="r"):
        if "w" not in mode:
            return host_open(path, mode)
        power.change()
        return Written(power, host_open(path, mode))

    builtins.open = counted_open
    session = {"__name__": "__main__"}
    for program in programs:
        exec(program, session)
    print("changes", power.changes)


with host_open(sys.argv[1]) as f:
    SETTINGS = json.load(f)
main(SETTINGS)
