// The boot ROM's tables of float and double functions, in the order of the SDK's header pico/bootrom/sf_table.h, with
// the compiler's own arithmetic. A real chip treats denormals as zero; here they are computed. Functions beyond
// arithmetic, which the SDK takes from its C library when the ROM lacks them, are missing and halt the emulator.
#include <stdint.h>

void rom_trap(void);

// Multiplies by 2^e in exact steps, unless the result itself is inexact.
#define SCALE(T, name) \
    static T name(T value, int e) { \
        for (; e > 0; e -= e > 30 ? 30 : e) { \
            value *= (T)(1u << (e > 30 ? 30 : e)); \
        } \
        for (; e < 0; e += e < -30 ? 30 : -e) { \
            value /= (T)(1u << (e < -30 ? 30 : -e)); \
        } \
        return value; \
    }

SCALE(float, float_scale)
SCALE(double, double_scale)

// Computes the root bit by bit; `bits` of mantissa. The remainder decides the rounding, so the root is exact to the
// last place.
#define SQRT(T, U, name, bits, bias) \
    static T name(T value) { \
        union { T real; U word; } x = {value}; \
        const U one = (U)1 << (bits); \
        U mantissa = x.word & (one - 1); \
        int e = (int)(x.word >> (bits)) - (bias); \
        if (!(value > 0) || e == (bias) + 1) { \
            return value < 0 ? value - value == 0 ? (value - value) / (value - value) : value - value : value; \
        } \
        if (e == -(bias)) { \
            e++; \
            while (!(mantissa & one)) { \
                mantissa <<= 1; \
                e--; \
            } \
        } else { \
            mantissa |= one; \
        } \
        if (e & 1) { \
            mantissa <<= 1; \
        } \
        U root = 0; \
        U sum = 0; \
        for (U bit = one << 1; bit; bit >>= 1) { \
            U trial = sum + bit; \
            mantissa <<= 1; \
            if (trial <= mantissa) { \
                sum = trial + bit; \
                mantissa -= trial; \
                root += bit; \
            } \
        } \
        if (mantissa) { \
            root += root & 1; \
        } \
        x.word = (root >> 1) + ((U)((e >> 1) + (bias) - 1) << (bits)); \
        return x.real; \
    }

SQRT(float, uint32_t, float_sqrt, 23, 127)
SQRT(double, uint64_t, double_sqrt, 52, 1023)

#define FUNCTIONS(T) \
    static T T##_add(T a, T b) { return a + b; } \
    static T T##_sub(T a, T b) { return a - b; } \
    static T T##_mul(T a, T b) { return a * b; } \
    static T T##_div(T a, T b) { return a / b; } \
    static int T##_cmp(T a, T b) { return a < b ? -1 : a > b; } \
    static int32_t T##_to_int(T a) { return (int32_t)a; } \
    static int32_t T##_to_fix(T a, int e) { return (int32_t)T##_scale(a, e); } \
    static uint32_t T##_to_uint(T a) { return (uint32_t)a; } \
    static uint32_t T##_to_ufix(T a, int e) { return (uint32_t)T##_scale(a, e); } \
    static T T##_from_int(int32_t a) { return (T)a; } \
    static T T##_from_fix(int32_t a, int e) { return T##_scale((T)a, -e); } \
    static T T##_from_uint(uint32_t a) { return (T)a; } \
    static T T##_from_ufix(uint32_t a, int e) { return T##_scale((T)a, -e); } \
    static T T##_from_int64(int64_t a) { return (T)a; } \
    static T T##_from_fix64(int64_t a, int e) { return T##_scale((T)a, -e); } \
    static T T##_from_uint64(uint64_t a) { return (T)a; } \
    static T T##_from_ufix64(uint64_t a, int e) { return T##_scale((T)a, -e); } \
    static int64_t T##_to_int64(T a) { return (int64_t)a; } \
    static int64_t T##_to_fix64(T a, int e) { return (int64_t)T##_scale(a, e); } \
    static uint64_t T##_to_uint64(T a) { return (uint64_t)a; } \
    static uint64_t T##_to_ufix64(T a, int e) { return (uint64_t)T##_scale(a, e); }

FUNCTIONS(float)
FUNCTIONS(double)

static double float_to_double(float a) {
    return (double)a;
}

static float double_to_float(double a) {
    return (float)a;
}

// The SDK reads the number of entries from the byte two before the table.
struct table {
    uint16_t unused;
    uint8_t entries;
    uint8_t unused2;
    const void *functions[32];
};

#define P(function) ((const void *)(function))
#define TABLE(T, convert) { 0, 32, 0, { \
    P(T##_add), P(T##_sub), P(T##_mul), P(T##_div), P(T##_cmp), P(rom_trap), P(T##_sqrt), \
    P(T##_to_int), P(T##_to_fix), P(T##_to_uint), P(T##_to_ufix), \
    P(T##_from_int), P(T##_from_fix), P(T##_from_uint), P(T##_from_ufix), \
    P(rom_trap), P(rom_trap), P(rom_trap), P(rom_trap), P(rom_trap), P(rom_trap), \
    P(T##_cmp), P(rom_trap), P(T##_from_int64), P(T##_from_fix64), P(T##_from_uint64), P(T##_from_ufix64), \
    P(T##_to_int64), P(T##_to_fix64), P(T##_to_uint64), P(T##_to_ufix64), P(convert) } }

const struct table rom_float_table = TABLE(float, float_to_double);
const struct table rom_double_table = TABLE(double, double_to_float);
