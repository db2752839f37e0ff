#include "integers.h"

// Bit by bit, from the largest multiple of b that is no larger than a.
#define DIVIDE(name, type_t, top_bit) \
    type_t name(type_t a, type_t b) { \
        type_t quotient = 0, bit = 1; \
        if (b == 0) { \
            return 0; \
        } \
        while (b < a && b >> top_bit == 0) { \
            b <<= 1; \
            bit <<= 1; \
        } \
        for (; bit != 0; bit >>= 1, b >>= 1) { \
            if (a >= b) { \
                a -= b; \
                quotient |= bit; \
            } \
        } \
        return quotient; \
    }

DIVIDE(integers_divide32, uint32_t, 31)
DIVIDE(integers_divide64, uint64_t, 63)

int32_t integers_divide_signed32(int32_t a, int32_t b) {
    uint32_t q = integers_divide32(a < 0 ? 0 - (uint32_t)a : (uint32_t)a, b < 0 ? 0 - (uint32_t)b : (uint32_t)b);
    return (int32_t)((a < 0) != (b < 0) ? 0 - q : q);
}

int64_t integers_divide_signed64(int64_t a, int64_t b) {
    uint64_t q = integers_divide64(a < 0 ? 0 - (uint64_t)a : (uint64_t)a, b < 0 ? 0 - (uint64_t)b : (uint64_t)b);
    return (int64_t)((a < 0) != (b < 0) ? 0 - q : q);
}

// Its halves: a shift of 32 would be a call of what is defined here.
typedef union {
    uint64_t whole;
    struct {
        uint32_t low, high; // little-endian, as all chips here are
    } half;
} halves_t;

static uint32_t high_product(uint32_t a, uint32_t b) {
    uint32_t al = a & 0xffff, ah = a >> 16, bl = b & 0xffff, bh = b >> 16;
    uint32_t middle = ah * bl + (al * bl >> 16);
    uint32_t other = al * bh + (middle & 0xffff);
    return ah * bh + (middle >> 16) + (other >> 16);
}

uint64_t integers_multiply32_to_64(uint32_t a, uint32_t b) {
    halves_t product;
    product.half.low = a * b;
    product.half.high = high_product(a, b);
    return product.whole;
}

uint64_t integers_multiply64(uint64_t a, uint64_t b) {
    halves_t x = {a}, y = {b}, product = {integers_multiply32_to_64(x.half.low, y.half.low)};
    product.half.high += x.half.low * y.half.high + x.half.high * y.half.low;
    return product.whole;
}

uint64_t integers_shift_left64(uint64_t x, int n) {
    halves_t p = {x};
    if (n >= 32) {
        p.half.high = p.half.low << (n - 32);
        p.half.low = 0;
    } else if (n > 0) {
        p.half.high = p.half.high << n | p.half.low >> (32 - n);
        p.half.low <<= n;
    }
    return p.whole;
}

uint64_t integers_shift_right64(uint64_t x, int n) {
    halves_t p = {x};
    if (n >= 32) {
        p.half.low = p.half.high >> (n - 32);
        p.half.high = 0;
    } else if (n > 0) {
        p.half.low = p.half.low >> n | p.half.high << (32 - n);
        p.half.high >>= n;
    }
    return p.whole;
}
