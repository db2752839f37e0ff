// What an operating system and a C library do on an ESP32: vectors of the processor, the start, setjmp and longjmp.
//
// A call moves the window of registers a0 to a15 by 8 along a ring of 32, on an ESP32 of 64 (gcc calls by call8 only), and an `entry` that
// meets the registers of an older caller raises an overflow: the handler stores them on the stack. A return to them
// raises an underflow, and the handler loads them. Where they lie is part of the calling convention ("Windowed Register
// Usage and Stack Layout" in the Xtensa ISA reference manual): a0 to a3 in the 16 bytes below the stack pointer of the
// function called, a4 to a7 in the 16 bytes below those, of the caller's caller.

#define USER_MODE_WITH_WINDOWS 0x00040020 // PS.UM and PS.WOE
#define MOVSP 5 // in EXCCAUSE

    .section .vectors, "ax", @progbits
    // Overflow and underflow of a window that was called by call4, which only the few registers of a call8 lack.
    s32e a0, a5, -16
    s32e a1, a5, -12
    s32e a2, a5, -8
    s32e a3, a5, -4
    rfwo
    .org 0x40
    l32e a0, a5, -16
    l32e a1, a5, -12
    l32e a2, a5, -8
    l32e a3, a5, -4
    rfwu
    // Overflow by call8: a9 is the stack pointer of the function that was called.
    .org 0x80
    s32e a0, a9, -16
    l32e a0, a1, -12
    s32e a1, a9, -12
    s32e a2, a9, -8
    s32e a3, a9, -4
    s32e a4, a0, -32
    s32e a5, a0, -28
    s32e a6, a0, -24
    s32e a7, a0, -20
    rfwo
    .org 0xc0
underflow8:
    l32e a0, a9, -16
    l32e a1, a9, -12
    l32e a2, a9, -8
    l32e a7, a1, -12
    l32e a3, a9, -4
    l32e a4, a7, -32
    l32e a5, a7, -28
    l32e a6, a7, -24
    l32e a7, a7, -20
    rfwu
    // Exceptions in the kernel, of the user, and within another. There are no interrupts.
    .org 0x300
    j exception
    .org 0x340
    j user_exception
    .org 0x3c0
    j exception

    .section .reset, "ax", @progbits
    .global reset
reset:
    j 1f
    .align 4
start_address:
    .long start
1:  l32r a0, start_address
    jx a0

    .text
    // A stack, and no caller's registers to store.
    .macro first_window
    movi a0, 0
    wsr a0, windowbase
    rsync
    movi a0, 1
    wsr a0, windowstart
    rsync
    movi a1, STACK_TOP
    movi a2, USER_MODE_WITH_WINDOWS
    wsr a2, ps
    rsync
    movi a0, 0
    .endm

    .align 4
start:
    first_window
    call8 main

    .align 4
exception:
    first_window
    rsr a10, exccause
    rsr a11, epc1
    rsr a12, excvaddr
    call8 report_exception

    // movsp gives a function another stack pointer, as alloca needs. If its caller's registers are on the stack, below the
    // old one, the processor asks for them to be loaded before it tries again: as an underflow would.
    .align 4
user_exception:
    wsr a0, excsave1
    rsr a0, windowbase
    rotw -2 // the caller's registers hold nothing now; this function's a0 is a8 here
    rsr a1, exccause
    bnei a1, MOVSP, exception
    rsr a1, ps
    extui a2, a1, 8, 4 // PS.OWB: where an underflow's end goes back to
    xor a2, a2, a8
    slli a2, a2, 8
    xor a1, a1, a2
    wsr a1, ps
    rsr a8, excsave1
    rsync
    j underflow8

    // int simulator_call(int what, int a, int b, int c): QEMU takes them from a2 to a5.
    .align 4
    .global simulator_call
simulator_call:
    entry a1, 32
    simcall
    retw

    // Calls itself a2 times: as many as need all registers, so that those of all callers are on the stack.
    .align 4
spill_windows:
    entry a1, 32
    beqz a2, 1f
    addi a10, a2, -1
    call8 spill_windows
1:
    retw

    // jmp_buf: a0 to a7 of the caller, a0 and a1 of setjmp itself, and where the caller's a4 to a7 are stored.
    .align 4
    .global setjmp
setjmp:
    entry a1, 48
    movi a10, 9
    call8 spill_windows
    addi a3, a1, -16
    l32i a5, a3, 4 // the caller's stack pointer
    addi a5, a5, -12
    l32i a5, a5, 0 // that of its caller
    addi a5, a5, -32
    .irp i, 0, 4, 8, 12
    l32i a4, a3, \i
    s32i a4, a2, \i
    l32i a4, a5, \i
    s32i a4, a2, 16 + \i
    .endr
    s32i a0, a2, 32
    s32i a1, a2, 36
    s32i a5, a2, 40
    movi a2, 0
    retw

    // Forgets all windows but its own, takes the place of setjmp's, and puts back what its caller will load.
    .align 4
    .global longjmp
longjmp:
    entry a1, 48
    rsr a4, windowbase
    movi a5, 1
    ssl a4
    sll a5, a5
    wsr a5, windowstart
    rsync
    l32i a0, a2, 32
    l32i a1, a2, 36
    l32i a5, a2, 40
    addi a6, a1, -16
    .irp i, 0, 4, 8, 12
    l32i a4, a2, \i
    s32i a4, a6, \i
    l32i a4, a2, 16 + \i
    s32i a4, a5, \i
    .endr
    mov a2, a3
    bnez a2, 1f
    movi a2, 1
1:
    retw
