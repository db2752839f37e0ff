# What the RP2 boards have in common: no radio, so no TLS either.
set(MICROPY_SSL_MBEDTLS OFF)
set(SOUNDMODEL_LINKER_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/rp2_region.ld)
