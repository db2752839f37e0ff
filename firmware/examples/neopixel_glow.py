"""An addressable LED (WS2812, NeoPixel) on GPIO 14 that glows when a sound begins, and fades within two seconds."""

from machine import Pin, bitstream

from soundfw import Detector

TIMES_NS = (400, 850, 800, 450)  # of a 0 and a 1, high and low: the LED's datasheet
FADE = 4  # of 255, in each block of 32 ms

line = Pin(14, Pin.OUT, value=0)
color = bytearray(3)  # green, red, blue
glow = 0

detector = Detector()
while not detector.ended:
    event = detector.read()
    if event is not None and event.edge == "on":
        glow = 255
    elif glow:
        glow = max(0, glow - FADE)
    else:
        continue
    color[0] = color[1] = glow
    bitstream(line, 0, TIMES_NS, color)
