"""A relay on GPIO 15 that is on while a sound of the detector lasts."""

from machine import Pin

from soundfw import Detector

relay = Pin(15, Pin.OUT, value=0)
lasting = 0  # events at this moment: two classes may overlap

for event in Detector():
    lasting += 1 if event.edge == "on" else -1
    relay.value(1 if lasting else 0)
