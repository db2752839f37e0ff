"""CircuitPython without a board: its stubs, and a shim made from them that soundfw runs on."""
