"""Listens for five seconds of every minute and sleeps in between: for sounds that last, on a battery.

Waking up is a start, so this file runs from its beginning each time. GPIO 15 stays high from one sleep to the next only
on chips that hold their pins; a latching relay or a radio message suits this better than a level.
"""

import machine

from soundfw import Detector

SLEEP_MS = 55000

heard = [event.label for event in Detector(seconds=5) if event.edge == "on"]
if heard:
    pulse = machine.Pin(15, machine.Pin.OUT, value=1)
    pulse.value(0)
machine.deepsleep(SLEEP_MS)
