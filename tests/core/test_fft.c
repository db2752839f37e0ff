// Fixed-point arithmetic and the FFT against double precision, at sizes and inputs where overflow would show.
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "frontend/fft.h"
#include "frontend/fixed.h"
#include "frontend/log2.h"

#define PI 3.14159265358979323846

static uint32_t lcg = 1;

static uint32_t draw(void) {
    lcg = lcg * 1664525u + 1013904223u;
    return lcg;
}

// 32 bits of which the low ones are as random as the high ones.
static uint32_t draw_word(void) {
    return draw() >> 16 | (draw() & 0xffff0000u);
}

static void assert_equal(int32_t a, int32_t u, int32_t b, int32_t v) {
    assert(sc_fixed_dot_q15_split(a, u, b, v) == sc_fixed_dot_q15_wide(a, u, b, v));
}

static void test_split_products_equal_wide_ones(void) {
    static const int32_t edges[] = {0, 1, -1, 32767, 32768, -32768, -32769, 1 << 29, -(1 << 29), 1 << 30, -(1 << 30)};
    static const int32_t factors[] = {0, 1, -1, 16384, 23170, -23170, 32767, 32768, -32767, -32768};
    size_t n_edges = sizeof(edges) / sizeof(edges[0]);
    size_t n_factors = sizeof(factors) / sizeof(factors[0]);
    for (size_t i = 0; i < n_edges; i++) {
        for (size_t j = 0; j < n_factors; j++) {
            assert_equal(edges[i], factors[j], 0, 0);
            for (size_t k = 0; k < n_edges; k++) {
                // A rotation: the result is no longer than the vector.
                int32_t u = factors[j];
                int32_t v = (int32_t)sqrt(1073741824.0 - (double)u * u);
                assert_equal(edges[i] / 2, u, edges[k] / 2, v);
                assert_equal(edges[i] / 2, u, edges[k] / 2, -v);
            }
        }
    }
    for (int i = 0; i < 2000000; i++) {
        int32_t a = (int32_t)draw_word() >> (2 + draw() % 29);
        int32_t b = (int32_t)draw_word() >> (2 + draw() % 29);
        int32_t u = (int32_t)(draw() >> 15) - 65536;
        int32_t v = (int32_t)(draw() >> 15) - 65536;
        assert_equal(a, u / 2, b, v / 2);
    }
}

static void test_init_arithmetic_is_exact_enough(void) {
    for (uint32_t x = 1; x < 4000000; x += 1 + x / 97) {
        assert(fabs(sc_fixed_log2(x) / 16777216.0 - log2(x)) < 1.5e-7);
    }
    assert(sc_fixed_log2(1) == 0 && sc_fixed_log2(1u << 31) == 31 << 24);
    for (int32_t x = -(8 << 24); x < 6 << 24; x += 99991) {
        double exact = exp2(x / 16777216.0);
        assert(fabs((double)sc_fixed_exp2(x) / 1073741824.0 / exact - 1) < 1e-8 + 1e-9 / exact);
        sc_fixed_factor_t f = sc_fixed_factor(x);
        assert(f.mantissa >= 16384 && f.mantissa <= 32768);
        assert(fabs(f.mantissa / 32768.0 * exp2(f.exponent) / exact - 1) < 3.2e-5);
    }
    for (uint32_t den = 1; den <= 1024; den += 13) {
        for (uint32_t num = 0; num <= den; num++) {
            assert(fabs(sc_fixed_sin(num, den) / 1073741824.0 - sin(PI / 2 * num / den)) < 1e-8);
        }
    }
}

static void test_tables_are_the_functions(void) {
    for (uint32_t i = 0; i <= 256; i++) {
        assert(fabs(sc_fft_sine[i] - 8388608 * sin(2 * PI * i / 1024)) <= 0.5001);
    }
    for (uint32_t x = 1; x < 0xf0000000u; x += 1 + x / 1021) {
        assert(fabs(sc_log2_q15(x) / 32768.0 - log2(x)) < 1e-4);
    }
    assert(sc_log2_q15(1) == 0 && sc_log2_q15(0x80000000u) == 31 << 15 && sc_log2_q15(0xffffffffu) <= 32 << 15);
}

// Bin k of x by the definition.
static void dft(const int32_t *x, uint32_t points, uint32_t k, double *re, double *im) {
    *re = *im = 0;
    for (uint32_t n = 0; n < points; n++) {
        double angle = 2 * PI * (double)(k * n % points) / points;
        *re += x[n] * cos(angle);
        *im -= x[n] * sin(angle);
    }
}

// Largest error of any bin, in units of the input.
static double fft_error(const int32_t *x, uint32_t points) {
    sc_fft_complex_t *z = malloc((points / 2 + 1) * sizeof(*z));
    uint32_t place = 0;
    for (uint32_t i = 0; i < points / 2; i++) {
        z[place].re = x[2 * i];
        z[place].im = x[2 * i + 1];
        place = sc_fft_next_place(place, points / 2);
    }
    sc_fft_real(z, points, 1);
    double worst = 0;
    for (uint32_t k = 0; k <= points / 2; k++) {
        double re, im;
        dft(x, points, k, &re, &im);
        worst = fmax(worst, fmax(fabs(z[k].re - re), fabs(z[k].im - im)));
    }
    free(z);
    return worst;
}

static void test_fft_of_noise_and_impulses(void) {
    int32_t x[1024];
    for (uint32_t points = 256; points <= 1024; points *= 2) {
        for (int round = 0; round < 4; round++) {
            for (uint32_t n = 0; n < points; n++) {
                x[n] = (int32_t)draw_word() >> (12 + 5 * round);
            }
            // Roundings add up like noise; twiddles err by 2^-24 of the data.
            assert(fft_error(x, points) < 60);
        }
        for (int round = 0; round < 4; round++) {
            uint32_t at = draw() % points;
            for (uint32_t n = 0; n < points; n++) {
                x[n] = n == at ? 1 << 20 : 0;
            }
            assert(fft_error(x, points) < 4);
        }
    }
}

// For every bin, the signs that add up to the largest value a window allows: sum |x| = 2^29.
static void test_fft_at_the_largest_sums(void) {
    int32_t x[1024];
    for (uint32_t points = 256; points <= 1024; points *= 2) {
        int32_t top = (1 << 30) / (int32_t)points;
        for (uint32_t k = 0; k <= points / 2; k += points / 64) {
            for (int quarter = 0; quarter < 2; quarter++) {
                for (uint32_t n = 0; n < points; n++) {
                    double hann = 0.5 - 0.5 * cos(2 * PI * n / points);
                    double turn = cos(2 * PI * (double)(k * n % points) / points + quarter * PI / 4);
                    x[n] = (int32_t)((turn < 0 ? -1 : 1) * hann * top);
                }
                assert(fft_error(x, points) < 120);
            }
        }
    }
}

int main(void) {
    test_split_products_equal_wide_ones();
    test_init_arithmetic_is_exact_enough();
    test_tables_are_the_functions();
    test_fft_of_noise_and_impulses();
    test_fft_at_the_largest_sums();
    puts("fft: ok");
    return 0;
}
