#include "capture/i2s_words.h"

#if SC_I2S_ASSEMBLER

#include <stddef.h>

#include "armv6m.h"
#include "hot.h"

// The 20 bits of gain.h -> the sample `at` bytes behind r1; r2 is the shift, r7 is lost.
#define PUT(x, at, too_large, back) \
    "lsls " x ", r2 \n" \
    "asrs " x ", #4 \n" \
    "sxth r7, " x " \n" \
    "cmp r7, " x " \n" \
    "bne " too_large "f \n" \
    back ": \n" \
    "strh " x ", [r1, #" at "] \n"
#define SATURATE(x, too_large, back) \
    too_large ": \n" \
    "mov r7, r12 \n" \
    "asrs " x ", #31 \n" \
    "eors " x ", r7 \n" \
    "b " back "b \n"
// Without DC: r5 is what the high-pass has, r6 its shift.
#define HIGH_PASS(x) \
    "movs r7, r5 \n" \
    "asrs r7, r6 \n" \
    "asrs " x ", #12 \n" \
    "subs " x ", r7 \n" \
    "adds r5, " x " \n"

_Static_assert(offsetof(sc_gain_t, shift) == 0 && offsetof(sc_gain_t, dc_shift) == 4 && offsetof(sc_gain_t, dc) == 8,
    "as the assembler has it");

SC_HOT __attribute__((naked)) void sc_i2s_words(const uint8_t *slots, int16_t *out, uint32_t fours, uint32_t stride,
    sc_gain_t *gain) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "lsls r2, #3 \n"
        "adds r2, r1 \n"
        "mov r8, r2 \n"
        "mov r9, r3 \n"
        "movs r4, #128 \n"
        "lsls r4, #8 \n"
        "subs r4, #1 \n"
        "mov r12, r4 \n"
        "ldr r7, [sp, #36] \n"
        "mov r10, r7 \n"
        "ldr r2, [r7, #0] \n"
        "ldr r6, [r7, #4] \n"
        "ldr r5, [r7, #8] \n"
        "cmp r6, #0 \n"
        "bne 5f \n"
        "cmp r3, #4 \n"
        "bne 3f \n"
        "1: \n" // one channel
        "ldmia r0!, {r3-r6} \n"
        "2: \n"
        "asrs r3, #12 \n"
        PUT("r3", "0", "11", "12")
        "asrs r4, #12 \n"
        PUT("r4", "2", "13", "14")
        "asrs r5, #12 \n"
        PUT("r5", "4", "15", "16")
        "asrs r6, #12 \n"
        PUT("r6", "6", "17", "18")
        "adds r1, #8 \n"
        "cmp r1, r8 \n"
        "beq 4f \n"
        "mov r7, r9 \n"
        "cmp r7, #4 \n"
        "beq 1b \n"
        "3: \n" // one of two
        "ldr r3, [r0] \n"
        "ldr r4, [r0, #8] \n"
        "ldr r5, [r0, #16] \n"
        "ldr r6, [r0, #24] \n"
        "adds r0, #32 \n"
        "b 2b \n"
        "4: \n"
        SC_ARMV6M_RETURN
        SATURATE("r3", "11", "12")
        SATURATE("r4", "13", "14")
        SATURATE("r5", "15", "16")
        SATURATE("r6", "17", "18")
        "5: \n"
        "ldr r3, [r0] \n add r0, r9 \n"
        "ldr r4, [r0] \n add r0, r9 \n"
        HIGH_PASS("r3")
        PUT("r3", "0", "21", "22")
        HIGH_PASS("r4")
        PUT("r4", "2", "23", "24")
        "ldr r3, [r0] \n add r0, r9 \n"
        "ldr r4, [r0] \n add r0, r9 \n"
        HIGH_PASS("r3")
        PUT("r3", "4", "25", "26")
        HIGH_PASS("r4")
        PUT("r4", "6", "27", "28")
        "adds r1, #8 \n"
        "cmp r1, r8 \n"
        "bne 5b \n"
        "mov r7, r10 \n"
        "str r5, [r7, #8] \n"
        SC_ARMV6M_RETURN
        SATURATE("r3", "21", "22")
        SATURATE("r4", "23", "24")
        SATURATE("r3", "25", "26")
        SATURATE("r4", "27", "28"));
}

#endif
