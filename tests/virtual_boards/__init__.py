"""Boards made of software for the tests: serial ports, an ESP32's ROM loader, a Pico's UF2 drive."""
