// Vectors, well-known addresses and tables of a stand-in for the RP2040's boot ROM (datasheet, section 2.8).
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .section .vectors, "a"
    .word 0x20041f00            // initial stack pointer
    .word reset
    .word rom_trap              // NMI
    .word rom_trap              // HardFault
    .byte 'M', 'u', 1, 3        // 0x10: magic, version of the ROM that the SDK's headers describe
    .hword function_table       // 0x14
    .hword data_table           // 0x16
    .hword rom_lookup + 1       // 0x18; +1: the Thumb bit, which the linker sets in words only
    .hword 0
    .fill 9, 4, 0               // the other exceptions are not used before the SDK moves the vector table

    .section .text.reset, "ax"
    .thumb_func
    .type reset, %function
reset:
    bl rom_load_boot2
    // With a link register of 0 the second stage continues at the firmware's vector table.
    movs r1, #0
    mov lr, r1
    ldr r0, =0x20041f01
    bx r0

    .thumb_func
    .global rom_trap
    .type rom_trap, %function
rom_trap:
    bkpt #0
    b rom_trap
    .pool

    .section .rodata.tables, "a"
    .align 2
    .macro entry first, second, address
    .byte \first, \second
    .hword \address
    .endm
function_table:
    entry 'P', '3', rom_popcount32 + 1
    entry 'R', '3', rom_reverse32 + 1
    entry 'L', '3', rom_clz32 + 1
    entry 'T', '3', rom_ctz32 + 1
    entry 'M', 'S', rom_memset + 1
    entry 'S', '4', rom_memset4 + 1
    entry 'M', 'C', rom_memcpy + 1
    entry 'C', '4', rom_memcpy44 + 1
    entry 'I', 'F', rom_nothing + 1         // connect_internal_flash
    entry 'E', 'X', rom_nothing + 1         // flash_exit_xip
    entry 'R', 'E', rom_flash_erase + 1
    entry 'R', 'P', rom_flash_program + 1
    entry 'F', 'C', rom_nothing + 1         // flash_flush_cache
    entry 'C', 'X', rom_nothing + 1         // flash_enter_cmd_xip
    entry 'U', 'B', rom_usb_boot + 1
    .hword 0, 0
data_table:
    entry 'S', 'F', rom_float_table + 4
    entry 'S', 'D', rom_double_table + 4
    .hword 0, 0
