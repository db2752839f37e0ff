"""The end that a host wants, and the program of a user's own: what a board that only listens does without."""

from . import FirmwareError, platform
from .platform import error_text
from .storage import files


def finish(app):
    """Carry out the end that the host wants, once its answer has left; returns if it wants none."""
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


def run_program(path, apps, end):
    """Run a user's program; return (code, detail) of what it raised, or None.

    apps: the applications that it may leave open, which are ended; end(app): main.finish.
    """
    try:
        exec(compile(files.read(path).decode(), path, "exec"), {"__name__": "__main__"})
    except FirmwareError as e:
        return e.args
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as e:  # asyncio's CancelledError is no Exception
        return "main.failed", path + ": " + error_text(e, path)
    finally:
        # Whatever ends the program, nothing may go on writing to the memory of its microphone.
        for app in apps:
            app.close()
        # The host has its answer: what it wants happens also if the program has ended before it was carried out.
        while apps:
            end(apps[0])
    return None
