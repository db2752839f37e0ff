#include "frontend/fft_butterflies.h"

#if SC_FFT_ASSEMBLER

#include "armv6m.h"
#include "hot.h"

SC_HOT __attribute__((naked)) void sc_fft_butterflies(sc_fft_complex_t *z, const sc_fft_turn_t *turns, uint32_t gap,
    uint32_t all) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "movs r5, r0 \n"
        "adds r0, r2 \n"
        "movs r4, r1 \n"
        "adds r4, #48 \n"
        "push {r0-r5} \n" // the row, its turn, gap, all, the end of turns, z
        "lsls r4, r2, #2 \n"
        "subs r4, #8 \n"
        "mov r12, r4 \n" // from behind a number to the next of its row
        "cmp r1, #0 \n"
        "beq 3f \n"
        "1: \n"
        "ldr r0, [sp] \n"
        "ldr r1, [sp, #4] \n"
        "ldr r2, [sp, #8] \n"
        "ldr r3, [sp, #12] \n"
        "adds r2, r0 \n"
        "str r2, [sp] \n"
        "adds r3, r0 \n"
        "mov lr, r3 \n"
        "ldmia r1!, {r4-r7} \n"
        "str r1, [sp, #4] \n"
        "mov r8, r4 \n mov r9, r6 \n mov r10, r5 \n mov r11, r7 \n" // c, s and their rests
        "2: \n"
        "ldr r1, [r0] \n"
        "ldr r2, [r0, #4] \n"
        "asrs r3, r1, #15 \n" // upper parts: re r3, im r4; lower ones: re r1, im r2
        "asrs r4, r2, #15 \n"
        "lsls r1, #17 \n lsrs r1, #17 \n"
        "lsls r2, #17 \n lsrs r2, #17 \n"
        "mov r5, r8 \n"
        "mov r6, r9 \n"
        "movs r7, r1 \n"
        "muls r7, r5 \n"
        "muls r1, r6 \n"
        "muls r6, r2 \n"
        "muls r2, r5 \n"
        "adds r7, r6 \n" // lower re c + lower im s
        "subs r2, r1 \n" // lower im c - lower re s
        "movs r1, #1 \n"
        "lsls r1, #14 \n"
        "adds r7, r1 \n asrs r7, #15 \n"
        "adds r2, r1 \n asrs r2, #15 \n"
        "mov r6, r9 \n"
        "movs r1, r3 \n muls r1, r5 \n adds r7, r1 \n"
        "movs r1, r4 \n muls r1, r6 \n adds r7, r1 \n"
        "muls r5, r4 \n adds r2, r5 \n"
        "muls r6, r3 \n subs r2, r6 \n"
        "mov r5, r10 \n"
        "mov r6, r11 \n"
        "movs r1, r3 \n"
        "muls r1, r5 \n"
        "muls r5, r4 \n"
        "muls r4, r6 \n"
        "muls r3, r6 \n"
        "adds r1, r4 \n adds r1, #128 \n asrs r1, #8 \n adds r1, r7 \n"
        "subs r5, r3 \n adds r5, #128 \n asrs r5, #8 \n adds r2, r5 \n"
        "stmia r0!, {r1, r2} \n"
        "add r0, r12 \n"
        "cmp r0, lr \n"
        "bne 2b \n"
        "ldr r1, [sp, #4] \n"
        "ldr r2, [sp, #16] \n"
        "cmp r1, r2 \n"
        "bne 1b \n"
        "3: \n"
        "ldr r0, [sp, #20] \n"
        "ldr r1, [sp, #8] \n"
        "ldr r2, [sp, #12] \n"
        "adds r2, r0 \n"
        "mov lr, r2 \n"
        "rsbs r2, r1, #0 \n"
        "mov r11, r2 \n" // to the row before
        "subs r1, #8 \n"
        "mov r8, r1 \n" // from behind a number to the next row
        "4: \n"
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
        "bne 4b \n"
        "add sp, #24 \n"
        SC_ARMV6M_RETURN);
}

#endif
