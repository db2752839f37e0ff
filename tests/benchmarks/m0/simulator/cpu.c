#include "cpu.h"

// Bits low .. low + count - 1.
static inline uint32_t bits(uint32_t code, uint32_t low, uint32_t count) {
    return (code >> low) & ((1u << count) - 1);
}

static inline uint32_t extend(uint32_t value, uint32_t width) {
    uint32_t sign = 1u << (width - 1);
    return (value ^ sign) - sign;
}

static inline uint32_t set_nz(cpu_t *cpu, uint32_t value) {
    cpu->n = value >> 31;
    cpu->z = value == 0;
    return value;
}

// a + b + carry with all flags; a - b is a + ~b + 1.
static inline uint32_t add(cpu_t *cpu, uint32_t a, uint32_t b, uint32_t carry) {
    uint64_t wide = (uint64_t)a + b + carry;
    uint32_t sum = (uint32_t)wide;
    cpu->c = (uint32_t)(wide >> 32);
    cpu->v = ((a ^ sum) & (b ^ sum)) >> 31;
    return set_nz(cpu, sum);
}

static inline void jump(cpu_t *cpu, uint32_t address) {
    cpu->next = address & ~1u;
}

// For addresses whose last bit chooses the instruction set: there is only Thumb.
static inline void jump_exchange(cpu_t *cpu, uint32_t address) {
    if (!(address & 1)) {
        memory_fault(cpu->memory, "jump to an even address", address);
    }
    jump(cpu, address);
}

// Shifts of count 0 leave value and carry as they are.
enum { LSL, LSR, ASR, ROR };
static uint32_t shift(cpu_t *cpu, uint32_t kind, uint32_t value, uint32_t count) {
    if (count == 0) {
        return set_nz(cpu, value);
    }
    int64_t wide = kind == ASR ? (int64_t)(int32_t)value : (int64_t)value;
    uint32_t most = count > 33 ? 33 : count;
    switch (kind) {
        case LSL:
            cpu->c = (uint32_t)(((uint64_t)value << most) >> 32) & 1;
            value = most > 31 ? 0 : value << most;
            break;
        case LSR:
        case ASR:
            cpu->c = (uint32_t)(wide >> (most - 1)) & 1;
            value = (uint32_t)(wide >> most);
            break;
        default:
            count &= 31;
            value = count ? (value >> count) | (value << (32 - count)) : value;
            cpu->c = value >> 31;
    }
    return set_nz(cpu, value);
}

// 000xx: shifts by a constant, ADDS and SUBS of three operands.
static void shift_add_subtract(cpu_t *cpu, uint32_t code) {
    uint32_t kind = bits(code, 11, 2), number = bits(code, 6, 5);
    uint32_t *d = &cpu->r[bits(code, 0, 3)], n = cpu->r[bits(code, 3, 3)];
    if (kind < 3) {
        *d = shift(cpu, kind, n, kind != LSL && number == 0 ? 32 : number);
        return;
    }
    uint32_t m = bits(code, 10, 1) ? bits(code, 6, 3) : cpu->r[bits(code, 6, 3)];
    *d = bits(code, 9, 1) ? add(cpu, n, ~m, 1) : add(cpu, n, m, 0);
}

// 001xx: MOVS, CMP, ADDS, SUBS with a byte.
static void with_byte(cpu_t *cpu, uint32_t code) {
    uint32_t *d = &cpu->r[bits(code, 8, 3)], number = bits(code, 0, 8);
    switch (bits(code, 11, 2)) {
        case 0: *d = set_nz(cpu, number); break;
        case 1: add(cpu, *d, ~number, 1); break;
        case 2: *d = add(cpu, *d, number, 0); break;
        default: *d = add(cpu, *d, ~number, 1);
    }
}

// 010000: two low registers.
static void data_processing(cpu_t *cpu, uint32_t code) {
    uint32_t *d = &cpu->r[bits(code, 0, 3)], m = cpu->r[bits(code, 3, 3)];
    switch (bits(code, 6, 4)) {
        case 0: *d = set_nz(cpu, *d & m); break;
        case 1: *d = set_nz(cpu, *d ^ m); break;
        case 2: *d = shift(cpu, LSL, *d, m & 0xff); break;
        case 3: *d = shift(cpu, LSR, *d, m & 0xff); break;
        case 4: *d = shift(cpu, ASR, *d, m & 0xff); break;
        case 5: *d = add(cpu, *d, m, cpu->c); break;
        case 6: *d = add(cpu, *d, ~m, cpu->c); break;
        case 7: *d = shift(cpu, ROR, *d, m & 0xff); break;
        case 8: set_nz(cpu, *d & m); break;
        case 9: *d = add(cpu, 0, ~m, 1); break;
        case 10: add(cpu, *d, ~m, 1); break;
        case 11: add(cpu, *d, m, 0); break;
        case 12: *d = set_nz(cpu, *d | m); break;
        case 13: *d = set_nz(cpu, *d * m); break;
        case 14: *d = set_nz(cpu, *d & ~m); break;
        default: *d = set_nz(cpu, ~m);
    }
}

// 010001: ADD, CMP, MOV of any registers, BX, BLX.
static uint32_t any_registers(cpu_t *cpu, uint32_t code) {
    uint32_t d = bits(code, 0, 3) | bits(code, 7, 1) << 3, m = cpu->r[bits(code, 3, 4)], operation = bits(code, 8, 2);
    if (operation == 3) {
        if (bits(code, 7, 1)) {
            cpu->r[LR] = cpu->next | 1;
        }
        jump_exchange(cpu, m);
        return 2;
    }
    if (operation == 1) {
        add(cpu, cpu->r[d], ~m, 1);
        return 1;
    }
    uint32_t value = operation == 0 ? cpu->r[d] + m : m;
    if (d == PC) {
        jump(cpu, value);
        return 2;
    }
    cpu->r[d] = d == SP ? value & ~3u : value;
    return 1;
}

// 0101: loads and stores at the sum of two registers.
static void load_store_register(cpu_t *cpu, uint32_t code) {
    uint32_t *d = &cpu->r[bits(code, 0, 3)], at = cpu->r[bits(code, 3, 3)] + cpu->r[bits(code, 6, 3)];
    switch (bits(code, 9, 3)) {
        case 0: memory_write(cpu->memory, at, 4, *d); break;
        case 1: memory_write(cpu->memory, at, 2, *d); break;
        case 2: memory_write(cpu->memory, at, 1, *d); break;
        case 3: *d = extend(memory_read(cpu->memory, at, 1), 8); break;
        case 4: *d = memory_read(cpu->memory, at, 4); break;
        case 5: *d = memory_read(cpu->memory, at, 2); break;
        case 6: *d = memory_read(cpu->memory, at, 1); break;
        default: *d = extend(memory_read(cpu->memory, at, 2), 16);
    }
}

// 011, 100: loads and stores at a register or the stack pointer and a constant.
static void load_store_constant(cpu_t *cpu, uint32_t code) {
    uint32_t group = bits(code, 12, 4), size = group == 6 || group == 9 ? 4 : group == 7 ? 1 : 2;
    uint32_t *d = &cpu->r[group == 9 ? bits(code, 8, 3) : bits(code, 0, 3)];
    uint32_t at = group == 9 ? cpu->r[SP] + 4 * bits(code, 0, 8) : cpu->r[bits(code, 3, 3)] + size * bits(code, 6, 5);
    if (bits(code, 11, 1)) {
        *d = memory_read(cpu->memory, at, size);
    } else {
        memory_write(cpu->memory, at, size, *d);
    }
}

// 1100: STM, LDM. The address goes back to its register, unless that was loaded.
static uint32_t load_store_multiple(cpu_t *cpu, uint32_t code) {
    uint32_t base = bits(code, 8, 3), at = cpu->r[base], load = bits(code, 11, 1), count = 0;
    for (uint32_t i = 0; i < 8; i++) {
        if (!bits(code, i, 1)) {
            continue;
        }
        if (load) {
            cpu->r[i] = memory_read(cpu->memory, at, 4);
        } else {
            memory_write(cpu->memory, at, 4, cpu->r[i]);
        }
        at += 4;
        count++;
    }
    if (!load || !bits(code, base, 1)) {
        cpu->r[base] = at;
    }
    return 1 + count;
}

static uint32_t push(cpu_t *cpu, uint32_t code) {
    uint32_t count = (uint32_t)__builtin_popcount(code & 0x1ff), at = cpu->r[SP] - 4 * count;
    cpu->r[SP] = at;
    for (uint32_t i = 0; i < 9; i++) {
        if (bits(code, i, 1)) {
            memory_write(cpu->memory, at, 4, cpu->r[i == 8 ? LR : i]);
            at += 4;
        }
    }
    return 1 + count;
}

static uint32_t pop(cpu_t *cpu, uint32_t code) {
    uint32_t at = cpu->r[SP], count = (uint32_t)__builtin_popcount(code & 0x1ff);
    for (uint32_t i = 0; i < 8; i++) {
        if (bits(code, i, 1)) {
            cpu->r[i] = memory_read(cpu->memory, at, 4);
            at += 4;
        }
    }
    cpu->r[SP] += 4 * count;
    if (!bits(code, 8, 1)) {
        return 1 + count;
    }
    jump_exchange(cpu, memory_read(cpu->memory, at, 4));
    return 3 + count;
}

static uint32_t swap_bytes(cpu_t *cpu, uint32_t code, uint32_t x) {
    uint32_t halves = (x & 0x00ff00ff) << 8 | ((x >> 8) & 0x00ff00ff);
    switch (bits(code, 6, 2)) {
        case 0: return halves << 16 | halves >> 16;
        case 1: return halves;
        case 3: return extend(halves & 0xffff, 16);
        default: memory_fault(cpu->memory, "unknown instruction", code);
    }
}

// 1011: the stack, extensions, the order of bytes, NOP.
static uint32_t miscellaneous(cpu_t *cpu, uint32_t code) {
    uint32_t *d = &cpu->r[bits(code, 0, 3)], m = cpu->r[bits(code, 3, 3)];
    switch (bits(code, 8, 4)) {
        case 0: cpu->r[SP] += bits(code, 7, 1) ? -(4 * bits(code, 0, 7)) : 4 * bits(code, 0, 7); return 1;
        case 2:
            switch (bits(code, 6, 2)) {
                case 0: *d = extend(m & 0xffff, 16); return 1;
                case 1: *d = extend(m & 0xff, 8); return 1;
                case 2: *d = m & 0xffff; return 1;
                default: *d = m & 0xff; return 1;
            }
        case 4: case 5: return push(cpu, code);
        case 10: *d = swap_bytes(cpu, code, m); return 1;
        case 12: case 13: return pop(cpu, code);
        case 15:
            if (code == 0xbf00) {
                return 1;
            }
            // fall through
        default: memory_fault(cpu->memory, "unknown instruction", code);
    }
}

static uint32_t holds(const cpu_t *cpu, uint32_t condition) {
    uint32_t it;
    switch (condition >> 1) {
        case 0: it = cpu->z; break;
        case 1: it = cpu->c; break;
        case 2: it = cpu->n; break;
        case 3: it = cpu->v; break;
        case 4: it = cpu->c && !cpu->z; break;
        case 5: it = cpu->n == cpu->v; break;
        default: it = !cpu->z && cpu->n == cpu->v;
    }
    return it ^ (condition & 1);
}

// 1101: branches on a condition.
static uint32_t branch_if(cpu_t *cpu, uint32_t code) {
    uint32_t condition = bits(code, 8, 4);
    if (condition >= 14) { // UDF, SVC
        memory_fault(cpu->memory, "unknown instruction", code);
    }
    if (!holds(cpu, condition)) {
        return 1;
    }
    jump(cpu, cpu->r[PC] + 2 * extend(bits(code, 0, 8), 8));
    return 2;
}

// 11110: two halfwords, BL and MRS of the flags.
static uint32_t two_halfwords(cpu_t *cpu, uint32_t code) {
    uint32_t second = memory_fetch(cpu->memory, cpu->next);
    if (code == 0xf3ef && (second & 0xf0ff) == 0x8000) {
        cpu->next += 2;
        cpu->r[bits(second, 8, 4)] = cpu->n << 31 | cpu->z << 30 | cpu->c << 29 | cpu->v << 28;
        return 3;
    }
    if ((second & 0xd000) != 0xd000) {
        memory_fault(cpu->memory, "unknown instruction", code << 16 | second);
    }
    uint32_t sign = bits(code, 10, 1), i1 = !(bits(second, 13, 1) ^ sign), i2 = !(bits(second, 11, 1) ^ sign);
    uint32_t offset = sign << 24 | i1 << 23 | i2 << 22 | bits(code, 0, 10) << 12 | bits(second, 0, 11) << 1;
    cpu->r[LR] = (cpu->next + 2) | 1;
    jump(cpu, cpu->r[PC] + extend(offset, 25));
    return 3;
}

// Runs an instruction whose first halfword is code; returns its cycles.
static uint32_t run(cpu_t *cpu, uint32_t code) {
    switch (code >> 11) {
        case 0: case 1: case 2: case 3: shift_add_subtract(cpu, code); return 1;
        case 4: case 5: case 6: case 7: with_byte(cpu, code); return 1;
        case 8:
            if (bits(code, 10, 1)) {
                return any_registers(cpu, code);
            }
            data_processing(cpu, code);
            return 1;
        case 9:
            cpu->r[bits(code, 8, 3)] = memory_read(cpu->memory, (cpu->r[PC] & ~3u) + 4 * bits(code, 0, 8), 4);
            return 2;
        case 10: case 11: load_store_register(cpu, code); return 2;
        case 12: case 13: case 14: case 15:
        case 16: case 17: case 18: case 19: load_store_constant(cpu, code); return 2;
        case 20: cpu->r[bits(code, 8, 3)] = (cpu->r[PC] & ~3u) + 4 * bits(code, 0, 8); return 1;
        case 21: cpu->r[bits(code, 8, 3)] = cpu->r[SP] + 4 * bits(code, 0, 8); return 1;
        case 22: case 23: return miscellaneous(cpu, code);
        case 24: case 25: return load_store_multiple(cpu, code);
        case 26: case 27: return branch_if(cpu, code);
        case 28: jump(cpu, cpu->r[PC] + 2 * extend(bits(code, 0, 11), 11)); return 2;
        case 30: return two_halfwords(cpu, code);
        default: memory_fault(cpu->memory, "unknown instruction", code);
    }
}

void cpu_reset(cpu_t *cpu) {
    cpu->r[SP] = memory_read(cpu->memory, FLASH_AT, 4);
    cpu->r[LR] = 0xffffffff;
    jump_exchange(cpu, memory_read(cpu->memory, FLASH_AT + 4, 4));
}

void cpu_step(cpu_t *cpu) {
    uint32_t at = cpu->next;
    cpu->memory->at = at;
    cpu->r[PC] = at + 4;
    cpu->next = at + 2;
    cpu->cycles += run(cpu, memory_fetch(cpu->memory, at));
    cpu->instructions++;
}
