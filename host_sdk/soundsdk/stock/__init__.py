"""soundsdk on boards that run stock MicroPython: soundcore as a native module, soundfw as files.

mpremote copies them onto a board (installer), or they are flashed with MicroPython (flash_stock).
"""
