# What the RP2 boards have in common: no radio, so no TLS either.
set(MICROPY_SSL_MBEDTLS OFF)
