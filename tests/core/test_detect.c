// The detector's parts under sanitizers, with values at their bounds; test_core_detector.py compares the whole.
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "detect/pool.h"
#include "detect/probability.h"
#include "detect/rise.h"
#include "detect/sound_level.h"

static uint64_t state = 1;

static uint32_t random_bits(void) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 32);
}

static int32_t random_between(int32_t low, int32_t high) {
    return low + (int32_t)(random_bits() % (uint32_t)(high - low + 1));
}

static void test_products_and_quotients_are_exact(void) {
    for (int i = 0; i < 100000; i++) {
        uint64_t a = ((uint64_t)random_bits() << 32 | random_bits()) >> (4 + random_bits() % 60);
        uint64_t b = ((uint64_t)random_bits() << 32 | random_bits()) >> (4 + random_bits() % 60);
        if (i % 100 == 0) {
            a = (uint64_t)1 << 60;
        }
        assert(sc_mul_q60(a, b) == (uint64_t)((unsigned __int128)a * b >> 60));
        uint32_t k = 1 + random_bits() % 65535;
        uint64_t x = (uint64_t)random_bits() << 32 | random_bits();
        assert(sc_divide_short(x, k) == x / k);
    }
}

static void test_exponentials_are_near_the_real_ones(void) {
    assert(sc_exp_q60(0) == (uint64_t)1 << 60);
    assert(sc_exp_q60(UINT64_MAX) == 0);
    for (int i = 0; i < 2000; i++) {
        uint64_t x = random_bits() >> (random_bits() % 32);
        double real = exp(-(double)x / (1 << 20)), found = (double)sc_exp_q60(x) / (double)((uint64_t)1 << 60);
        assert(fabs(found - real) < 1e-12);
    }
    uint16_t table[SC_EXP_ENTRIES];
    sc_powers(sc_exp_q60(1 << 15), table, SC_EXP_ENTRIES);
    for (int32_t z = -(1 << 17); z < 1 << 17; z += 7) {
        assert(fabs(sc_sigmoid(table, z) - 1000 / (1 + exp(-z / 4096.0))) < 0.6);
    }
    assert(sc_sigmoid(table, INT32_MAX) == 1000 && sc_sigmoid(table, -INT32_MAX) == 0);
}

static void test_scales_are_rounded(void) {
    const float scales[] = {1e-30f, 1e-7f, 4.7683716e-07f, 1e-3f, 0.0625f, 1.0f, 255.99f, 1023.5f};
    for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        double twice = floor((double)scales[i] * 2097152.0);
        assert(sc_scale_q20(scales[i]) == (uint32_t)floor((twice + 1) / 2));
    }
    assert(sc_scale_q20(3e38f) == 1u << 30); // as large as it gets
}

static void test_pools_stay_within_their_bounds(void) {
    const float scales[] = {0.0f, 1e-6f, 0.004f, 0.05f, 0.9f, 50.0f, 1e30f};
    const int32_t pool_ms[] = {0, 1, 300, 60000};
    for (int kind = 0; kind < 7 * 4 * 7; kind++) {
        sc_pool_settings_t settings;
        sc_pool_t pool;
        int32_t num[3];
        int8_t logits[3];
        int32_t step = 1 << random_between(6, 15), zero_point = random_between(-128, 127);
        float logit_scale = kind / 28 ? scales[kind / 28] : 0.1f;
        sc_pool_settings_init(&settings, pool_ms[kind % 4], 16000, step, logit_scale, zero_point, scales[kind / 4 % 7]);
        sc_pool_reset(&pool, num, 3);
        for (int k = 0; k < 3000; k++) {
            // Extremes for a while, then anything.
            int extreme = k / 500 % 2;
            for (int c = 0; c < 3; c++) {
                logits[c] = (int8_t)(extreme ? (random_bits() & 1 ? 127 : -128) : random_between(-128, 127));
            }
            sc_pool_step(&pool, &settings, num, 3, k / 250 % 3 ? random_between(-128, 127) : -128, logits);
            assert(0 < pool.den && pool.den <= 1 << 21);
            for (int c = 0; c < 3; c++) {
                assert(-(1 << 29) < num[c] && num[c] < 1 << 29);
                int32_t z = sc_pool_logit(&settings, num[c], pool.den);
                assert(-INT32_MAX <= z);
            }
        }
    }
}

static void test_levels_and_rises_take_any_features(void) {
    for (int kind = 0; kind < 40; kind++) {
        sc_frontend_settings_t frontend = sc_frontend_defaults;
        int32_t frames = random_between(1, 64);
        int8_t features[64 * 128];
        frontend.bands = random_between(1, 128);
        frontend.coefficients = kind % 3 ? 0 : random_between(1, frontend.bands < 40 ? frontend.bands : 40);
        frontend.step_mdb = kind % 2 ? 50 : 20000;
        sc_levels_t levels;
        sc_rise_t rise;
        sc_levels_init(&levels, features, frames, &frontend, frames * frontend.hop);
        sc_rise_forget(&rise);
        levels.blocks = kind % 4 ? 0 : (1 << 30) - 4; // where its count starts again
        for (int k = 0; k < 3000; k++) {
            int8_t value = (int8_t)random_between(-128, 127);
            for (int32_t i = 0; i < frames * 128; i++) {
                features[i] = k % 50 < 25 ? value : (int8_t)(i + k);
            }
            sc_levels_step(&levels);
            sc_rise_follow(&rise, &levels, k / 100 % 2);
            if (k % 333 == 0) {
                sc_rise_ended(&rise, &levels);
                sc_rise_reset(&rise);
            }
            assert(rise.top >= 0 && (!sc_rise_again(&rise, &levels) || sc_rise_back(&rise, &levels)));
        }
    }
}

static void test_a_level_takes_the_loudest_sound_for_long(void) {
    int16_t pcm[512];
    sc_sound_level_t level;
    sc_sound_level_init(&level);
    assert(sc_sound_level_read(&level) == SC_SILENCE);
    for (size_t i = 0; i < 512; i++) {
        pcm[i] = INT16_MIN;
    }
    for (int i = 0; i < 100000; i++) {
        sc_sound_level_add(&level, pcm, 512);
    }
    assert(sc_sound_level_read(&level) == 30); // 3 dB above a full-scale sine
}

int main(void) {
    test_products_and_quotients_are_exact();
    test_exponentials_are_near_the_real_ones();
    test_scales_are_rounded();
    test_pools_stay_within_their_bounds();
    test_levels_and_rises_take_any_features();
    test_a_level_takes_the_loudest_sound_for_long();
    puts("detect: ok");
    return 0;
}
