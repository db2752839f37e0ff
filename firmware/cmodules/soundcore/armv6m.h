// Parts of the loops that are written in assembler for ARMv6-M, as naked functions: one file serves every build.
#ifndef SC_ARMV6M_H
#define SC_ARMV6M_H

// Saves the registers that a function must keep, nine words; returns with them restored.
#define SC_ARMV6M_SAVE \
    ".syntax unified \n" \
    "push {r4-r7, lr} \n mov r4, r8 \n mov r5, r9 \n mov r6, r10 \n mov r7, r11 \n push {r4-r7} \n"
#define SC_ARMV6M_RETURN \
    "pop {r4-r7} \n mov r8, r4 \n mov r9, r5 \n mov r10, r6 \n mov r11, r7 \n pop {r4-r7, pc} \n"

#endif
