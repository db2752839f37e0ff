"""The application of this board: its settings, its port, the count of its starts. It is let go before the rest."""

from . import FirmwareError, platform
from . import settings as settings_file
from .health import stopwatch
from .storage import files
from .storage.boot_counter import BootCounter


def board_app(make, error, hook, started):
    """Make the application of this board with make, which is main.App, its settings and its serial port."""
    if not BootCounter().begin():
        error = error or ("start.repeated", "the last starts ended in a reset; the next one is tried again")
    files.finish("settings.json")
    try:
        settings = settings_file.load("settings.json", read=files.read_written)
    except FirmwareError as e:
        error = error or e.args
        settings = settings_file.Settings(settings_file.of_board())

    port = platform.open_port()
    app = make(settings, None, port.write, port.read, stopwatch=stopwatch(), error=error, started=started, hook=hook)
    app.bootloader = platform.bootloader
    return app
