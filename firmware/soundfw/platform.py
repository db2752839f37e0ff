"""The differences between the Pythons the firmware runs in."""

try:
    from micropython import const
except ImportError:

    def const(value):
        """Return the value; MicroPython's compiler puts the number in place of the name."""
        return value


def error_text(error, file):
    """Return an exception as a sentence, with the line of a file that raised it if that is known."""
    import sys

    text = type(error).__name__
    try:
        said = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:  # of a class of the user's own
        said = "its text cannot be had"
    if said:
        text += ": " + said
    line = ""
    if hasattr(sys, "print_exception"):  # MicroPython
        import io

        trace = io.StringIO()
        try:
            sys.print_exception(error, trace)
        except KeyboardInterrupt:
            raise
        except BaseException:
            pass  # the lines come before the text
        for row in trace.getvalue().split("\n"):
            if '"' + file + '", line ' in row:
                line = row.split(", line ")[1].split(",")[0]
    else:
        here = error.__traceback__
        while here is not None:
            if here.tb_frame.f_code.co_filename == file:
                line = str(here.tb_lineno)
            here = here.tb_next
        if isinstance(error, SyntaxError) and error.filename == file:
            text, line = "SyntaxError: " + error.msg, str(error.lineno)
    return text[:100] + (" (line %s)" % line if line else "")


def clock_ms():
    """Return a function that gives the milliseconds since its last call; always 0 where there is no clock."""
    try:
        import time

        ticks, diff = time.ticks_ms, time.ticks_diff
    except (ImportError, AttributeError):
        return lambda: 0
    last = [ticks()]

    def elapsed():
        now = ticks()
        ms = diff(now, last[0])
        last[0] = now
        return ms

    return elapsed
