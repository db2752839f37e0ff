// What the RP2 boards have in common: no radio, so no TLS, and of the hashes only SHA-256.
#define MICROPY_SSL_MBEDTLS (0)
#define MICROPY_PY_SSL (0)
#define MICROPY_PY_CRYPTOLIB (0)
#define MICROPY_PY_HASHLIB_SHA1 (0)
// Threads here run without a lock around the heap; the firmware has one.
#define MICROPY_PY_THREAD (0)
