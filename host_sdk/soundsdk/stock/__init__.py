"""soundsdk on boards that run stock MicroPython: soundcore as a native module, soundfw as files, all by mpremote."""
