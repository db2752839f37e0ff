#include "frontend/window_armv6m.h"

#if SC_WINDOW_ASSEMBLER

#include "armv6m.h"
#include "hot.h"

// The sample `x` (lost) times the weight `w` (lost) -> `to`: the upper 16 bits of the weight and the lower eight; r0 is 0.
#define WEIGH(to, x, w) \
    "asrs " to ", " w ", #8 \n" \
    "uxtb " w ", " w " \n" \
    "muls " to ", " x " \n" \
    "muls " w ", " x " \n" \
    "asrs " w ", #8 \n" \
    "adds " to ", " w " \n" \
    "asrs " to ", #9 \n" \
    "adcs " to ", r0 \n"

// The pair of samples at r7 with two weights at r6 -> re r5, im r4; r1..r3 are lost.
#define PAIR(first, second) \
    "ldr r1, [r7] \n" \
    "ldmia r6!, {r2, r3} \n" \
    "sxth r4, r1 \n" \
    "asrs r1, #16 \n" \
    WEIGH("r5", "r4", first) \
    WEIGH("r4", "r1", second)
#define RISING PAIR("r2", "r3")
#define FALLING PAIR("r3", "r2")

// On the stack: 0 z, 4 the pair, from 0 to 63 with its bits reversed, in bytes of samples, 8 x, 12 hann, 16 two
// weights that are mirror images: the sum of their addresses, with 8 for the one that was read; 20 the end of z.
SC_HOT __attribute__((naked)) void sc_window_first_butterflies(sc_fft_complex_t *z, const int16_t *x,
    const int32_t *hann) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "sub sp, #24 \n"
        "str r0, [sp] \n"
        "movs r3, #1 \n"
        "lsls r4, r3, #11 \n"
        "adds r0, r4 \n"
        "str r0, [sp, #20] \n"
        "str r1, [sp, #8] \n"
        "str r2, [sp, #12] \n"
        "lsls r3, #10 \n"
        "adds r3, r2 \n"
        "adds r3, r2 \n"
        "adds r3, #4 \n"
        "str r3, [sp, #16] \n"
        "movs r5, #0 \n"
        "1: \n"
        "str r5, [sp, #4] \n"
        "movs r0, #0 \n"
        "ldr r7, [sp, #8] \n"
        "adds r7, r5 \n"
        "ldr r6, [sp, #12] \n"
        "lsls r5, #1 \n"
        "adds r6, r5 \n"
        RISING // a
        "mov r8, r5 \n mov r9, r4 \n"
        "ldr r1, [sp, #16] \n"
        "subs r6, r1, r6 \n"
        "movs r1, #128 \n"
        "lsls r1, #2 \n"
        "adds r7, r1 \n"
        FALLING // c, 128 pairs on
        "mov r1, r8 \n"
        "mov r2, r9 \n"
        "adds r3, r1, r5 \n mov r8, r3 \n" // a + c: r8, r9; a - c: r10, r11
        "adds r3, r2, r4 \n mov r9, r3 \n"
        "subs r1, r5 \n mov r10, r1 \n"
        "subs r2, r4 \n mov r11, r2 \n"
        "movs r1, #130 \n"
        "lsls r1, #2 \n"
        "subs r6, r1 \n"
        "adds r7, #128 \n"
        "adds r7, #128 \n"
        FALLING // d, 192 pairs on
        "mov r12, r5 \n mov lr, r4 \n"
        "ldr r1, [sp, #16] \n"
        "subs r6, r1, r6 \n"
        "movs r1, #128 \n"
        "lsls r1, #2 \n"
        "subs r7, r1 \n"
        RISING // b, 64 pairs on
        "mov r1, r12 \n"
        "mov r2, lr \n"
        "adds r3, r5, r1 \n" // b + d: r3, r5; b - d: r1, r2
        "subs r1, r5, r1 \n"
        "adds r5, r4, r2 \n"
        "subs r2, r4, r2 \n"
        "ldr r0, [sp] \n"
        "mov r6, r8 \n"
        "mov r7, r9 \n"
        "adds r4, r6, r3 \n"
        "subs r3, r6, r3 \n"
        "subs r6, r7, r5 \n"
        "adds r5, r7 \n"
        "stmia r0!, {r4, r5} \n"
        "mov r4, r10 \n"
        "mov r5, r11 \n"
        "adds r7, r5, r1 \n"
        "subs r5, r1 \n"
        "subs r1, r4, r2 \n"
        "adds r4, r2 \n"
        "stmia r0!, {r4, r5} \n"
        "stmia r0!, {r3, r6} \n"
        "stmia r0!, {r1, r7} \n"
        "str r0, [sp] \n"
        "ldr r1, [sp, #20] \n"
        "cmp r0, r1 \n"
        "beq 3f \n"
        "ldr r5, [sp, #4] \n"
        "movs r1, #128 \n"
        "2: \n"
        "eors r5, r1 \n"
        "tst r5, r1 \n"
        "bne 4f \n"
        "lsrs r1, #1 \n"
        "b 2b \n"
        "4: \n"
        "b 1b \n"
        "3: \n"
        "add sp, #24 \n"
        SC_ARMV6M_RETURN);
}

#endif
