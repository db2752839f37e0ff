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
                   && offsetof(sc_conv_four_t, end) == 44,
               "offsets in the assembler");
_Static_assert(offsetof(sc_conv_quads_t, scale) == 16 && offsetof(sc_conv_quads_t, left) == 40
                   && offsetof(sc_conv_quads_t, w) == 48,
               "offsets in the assembler");

// One weight, r3 bytes before the filter's end at r1, times the values of four positions.
#define TAP \
    "ldrsb r2, [r1, r3] \n" \
    "ldmia r0!, {r4-r7} \n" \
    "muls r4, r2 \n muls r5, r2 \n muls r6, r2 \n muls r7, r2 \n" \
    "add r8, r4 \n add r9, r5 \n add r10, r6 \n add r11, r7 \n" \
    "adds r3, #1 \n"

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
        "push {r0-r2} \n" // four, 4 times the filter's number, padding
        "4: \n"
        "ldr r3, [sp] \n"
        "ldr r5, [sp, #4] \n"
        "ldmia r3!, {r0-r2, r4} \n" // x, w, length, bias
        "ldr r4, [r4, r5] \n"
        "mov r8, r4 \n mov r9, r4 \n mov r10, r4 \n mov r11, r4 \n"
        "adds r1, r2 \n"
        "rsbs r3, r2, #0 \n"
        "b 6f \n"
        "5: \n"
        TAP
        "6: \n" // until a multiple of four is left
        "movs r2, #3 \n"
        "tst r3, r2 \n"
        "bne 5b \n"
        "cmp r3, #0 \n"
        "beq 8f \n"
        "7: \n"
        TAP TAP TAP TAP
        "bne 7b \n"
        "8: \n"
        "ldr r3, [sp] \n"
        "str r1, [r3, #4] \n"
        "adds r3, #16 \n"
        "ldmia r3!, {r1, r2, r4, r5, r7} \n" // multiplier, shift, out, constant, range
        "ldr r6, [sp, #4] \n"
        "ldr r1, [r1, r6] \n"
        "lsrs r6, #2 \n"
        "ldrsb r0, [r2, r6] \n"
        "adds r2, r4, r6 \n"
        "movs r6, #128 \n"
        "lsls r6, #8 \n"
        "adds r1, r6 \n"
        "lsrs r1, #16 \n"
        "ldmia r3!, {r4, r6} \n" // low, stride
        "mov lr, r4 \n"
        "mov r12, r6 \n"
        "movs r6, #3 \n"
        "lsls r6, #26 \n" // SC_QUANTIZE_BELOW + SC_QUANTIZE_ABOVE, times 2^11
        "mvns r0, r0 \n"
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
        "adds r2, #4 \n"
        "str r2, [sp, #4] \n"
        "ldr r3, [r3, #44] \n" // end
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

SC_HOT __attribute__((naked)) void sc_conv_quads(sc_conv_quads_t *quads) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "push {r0-r2} \n" // quads, padding
        "4: \n"
        "ldr r3, [sp] \n"
        "ldr r1, [r3, #12] \n" // bias
        "ldmia r1!, {r4-r7} \n"
        "str r1, [r3, #12] \n"
        "mov r8, r4 \n mov r9, r5 \n mov r10, r6 \n mov r11, r7 \n"
        "ldr r0, [r3, #44] \n mov r12, r0 \n adds r0, #4 \n str r0, [r3, #44] \n" // image
        "ldr r0, [r3, #48] \n mov lr, r0 \n adds r0, #4 \n str r0, [r3, #48] \n"  // w
        "ldmia r3!, {r0-r2} \n" // taps, end, zero
        "mov r3, r1 \n"
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
        "cmp r0, r3 \n"
        "bne 7b \n"
        "ldr r3, [sp] \n"
        "adds r3, #24 \n"
        "ldmia r3!, {r2, r5, r7} \n" // out, constant, range
        "ldr r0, [r3] \n mov lr, r0 \n" // low
        "movs r6, #3 \n"
        "lsls r6, #26 \n" // SC_QUANTIZE_BELOW + SC_QUANTIZE_ABOVE, times 2^11
        "movs r0, #4 \n"
        "5: \n"
        "mov r12, r0 \n" // channels of the quad left
        "ldr r3, [sp] \n"
        "ldr r1, [r3, #16] \n ldmia r1!, {r0} \n str r1, [r3, #16] \n" // multiplier
        "ldr r1, [r3, #20] \n ldrb r4, [r1] \n adds r1, #1 \n str r1, [r3, #20] \n" // shift
        "movs r1, #128 \n lsls r1, #8 \n adds r1, r0 \n lsrs r1, #16 \n"
        "sxtb r0, r4 \n mvns r0, r0 \n"
        "subs r0, #5 \n" // -shift - 6
        "bmi 10f \n"
        FINISH("0", "r8")
        "adds r2, #1 \n"
        "mov r8, r9 \n mov r9, r10 \n mov r10, r11 \n"
        "mov r0, r12 \n"
        "subs r0, #1 \n"
        "bne 5b \n"
        "ldr r3, [sp] \n"
        "str r2, [r3, #24] \n" // out
        "ldr r0, [r3, #40] \n subs r0, #4 \n str r0, [r3, #40] \n" // left
        "bne 4b \n"
        "add sp, #12 \n"
        SC_ARMV6M_RETURN
        ASIDE("0", "r8")
        "9: \n"
        "mov r3, r12 \n"
        "push {r2-r4, lr} \n"
        "mov r0, r4 \n"
        "ldr r1, [sp, #16] \n"
        "adds r1, #16 \n"
        "movs r2, #0 \n"
        "subs r2, #4 \n" // the channel before those that follow
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

// A value at r0 times the weights at r1 in the third of four rows.
#define COLUMN \
    "ldrsh r7, [r0, r2] \n" \
    "adds r0, #2 \n" \
    "ldrsb r6, [r1, r3] \n muls r6, r7 \n add r8, r6 \n" \
    "ldrsb r6, [r1, r2] \n muls r6, r7 \n add r9, r6 \n" \
    "ldrsb r6, [r1, r4] \n muls r6, r7 \n add r10, r6 \n" \
    "ldrsb r6, [r1, r5] \n muls r6, r7 \n add r11, r6 \n" \
    "adds r1, #1 \n"

SC_HOT __attribute__((naked)) void sc_conv_rows(const int16_t *x, const int8_t *w, int32_t length, int32_t *sums) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "push {r3} \n"
        "movs r4, #0 \n"
        "mov r8, r4 \n mov r9, r4 \n mov r10, r4 \n mov r11, r4 \n"
        "adds r1, r2 \n"
        "rsbs r3, r2, #0 \n"
        "movs r4, r2 \n"
        "lsls r5, r2, #1 \n"
        "adds r6, r0, r5 \n"
        "mov r12, r6 \n" // the end of x
        "movs r2, #0 \n"
        "b 2f \n"
        "1: \n"
        COLUMN
        "2: \n" // until a multiple of four is left
        "mov r6, r12 \n"
        "subs r6, r0 \n"
        "movs r7, #6 \n"
        "tst r6, r7 \n"
        "bne 1b \n"
        "cmp r0, r12 \n"
        "beq 4f \n"
        "3: \n"
        COLUMN COLUMN COLUMN COLUMN
        "cmp r0, r12 \n"
        "bne 3b \n"
        "4: \n"
        "pop {r3} \n"
        "mov r4, r8 \n mov r5, r9 \n mov r6, r10 \n mov r7, r11 \n"
        "stmia r3!, {r4-r7} \n"
        SC_ARMV6M_RETURN);
}

#endif
