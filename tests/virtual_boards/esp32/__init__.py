"""A virtual ESP32: a ROM loader that the real esptool talks to, flash, reset lines, and soundfw when it boots."""
