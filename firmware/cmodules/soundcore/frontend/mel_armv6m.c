#include "frontend/mel_sums.h"

#if SC_MEL_ASSEMBLER

#include "armv6m.h"
#include "hot.h"

// r3 and r4, shifted, become a power with its shift in r7.
#define STORE_POWER \
    "muls r3, r3 \n" \
    "muls r4, r4 \n" \
    "adds r3, r4 \n" \
    "lsrs r3, #15 \n" \
    "adds r3, r7 \n" \
    "stmia r1!, {r3} \n"

// A bin's shift is most often that of the bin before, or next to it: r6, 0 or more, and r7, its exponent * 2^16.
SC_HOT __attribute__((naked)) void sc_mel_square(const sc_fft_complex_t *bins, uint32_t *powers, uint32_t n) {
    __asm__ volatile(
        SC_ARMV6M_SAVE
        "lsls r2, #3 \n"
        "adds r2, r0 \n"
        "mov r12, r2 \n"
        "movs r6, #0 \n"
        "movs r2, #1 \n"
        "lsls r2, #18 \n" // two bits of shift are four of the exponent
        "movs r7, #7 \n"
        "lsls r7, #18 \n"
        "1: \n"
        "ldmia r0!, {r3, r4} \n"
        "asrs r5, r3, #31 \n eors r3, r5 \n subs r3, r5 \n"
        "asrs r5, r4, #31 \n eors r4, r5 \n subs r4, r5 \n"
        "2: \n"
        "movs r5, r3 \n"
        "orrs r5, r4 \n"
        "lsrs r5, r6 \n"
        "lsrs r5, #13 \n"
        "beq 5f \n"
        "cmp r5, #4 \n"
        "bhs 4f \n"
        "3: \n"
        "lsrs r3, r6 \n"
        "lsrs r4, r6 \n"
        STORE_POWER
        "cmp r0, r12 \n"
        "bne 1b \n"
        SC_ARMV6M_RETURN
        "4: \n" // too large
        "adds r6, #2 \n"
        "adds r7, r2 \n"
        "lsrs r5, #2 \n"
        "cmp r5, #4 \n"
        "bhs 4b \n"
        "b 3b \n"
        "5: \n" // too small
        "cmp r6, #0 \n"
        "beq 6f \n"
        "subs r6, #2 \n"
        "subs r7, r2 \n"
        "b 2b \n"
        "6: \n" // shifted upwards, 14 bits at most
        "mov r8, r7 \n"
        "movs r5, r3 \n"
        "orrs r5, r4 \n"
        "7: \n"
        "lsls r3, #2 \n"
        "lsls r4, #2 \n"
        "subs r7, r2 \n"
        "beq 8f \n"
        "lsls r5, #2 \n"
        "lsrs r6, r5, #13 \n"
        "beq 7b \n"
        "8: \n"
        STORE_POWER
        "movs r6, #0 \n"
        "mov r7, r8 \n"
        "cmp r0, r12 \n"
        "bne 1b \n"
        SC_ARMV6M_RETURN);
}

// LSRS by 32 bits or more gives 0.
SC_HOT __attribute__((naked)) uint64_t sc_mel_sum(const uint32_t *powers, const uint16_t *weights, uint32_t count) {
    __asm__ volatile(
        ".syntax unified \n"
        "push {r4-r7, lr} \n"
        "lsls r3, r2, #2 \n"
        "adds r3, r0 \n"
        "mov r12, r3 \n"
        "movs r4, r0 \n"
        "movs r7, #0 \n" // the largest
        "lsrs r5, r2, #1 \n"
        "bcc 1f \n"
        "ldmia r4!, {r7} \n"
        "cmp r4, r3 \n"
        "beq 4f \n"
        "1: \n"
        "ldmia r4!, {r5, r6} \n"
        "cmp r5, r7 \n"
        "bls 2f \n"
        "movs r7, r5 \n"
        "2: \n"
        "cmp r6, r7 \n"
        "bls 3f \n"
        "movs r7, r6 \n"
        "3: \n"
        "cmp r4, r3 \n"
        "bne 1b \n"
        "4: \n"
        "lsrs r7, #16 \n"
        "subs r3, r2, #1 \n"
        "beq 6f \n"
        "5: \n" // room for the carries
        "adds r7, #1 \n"
        "lsrs r3, #1 \n"
        "bne 5b \n"
        "6: \n"
        "lsrs r3, r2, #1 \n"
        "movs r2, #0 \n" // keeps the carry, which says that count is odd
        "bcc 7f \n"
        "ldmia r0!, {r4} \n"
        "uxth r2, r4 \n"
        "ldrh r6, [r1] \n"
        "adds r1, #2 \n"
        "muls r2, r6 \n"
        "lsrs r4, #16 \n"
        "subs r4, r7, r4 \n"
        "lsrs r2, r4 \n"
        "b 8f \n"
        "7: \n"
        "ldmia r0!, {r3, r4} \n"
        "uxth r5, r3 \n"
        "ldrh r6, [r1] \n"
        "muls r5, r6 \n"
        "lsrs r3, #16 \n"
        "subs r3, r7, r3 \n"
        "lsrs r5, r3 \n"
        "adds r2, r5 \n"
        "uxth r5, r4 \n"
        "ldrh r6, [r1, #2] \n"
        "muls r5, r6 \n"
        "lsrs r4, #16 \n"
        "subs r4, r7, r4 \n"
        "lsrs r5, r4 \n"
        "adds r2, r5 \n"
        "adds r1, #4 \n"
        "8: \n"
        "cmp r0, r12 \n"
        "bne 7b \n"
        "movs r0, r2 \n"
        "movs r1, r7 \n"
        "pop {r4-r7, pc} \n");
}

#endif
