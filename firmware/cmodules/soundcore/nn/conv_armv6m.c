// The loops of conv_words.h for ARMv6-M. Instructions there multiply the eight low registers only, but can add one of
// them to a high one: the four sums lie in r8 to r11.
#include "nn/conv_words.h"

#if defined(__ARM_ARCH_6M__)

#include <stddef.h>

#include "armv6m.h"
#include "hot.h"

_Static_assert(offsetof(sc_conv_scale_t, shift) == 4 && offsetof(sc_conv_scale_t, out) == 8
                   && offsetof(sc_conv_scale_t, low) == 20,
               "offsets in the assembler");
_Static_assert(offsetof(sc_conv_four_t, scale) == 16 && offsetof(sc_conv_four_t, stride) == 40
                   && offsetof(sc_conv_four_t, filters) == 44 && offsetof(sc_conv_four_t, zero) == 48
                   && offsetof(sc_conv_four_t, start) == 52 && offsetof(sc_conv_four_t, sums) == 56
                   && offsetof(sc_conv_four_t, known) == 60,
               "offsets in the assembler");
_Static_assert(offsetof(sc_conv_quads_t, zero) == 8 && offsetof(sc_conv_quads_t, scale) == 16
                   && offsetof(sc_conv_quads_t, channels) == 40 && offsetof(sc_conv_quads_t, w) == 48,
               "offsets in the assembler");

// The weight r3 bytes before the filter's end at r1.
#define WEIGHT \
    "ldrsb r2, [r1, r3] \n" \
    "add r12, r2 \n"

// Adds what two positions' products with two weights sum to, 16 bits apart in `pair`. With 2^15 the lower is positive and
// the upper exact by itself; sum takes both, upper the upper.
#define SPLIT(pair, sum, upper) \
    "add " pair ", lr \n" \
    "add " sum ", " pair " \n" \
    "asrs " pair ", #16 \n" \
    "add " upper ", " pair " \n"

// The products of the first weight lie in r4 and r5, those of the second in r6 and r7.
#define PAIRS \
    "adds r4, r6 \n adds r5, r7 \n" \
    SPLIT("r4", "r8", "r9") \
    SPLIT("r5", "r10", "r11")

// Takes what is above out of a sum of SPLIT. Spends r4.
#define LOWER(sum, upper) \
    "mov r4, " upper " \n" \
    "lsls r4, #16 \n" \
    "rsbs r4, r4, #0 \n" \
    "add " sum ", r4 \n"

// r1: of the multipliers there, that of channel r0, rounded to 16 bits. Spends r0.
#define FACTOR \
    "lsls r0, #2 \n" \
    "ldr r1, [r1, r0] \n" \
    "movs r0, #0 \n" \
    "lsrs r1, #16 \n" \
    "adcs r1, r0 \n"

// A sum becomes the output at r2, as sc_quantize_scale_near computes it. r0: drop,
// r1: factor, r5: constant, r6: what y << 11 must reach, r7: range, lr: low.
#define FINISH(n, sum) \
    "mov r4, " sum " \n" \
    "asrs r4, r0 \n" \
    "sxth r3, r4 \n" \
    "cmp r3, r4 \n" \
    "bne 1" n "f \n" \
    "muls r4, r1 \n" \
    "adds r4, r5 \n" \
    "lsls r3, r4, #11 \n" \
    "cmp r3, r6 \n" \
    "blo 1" n "f \n" \
    "asrs r4, #21 \n" \
    "cmp r4, r7 \n" \
    "bhi 2" n "f \n" \
    "3" n ": \n" \
    "add r4, lr \n" \
    "strb r4, [r2] \n"

// Where FINISH goes when one product does not decide, and when the output is outside low..high.
#define ASIDE(n, sum) \
    "1" n ": \n" \
    "mov r4, " sum " \n" \
    "bl 9f \n" \
    "b 3" n "b \n" \
    "2" n ": \n" \
    "asrs r4, #31 \n" \
    "mvns r4, r4 \n" \
    "ands r4, r7 \n" \
    "b 3" n "b \n"

SC_HOT __attribute__((naked)) void sc_conv_four(sc_conv_four_t *four) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "movs r1, #0 \n"
        "push {r0-r2} \n" // four, the filter's number, padding
        "4: \n"
        "ldr r3, [sp] \n"
        "ldmia r3!, {r0-r2} \n" // x, w, length
        "ldr r4, [r3, #40] \n" // start
        "mov r8, r4 \n mov r10, r4 \n"
        "movs r4, #1 \n"
        "lsls r4, #15 \n"
        "mov lr, r4 \n"
        "movs r4, #0 \n"
        "movs r5, #0 \n"
        "mov r9, r4 \n mov r11, r4 \n"
        "ldr r6, [r3, #48] \n" // known
        "cmp r6, #0 \n"
        "bne 11f \n"
        "mov r12, r4 \n" // of the weights
        "adds r1, r2 \n"
        "rsbs r3, r2, #0 \n"
        "lsrs r2, #1 \n"
        "bcc 5f \n"
        "ldmia r0!, {r6, r7} \n"
        "b 6f \n"
        "5: \n"
        "ldmia r0!, {r4-r7} \n"
        WEIGHT
        "muls r4, r2 \n muls r5, r2 \n"
        "adds r3, #1 \n"
        "6: \n"
        WEIGHT
        "muls r6, r2 \n muls r7, r2 \n"
        PAIRS
        "adds r3, #1 \n"
        "bne 5b \n"
        "ldr r3, [sp] \n"
        "ldr r5, [sp, #4] \n"
        "lsls r5, #2 \n"
        "ldr r4, [r3, #12] \n"
        "ldr r4, [r4, r5] \n" // bias
        "ldr r6, [r3, #48] \n" // zero
        "mov r7, r12 \n"
        "muls r6, r7 \n"
        "subs r4, r6 \n"
        "ldr r3, [r3, #56] \n" // sums
        "str r4, [r3, r5] \n"
        "b 12f \n"
        "11: \n" // w is aligned and so is its end; the sums are there
        "adds r2, r1 \n"
        "mov r12, r2 \n"
        "7: \n"
        "ldmia r1!, {r3} \n"
        "ldmia r0!, {r4-r7} \n"
        "sxtb r2, r3 \n"
        "muls r4, r2 \n muls r5, r2 \n"
        "lsls r2, r3, #16 \n asrs r2, #24 \n"
        "muls r6, r2 \n muls r7, r2 \n"
        PAIRS
        "ldmia r0!, {r4-r7} \n"
        "lsls r2, r3, #8 \n asrs r2, #24 \n"
        "muls r4, r2 \n muls r5, r2 \n"
        "asrs r2, r3, #24 \n"
        "muls r6, r2 \n muls r7, r2 \n"
        PAIRS
        "cmp r1, r12 \n"
        "bne 7b \n"
        "12: \n"
        LOWER("r8", "r9")
        LOWER("r10", "r11")
        "ldr r3, [sp] \n"
        "ldr r0, [sp, #4] \n"
        "str r1, [r3, #4] \n"
        "ldr r4, [r3, #56] \n" // sums
        "lsls r5, r0, #2 \n"
        "ldr r4, [r4, r5] \n"
        "add r8, r4 \n add r9, r4 \n add r10, r4 \n add r11, r4 \n"
        "adds r3, #16 \n"
        "ldmia r3!, {r1, r2, r4, r5, r7} \n" // multiplier, shift, out, constant, range
        "ldrsb r6, [r2, r0] \n"
        "adds r2, r4, r0 \n"
        FACTOR
        "mvns r0, r6 \n"
        "ldmia r3!, {r4, r6} \n" // low, stride
        "mov lr, r4 \n"
        "mov r12, r6 \n"
        "movs r6, #3 \n"
        "lsls r6, #26 \n" // SC_QUANTIZE_BELOW + SC_QUANTIZE_ABOVE, times 2^11
        "subs r0, #5 \n" // -shift - 6
        "bpl 8f \n"
        "movs r6, #0 \n"
        "mvns r6, r6 \n" // never reached
        "8: \n"
        FINISH("0", "r8") "add r2, r12 \n"
        FINISH("1", "r9") "add r2, r12 \n"
        FINISH("2", "r10") "add r2, r12 \n"
        FINISH("3", "r11")
        "ldr r3, [sp] \n"
        "ldr r2, [sp, #4] \n"
        "adds r2, #1 \n"
        "str r2, [sp, #4] \n"
        "ldr r3, [r3, #44] \n" // filters
        "cmp r2, r3 \n"
        "beq 8f \n"
        "b 4b \n"
        "8: \n"
        "add sp, #12 \n"
        SC_ARMV6M_RETURN
        ASIDE("0", "r8") ASIDE("1", "r9") ASIDE("2", "r10") ASIDE("3", "r11")
        "9: \n"
        "push {r0-r2, lr} \n"
        "mov r0, r4 \n"
        "ldr r1, [sp, #16] \n"
        "adds r1, #16 \n"
        "ldr r2, [sp, #20] \n"
        "bl sc_conv_exact \n"
        "mov r4, r0 \n"
        "ldr r3, [sp, #16] \n"
        "ldr r0, [r3, #36] \n"
        "mov lr, r0 \n"
        "ldr r0, [r3, #40] \n"
        "mov r12, r0 \n"
        "pop {r0-r3} \n"
        "bx r3 \n");
}

SC_HOT __attribute__((naked)) void *sc_conv_pairs(int32_t *to, const int8_t *a, const int8_t *b,
    const sc_conv_runs_t *runs) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "ldmia r3!, {r4-r7} \n" // bytes, a_step, b_step, gap
        "mov r8, r4 \n mov r9, r5 \n mov r10, r6 \n mov r12, r7 \n"
        "ldr r7, [r3] \n" // runs
        "movs r3, #1 \n"
        "lsls r4, r3, #16 \n"
        "adds r4, r3 \n"
        "mov r11, r4 \n"
        "movs r3, #0 \n"
        "1: \n"
        "mov r6, r8 \n"
        "adds r6, r0 \n"
        "2: \n"
        "ldrsb r4, [r1, r3] \n"
        "ldrsb r5, [r2, r3] \n"
        "lsls r5, #16 \n"
        "adds r4, r5 \n"
        "add r4, r11 \n"
        "str r4, [r0] \n"
        "adds r0, #8 \n"
        "add r1, r9 \n"
        "add r2, r10 \n"
        "cmp r0, r6 \n"
        "bne 2b \n"
        "add r1, r12 \n"
        "add r2, r12 \n"
        "subs r7, #1 \n"
        "bne 1b \n"
        SC_ARMV6M_RETURN);
}

// A value at r0 times the weights at r1 in the second of four rows.
#define COLUMN \
    "ldrsh r7, [r0, r2] \n" \
    "adds r0, #2 \n" \
    "ldrsb r6, [r1, r3] \n muls r6, r7 \n add r8, r6 \n" \
    "ldrsb r6, [r1, r2] \n muls r6, r7 \n add r9, r6 \n" \
    "ldrsb r6, [r1, r4] \n muls r6, r7 \n add r10, r6 \n" \
    "ldrsb r6, [r1, r5] \n muls r6, r7 \n add r11, r6 \n" \
    "adds r1, #1 \n"

SC_HOT __attribute__((naked)) void sc_conv_quads(sc_conv_quads_t *quads) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "movs r1, #0 \n"
        "push {r0-r2} \n" // quads, the channel's number, padding
        "4: \n"
        "ldr r3, [sp] \n"
        "ldr r1, [r3, #12] \n" // bias
        "movs r4, #0 \n movs r5, #0 \n movs r6, #0 \n movs r7, #0 \n"
        "cmp r1, #0 \n"
        "beq 5f \n"
        "ldr r0, [sp, #4] \n"
        "lsls r0, #2 \n"
        "adds r1, r0 \n"
        "ldmia r1!, {r4-r7} \n"
        "5: \n"
        "mov r8, r4 \n mov r9, r5 \n mov r10, r6 \n mov r11, r7 \n"
        "ldr r4, [r3, #44] \n" // image
        "ldr r5, [r3, #48] \n" // w
        "mov r6, r3 \n"
        "ldmia r3!, {r0-r2} \n" // taps, end, zero; or NULL, x, length
        "cmp r0, #0 \n"
        "beq 11f \n"
        "mov r12, r4 \n adds r4, #4 \n str r4, [r6, #44] \n"
        "mov lr, r5 \n adds r5, #4 \n str r5, [r6, #48] \n"
        "mov r3, r1 \n"
        "b 6f \n"
        "7: \n"
        "ldmia r0!, {r4, r5} \n"
        "add r4, r12 \n ldr r4, [r4] \n"
        "add r5, lr \n ldr r5, [r5] \n"
        "sxtb r6, r4 \n subs r6, r2 \n sxtb r7, r5 \n"
        "muls r6, r7 \n add r8, r6 \n"
        "lsls r6, r4, #16 \n asrs r6, #24 \n subs r6, r2 \n lsls r7, r5, #16 \n asrs r7, #24 \n"
        "muls r6, r7 \n add r9, r6 \n"
        "lsls r6, r4, #8 \n asrs r6, #24 \n subs r6, r2 \n lsls r7, r5, #8 \n asrs r7, #24 \n"
        "muls r6, r7 \n add r10, r6 \n"
        "asrs r4, #24 \n subs r4, r2 \n asrs r5, #24 \n"
        "muls r4, r5 \n add r11, r4 \n"
        "6: \n"
        "cmp r0, r3 \n"
        "bne 7b \n"
        "b 14f \n"
        "11: \n" // four rows of w
        "lsls r0, r2, #2 \n adds r0, r5 \n str r0, [r6, #48] \n"
        "movs r0, r1 \n"
        "adds r1, r5, r2 \n"
        "rsbs r3, r2, #0 \n"
        "movs r4, r2 \n"
        "lsls r5, r2, #1 \n"
        "adds r6, r0, r5 \n"
        "mov r12, r6 \n" // the end of x
        "movs r2, #0 \n"
        "b 13f \n"
        "12: \n"
        COLUMN
        "13: \n" // until a multiple of four is left
        "mov r6, r12 \n"
        "subs r6, r0 \n"
        "lsls r7, r6, #29 \n"
        "bne 12b \n"
        "cmp r6, #0 \n"
        "beq 14f \n"
        "7: \n"
        COLUMN COLUMN COLUMN COLUMN
        "cmp r0, r12 \n"
        "bne 7b \n"
        "14: \n"
        "ldr r0, [sp, #4] \n"
        "ldr r3, [sp] \n"
        "adds r3, #24 \n"
        "ldmia r3!, {r2, r5, r7} \n" // out, constant, range
        "ldr r1, [r3] \n mov lr, r1 \n" // low
        "adds r2, r0 \n"
        "movs r6, #3 \n"
        "lsls r6, #26 \n" // SC_QUANTIZE_BELOW + SC_QUANTIZE_ABOVE, times 2^11
        "5: \n"
        "mov r12, r0 \n"
        "ldr r3, [sp] \n"
        "adds r3, #16 \n"
        "ldmia r3!, {r1, r4} \n" // multiplier, shift
        "ldrsb r3, [r4, r0] \n"
        FACTOR
        "mvns r0, r3 \n"
        "subs r0, #5 \n" // -shift - 6
        "bmi 10f \n"
        FINISH("0", "r8")
        "adds r2, #1 \n"
        "mov r8, r9 \n mov r9, r10 \n mov r10, r11 \n"
        "mov r0, r12 \n"
        "adds r0, #1 \n"
        "lsls r1, r0, #30 \n"
        "bne 5b \n"
        "str r0, [sp, #4] \n"
        "ldr r3, [sp] \n"
        "ldr r1, [r3, #40] \n" // channels
        "cmp r0, r1 \n"
        "beq 8f \n"
        "b 4b \n"
        "8: \n"
        "add sp, #12 \n"
        SC_ARMV6M_RETURN
        ASIDE("0", "r8")
        "9: \n"
        "mov r3, r12 \n"
        "push {r2-r4, lr} \n"
        "mov r0, r4 \n"
        "ldr r1, [sp, #16] \n"
        "adds r1, #16 \n"
        "mov r2, r3 \n"
        "bl sc_conv_exact \n"
        "str r0, [sp, #8] \n"
        "ldr r1, [sp, #16] \n"
        "ldr r1, [r1, #36] \n"
        "pop {r2-r4} \n"
        "mov r12, r3 \n"
        "pop {r3} \n"
        "mov lr, r1 \n"
        "bx r3 \n");
}

#endif
