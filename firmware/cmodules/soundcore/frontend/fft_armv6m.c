#include "frontend/fft_butterflies.h"

#if SC_FFT_ASSEMBLER

#include "armv6m.h"
#include "hot.h"

// r1 + i r2 turned by the factors on the stack, as rotate() of fft.c does; r3..r7 are lost. ASRS leaves the last bit that
// it shifts out in the carry, so ADCS rounds.
#define ROTATE(c, s, c_rest, s_rest) \
    "ldr r5, [sp, #" c "] \n" \
    "ldr r6, [sp, #" s "] \n" \
    ROTATE_BY("ldr r6, [sp, #" s "] \n", c_rest, s_rest)
// With c in Q15 in r5, s in r6; again: brings s back.
#define ROTATE_BY(again, c_rest, s_rest) \
    "asrs r3, r1, #15 \n" /* upper parts: re r3, im r4; lower ones: re r1, im r2 */ \
    "asrs r4, r2, #15 \n" \
    "lsls r1, #17 \n lsrs r1, #17 \n" \
    "lsls r2, #17 \n lsrs r2, #17 \n" \
    "movs r7, r1 \n" \
    "muls r7, r5 \n" \
    "muls r1, r6 \n" \
    "muls r6, r2 \n" \
    "muls r2, r5 \n" \
    "adds r7, r6 \n" /* lower re c + lower im s */ \
    "subs r2, r1 \n" /* lower im c - lower re s */ \
    again \
    "movs r1, r3 \n muls r1, r5 \n" \
    "muls r5, r4 \n" \
    "asrs r7, #15 \n adcs r7, r1 \n" \
    "asrs r2, #15 \n adcs r2, r5 \n" \
    "movs r1, r4 \n muls r1, r6 \n adds r7, r1 \n" \
    "muls r6, r3 \n subs r2, r6 \n" \
    "ldr r5, [sp, #" c_rest "] \n" \
    "ldr r6, [sp, #" s_rest "] \n" \
    "movs r1, r3 \n" \
    "muls r1, r5 \n" \
    "muls r5, r4 \n" \
    "muls r4, r6 \n" \
    "muls r3, r6 \n" \
    "adds r1, r4 \n asrs r1, #8 \n adcs r1, r7 \n" \
    "subs r5, r3 \n asrs r5, #8 \n adcs r2, r5 \n"

// cos r4 and sin r5 in Q23 -> in Q15 r2, r3, and the rests r4, r5, which are the lowest byte; r6 is 128.
#define FACTORS \
    "adds r2, r4, r6 \n asrs r2, #8 \n" \
    "adds r3, r5, r6 \n asrs r3, #8 \n" \
    "sxtb r4, r4 \n" \
    "sxtb r5, r5 \n"

// sin and cos of the angle within its quarter, r2 from the table r7.
#define SINE_COSINE(s, c) \
    "lsrs r2, #22 \n" \
    LOOK_UP(s, c)
#define LOOK_UP(s, c) \
    "ldr " s ", [r7, r2] \n" \
    "lsls r3, r6, #3 \n" \
    "subs r3, r2 \n" \
    "ldr " c ", [r7, r3] \n"

SC_HOT __attribute__((naked)) void sc_fft_first_radix4(sc_fft_complex_t *z, const sc_fft_complex_t *end) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "mov r12, r1 \n"
        "1: \n"
        "ldmia r0!, {r1-r4} \n" // a, c
        "adds r5, r1, r3 \n mov r8, r5 \n" // a + c: r8, r9; a - c: r1, r2
        "adds r6, r2, r4 \n mov r9, r6 \n"
        "subs r1, r3 \n"
        "subs r2, r4 \n"
        "ldmia r0!, {r3-r6} \n" // b, d
        "subs r0, #32 \n"
        "adds r7, r4, r6 \n" // b + d: r6, r7; b - d: r3, r4
        "subs r4, r6 \n"
        "adds r6, r3, r5 \n"
        "subs r3, r5 \n"
        "mov r5, r8 \n"
        "subs r5, r6 \n mov r10, r5 \n"
        "add r6, r8 \n"
        "mov r5, r9 \n"
        "subs r5, r7 \n mov r11, r5 \n"
        "add r7, r9 \n"
        "stmia r0!, {r6, r7} \n"
        "adds r5, r1, r4 \n"
        "subs r6, r2, r3 \n"
        "stmia r0!, {r5, r6} \n"
        "subs r5, r1, r4 \n"
        "adds r6, r2, r3 \n"
        "mov r3, r10 \n"
        "mov r4, r11 \n"
        "stmia r0!, {r3-r6} \n"
        "cmp r0, r12 \n"
        "bne 1b \n"
        SC_ARMV6M_RETURN);
}

// On the stack: 0, 16, 32 the factors of a row's second, third and last numbers (as they lie); 48 angle, 52 turn, 56 sine,
// 60 from behind a last number to the next, 64 all but 8 bytes, 68 where the row's last numbers end. r8: the first of these,
// until the row begins.
SC_HOT __attribute__((naked)) void sc_fft_radix4(sc_fft_complex_t *z, uint32_t gap, uint32_t all, const int32_t *sine,
    uint32_t turn) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "sub sp, #72 \n"
        "ldr r4, [sp, #108] \n"
        "str r4, [sp, #48] \n"
        "str r4, [sp, #52] \n"
        "str r3, [sp, #56] \n"
        "lsls r4, r1, #2 \n"
        "subs r4, #8 \n"
        "str r4, [sp, #60] \n"
        "mov r12, r4 \n"
        "movs r4, r2 \n"
        "subs r4, #8 \n"
        "str r4, [sp, #64] \n"
        "adds r2, r0 \n"
        "mov lr, r2 \n"
        "rsbs r2, r1, #0 \n"
        "mov r11, r2 \n" // to the number before
        "subs r1, #8 \n"
        "mov r8, r1 \n" // from behind a number to the next
        "1: \n" // those that are not turned
        "ldmia r0!, {r2, r3} \n add r0, r8 \n" // a
        "ldmia r0!, {r4, r5} \n add r0, r8 \n" // c
        "adds r6, r2, r4 \n mov r9, r6 \n" // a + c
        "adds r6, r3, r5 \n mov r10, r6 \n"
        "subs r2, r4 \n" // a - c
        "subs r3, r5 \n"
        "ldmia r0!, {r4, r5} \n add r0, r8 \n" // b
        "ldmia r0!, {r6, r7} \n" // d
        "subs r0, #8 \n"
        "adds r1, r4, r6 \n" // b + d: re r1, im r6; b - d: re r4, im r5
        "subs r4, r6 \n"
        "adds r6, r5, r7 \n"
        "subs r5, r7 \n"
        "subs r7, r2, r5 \n str r7, [r0] \n"
        "adds r7, r3, r4 \n str r7, [r0, #4] \n"
        "add r0, r11 \n"
        "mov r7, r9 \n subs r7, r1 \n str r7, [r0] \n"
        "mov r7, r10 \n subs r7, r6 \n str r7, [r0, #4] \n"
        "add r0, r11 \n"
        "adds r2, r5 \n str r2, [r0] \n"
        "subs r3, r4 \n str r3, [r0, #4] \n"
        "add r0, r11 \n"
        "add r1, r9 \n"
        "add r6, r10 \n"
        "stmia r0!, {r1, r6} \n"
        "add r0, r12 \n"
        "cmp r0, lr \n"
        "bne 1b \n"
        "mov r1, r8 \n"
        "mov lr, r1 \n"
        "mov r1, r11 \n"
        "subs r1, #8 \n"
        "mov r12, r1 \n" // from behind a number to the one before
        "mov r2, r11 \n"
        "lsls r3, r2, #1 \n"
        "adds r3, r2 \n"
        "subs r3, r0, r3 \n"
        "adds r3, #8 \n"
        "str r3, [sp, #68] \n"
        "ldr r2, [sp, #64] \n"
        "subs r3, r2 \n"
        "subs r3, #8 \n"
        "mov r8, r3 \n"
        "ldr r1, [sp, #48] \n"
        "b 3f \n"
        "2: \n"
        "mov r0, sp \n"
        "ldr r7, [sp, #56] \n"
        "movs r6, #128 \n"
        // The second numbers by twice the angle: c in Q15 at 0, s at 4, their rests at 8 and 12.
        "lsls r2, r1, #3 \n"
        "bcs 4f \n"
        SINE_COSINE("r5", "r4")
        "b 5f \n"
        "4: \n" // a quarter turn more
        SINE_COSINE("r4", "r5")
        "rsbs r4, r4, #0 \n"
        "5: \n"
        FACTORS
        "stmia r0!, {r2-r5} \n"
        // The third numbers by the angle.
        "lsrs r2, r1, #20 \n"
        LOOK_UP("r5", "r4")
        FACTORS
        "stmia r0!, {r2-r5} \n"
        // The last ones by three times the angle.
        "lsls r2, r1, #1 \n"
        "adds r2, r1 \n"
        "lsls r2, #1 \n"
        "bcs 6f \n"
        "bmi 7f \n"
        "lsls r2, #1 \n"
        SINE_COSINE("r5", "r4")
        "b 8f \n"
        "6: \n" // half a turn more
        "lsls r2, #1 \n"
        SINE_COSINE("r5", "r4")
        "rsbs r4, r4, #0 \n"
        "rsbs r5, r5, #0 \n"
        "b 8f \n"
        "7: \n" // a quarter turn more
        "lsls r2, #1 \n"
        SINE_COSINE("r4", "r5")
        "rsbs r4, r4, #0 \n"
        "8: \n"
        FACTORS
        "stmia r0!, {r2-r5} \n"
        "mov r0, r8 \n"
        "9: \n"
        "ldmia r0!, {r1, r2} \n add r0, r12 \n"
        ROTATE("32", "36", "40", "44")
        "mov r8, r1 \n mov r9, r2 \n"
        "ldmia r0!, {r1, r2} \n add r0, r12 \n"
        ROTATE("16", "20", "24", "28")
        "mov r3, r8 \n mov r4, r9 \n"
        "add r8, r1 \n" // b + d: r8, r9; b - d: r10, r11
        "add r9, r2 \n"
        "subs r1, r3 \n mov r10, r1 \n"
        "subs r2, r4 \n mov r11, r2 \n"
        "ldmia r0!, {r1, r2} \n add r0, r12 \n"
        ROTATE("0", "4", "8", "12")
        "ldr r3, [r0] \n"
        "ldr r4, [r0, #4] \n"
        "adds r5, r3, r1 \n" // a + c: r5, r6; a - c: r3, r4
        "adds r6, r4, r2 \n"
        "subs r3, r1 \n"
        "subs r4, r2 \n"
        "mov r1, r8 \n"
        "mov r2, r9 \n"
        "adds r7, r6, r2 \n"
        "subs r2, r6, r2 \n"
        "adds r6, r5, r1 \n"
        "subs r1, r5, r1 \n"
        "stmia r0!, {r6, r7} \n add r0, lr \n"
        "mov r5, r10 \n"
        "mov r6, r11 \n"
        "adds r7, r4, r5 \n"
        "subs r4, r5 \n"
        "subs r5, r3, r6 \n"
        "adds r3, r6 \n"
        "stmia r0!, {r3, r4} \n add r0, lr \n"
        "stmia r0!, {r1, r2} \n add r0, lr \n"
        "stmia r0!, {r5, r7} \n"
        "ldr r1, [sp, #60] \n"
        "adds r0, r1 \n"
        "ldr r1, [sp, #68] \n"
        "cmp r0, r1 \n"
        "beq 4f \n"
        "b 9b \n"
        "4: \n"
        "adds r1, #8 \n"
        "str r1, [sp, #68] \n"
        "ldr r1, [sp, #64] \n"
        "subs r0, r1 \n"
        "mov r8, r0 \n"
        "ldr r1, [sp, #48] \n"
        "ldr r2, [sp, #52] \n"
        "adds r1, r2 \n"
        "str r1, [sp, #48] \n"
        "3: \n"
        "lsls r2, r1, #2 \n" // up to a quarter turn
        "bcs 5f \n"
        "b 2b \n"
        "5: \n"
        "add sp, #72 \n"
        SC_ARMV6M_RETURN);
}

// On the stack: the middle of sine, the rests of c and s.
SC_HOT __attribute__((naked)) void sc_fft_split(sc_fft_complex_t *p, sc_fft_complex_t *q, const int32_t *sine,
    uint32_t turn) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "sub sp, #12 \n"
        "mov r12, r1 \n"
        "movs r4, #128 \n"
        "lsls r4, #2 \n"
        "adds r2, r4 \n"
        "str r2, [sp] \n" // the middle of the table
        "subs r4, r3, r4 \n"
        "mov r10, r4 \n" // the sine from there; the cosine lies as far before it
        "mov lr, r3 \n"
        "1: \n"
        "ldr r1, [r0] \n"
        "ldr r2, [r0, #4] \n"
        "mov r7, r12 \n"
        "ldr r3, [r7] \n"
        "ldr r4, [r7, #4] \n"
        "adds r5, r1, r3 \n mov r8, r5 \n" // E: r8, r9
        "subs r5, r2, r4 \n mov r9, r5 \n"
        "subs r5, r3, r1 \n"
        "adds r1, r2, r4 \n"
        "movs r2, r5 \n"
        "mov r3, r10 \n"
        "ldr r7, [sp] \n"
        "ldr r6, [r7, r3] \n"
        "subs r7, r3 \n"
        "ldr r5, [r7] \n"
        "add r10, lr \n"
        "sxtb r3, r5 \n str r3, [sp, #4] \n"
        "sxtb r3, r6 \n str r3, [sp, #8] \n"
        "movs r7, #128 \n"
        "adds r5, r7 \n asrs r5, #8 \n"
        "adds r6, r7 \n asrs r6, #8 \n"
        "mov r11, r6 \n"
        ROTATE_BY("mov r6, r11 \n", "4", "8")
        "mov r3, r8 \n"
        "mov r4, r9 \n"
        "adds r3, #1 \n"
        "adds r2, #1 \n"
        "adds r5, r3, r1 \n asrs r5, #1 \n"
        "adds r6, r2, r4 \n asrs r6, #1 \n"
        "stmia r0!, {r5, r6} \n"
        "subs r3, r1 \n asrs r3, #1 \n"
        "subs r4, r2, r4 \n asrs r4, #1 \n"
        "mov r7, r12 \n"
        "stmia r7!, {r3, r4} \n"
        "subs r7, #16 \n"
        "mov r12, r7 \n"
        "cmp r0, r7 \n"
        "bne 1b \n"
        "add sp, #12 \n"
        SC_ARMV6M_RETURN);
}

#endif
