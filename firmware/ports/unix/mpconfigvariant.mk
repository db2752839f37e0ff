# The firmware as a program of this computer: MicroPython's unix port with soundcore, nothing that needs other libraries.
MICROPY_PY_BTREE = 0
MICROPY_PY_FFI = 0
MICROPY_PY_SSL = 0
MICROPY_PY_SOCKET = 0
MICROPY_PY_THREAD = 0
MICROPY_USE_READLINE = 1
