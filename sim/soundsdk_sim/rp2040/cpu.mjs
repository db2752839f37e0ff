// A fast Cortex-M0+: runs bursts of instructions on rp2040js's core object, whose registers, flags, exceptions and
// system instructions stay in use. Cycles are those of Arm's table for the M0+ at zero wait states
// (Technical Reference Manual, table 3.1) with the single-cycle multiplier and I/O port; an exception costs 15 to enter.
// Delays by the flash cache and the bus of a real chip are not modelled.
import { KIND, kinds } from './decode.mjs';

const RAM = 0x20000000;
const RAM_SIZE = 264 * 1024;
const FLASH = 0x10000000;
const EXCEPTION_ENTRY_CYCLES = 15;
export const WATCH_MASK = 0x1fffff;

const K = KIND;

// Halts the chip: a HardFault without a useful handler.
export class Fault extends Error {
  name = 'Fault';
}

// watch: one byte per halfword address (masked) at which a branch ends the burst with `hit` set; null for none.
export class Cpu {
  constructor(mcu, clock) {
    this.mcu = mcu;
    this.core = mcu.core;
    this.clock = clock;
    this.instructions = 0;
    this.sleepCycles = 0; // cycles asleep, in WFE or WFI
    this.exceptionCycles = 0; // cycles with an exception handler active, entry included
    this.watch = null;
    this.hit = false;
    this.burst = makeBurst(this);
    this.countExceptions();
  }

  countExceptions() {
    const { core, clock } = this;
    const enter = core.exceptionEntry.bind(core);
    const leave = core.exceptionReturn.bind(core);
    let begin = 0;
    core.exceptionEntry = (number) => {
      if (core.currentMode === 0) begin = clock.cycles;
      enter(number);
      clock.cycles += EXCEPTION_ENTRY_CYCLES;
    };
    core.exceptionReturn = (how) => {
      leave(how);
      if (core.currentMode === 0) this.exceptionCycles += clock.cycles - begin;
    };
  }
}

function makeBurst(cpu) {
  const { mcu, core, clock } = cpu;
  const R = new Int32Array(core.registers.buffer);
  const ram8 = mcu.sram;
  const ram16 = new Uint16Array(ram8.buffer);
  const ram32 = new Int32Array(ram8.buffer);
  const flash8 = mcu.flash;
  const flash16 = new Uint16Array(flash8.buffer);
  const flash32 = new Int32Array(flash8.buffer);
  const rom16 = new Uint16Array(mcu.bootrom.buffer);
  const rom32 = new Int32Array(mcu.bootrom.buffer);

  let begin = 0; // clock.cycles at the start of the burst
  let slow = 0; // set by an access outside memory: 1 single-cycle I/O, 2 anything that may affect what follows
  let extra = 0; // its cycles beyond a memory access

  function unaligned(addr) {
    throw new Fault(`unaligned access to 0x${(addr >>> 0).toString(16)}`);
  }

  function device(addr, used, apbCycles) {
    clock.cycles = begin + used;
    const region = addr >>> 28;
    slow = region === 0xd ? 1 : 2;
    extra = region === 0xd ? -1 : region === 4 ? apbCycles : 0;
  }

  function slowLoad32(addr, used) {
    if (addr & 3) unaligned(addr);
    device(addr, used, 2);
    return mcu.readUint32(addr >>> 0) | 0;
  }

  function load32(addr, used) {
    const off = (addr - RAM) >>> 0;
    if (off < RAM_SIZE && (addr & 3) === 0) return ram32[off >>> 2];
    if (addr >>> 26 === FLASH >>> 26 && (addr & 3) === 0) return flash32[(addr & 0xffffff) >>> 2];
    if (addr >>> 14 === 0 && (addr & 3) === 0) return rom32[addr >>> 2];
    return slowLoad32(addr, used);
  }

  function load16(addr, used) {
    const off = (addr - RAM) >>> 0;
    if (off < RAM_SIZE && (addr & 1) === 0) return ram16[off >>> 1];
    if (addr >>> 26 === FLASH >>> 26 && (addr & 1) === 0) return flash16[(addr & 0xffffff) >>> 1];
    if (addr & 1) unaligned(addr);
    if (addr >>> 14 === 0) return rom16[addr >>> 1];
    device(addr, used, 2);
    return mcu.readUint16(addr >>> 0);
  }

  function load8(addr, used) {
    const off = (addr - RAM) >>> 0;
    if (off < RAM_SIZE) return ram8[off];
    if (addr >>> 26 === FLASH >>> 26) return flash8[addr & 0xffffff];
    if (addr >>> 14 === 0) return (rom16[addr >>> 1] >>> (8 * (addr & 1))) & 0xff;
    device(addr, used, 2);
    return mcu.readUint8(addr >>> 0);
  }

  function store32(addr, value, used) {
    const off = (addr - RAM) >>> 0;
    if (off < RAM_SIZE && (addr & 3) === 0) {
      ram32[off >>> 2] = value;
      return;
    }
    if (addr & 3) unaligned(addr);
    device(addr, used, 3);
    mcu.writeUint32(addr >>> 0, value >>> 0);
  }

  function store16(addr, value, used) {
    const off = (addr - RAM) >>> 0;
    if (off < RAM_SIZE && (addr & 1) === 0) {
      ram16[off >>> 1] = value;
      return;
    }
    if (addr & 1) unaligned(addr);
    device(addr, used, 3);
    mcu.writeUint16(addr >>> 0, value & 0xffff);
  }

  function store8(addr, value, used) {
    const off = (addr - RAM) >>> 0;
    if (off < RAM_SIZE) {
      ram8[off] = value;
      return;
    }
    device(addr, used, 3);
    mcu.writeUint8(addr >>> 0, value & 0xff);
  }

  // Runs at least one instruction, and stops after `budget` cycles, an access outside memory, a wait of the core or a
  // branch to a watched address. Afterwards the clock is at the end of the last instruction.
  return function burst(budget) {
    const { watch } = cpu;
    const watching = watch !== null;
    begin = clock.cycles;
    let used = 0;
    let end = budget;
    let count = 0;
    let pc = R[15] & ~1;
    let n = core.N ? -1 : 0; // negative: N is set
    let z = core.Z ? 0 : 1; // zero: Z is set
    let c = core.C;
    let v = core.V;

    do {
      const op =
        pc >>> 26 === FLASH >>> 26
          ? flash16[(pc & 0xffffff) >>> 1]
          : (pc - RAM) >>> 0 < RAM_SIZE
            ? ram16[(pc - RAM) >>> 1]
            : pc >>> 14 === 0
              ? rom16[pc >>> 1]
              : 0xde00; // no memory: an undefined instruction
      pc = (pc + 2) | 0;
      count++;
      used++;
      switch (kinds[op]) {
        case K.LSL_I: {
          const a = R[(op >> 3) & 7];
          const k = (op >> 6) & 31;
          if (k !== 0) c = ((a >>> (32 - k)) & 1) !== 0;
          n = z = R[op & 7] = a << k;
          break;
        }
        case K.LSR_I: {
          const a = R[(op >> 3) & 7];
          const k = (op >> 6) & 31;
          c = ((k === 0 ? a >>> 31 : a >>> (k - 1)) & 1) !== 0;
          n = z = R[op & 7] = k === 0 ? 0 : a >>> k;
          break;
        }
        case K.ASR_I: {
          const a = R[(op >> 3) & 7];
          const k = (op >> 6) & 31;
          c = ((k === 0 ? a >>> 31 : a >> (k - 1)) & 1) !== 0;
          n = z = R[op & 7] = k === 0 ? a >> 31 : a >> k;
          break;
        }
        case K.ADD_R: {
          const a = R[(op >> 3) & 7];
          const b = R[(op >> 6) & 7];
          n = z = R[op & 7] = (a + b) | 0;
          c = z >>> 0 < a >>> 0;
          v = ((a ^ z) & (b ^ z)) < 0;
          break;
        }
        case K.ADD_3: {
          const a = R[(op >> 3) & 7];
          n = z = R[op & 7] = (a + ((op >> 6) & 7)) | 0;
          c = z >>> 0 < a >>> 0;
          v = (~a & z) < 0;
          break;
        }
        case K.ADD_8: {
          const d = (op >> 8) & 7;
          const a = R[d];
          n = z = R[d] = (a + (op & 0xff)) | 0;
          c = z >>> 0 < a >>> 0;
          v = (~a & z) < 0;
          break;
        }
        case K.SUB_R: {
          const a = R[(op >> 3) & 7];
          const b = R[(op >> 6) & 7];
          n = z = R[op & 7] = (a - b) | 0;
          c = a >>> 0 >= b >>> 0;
          v = ((a ^ b) & (a ^ z)) < 0;
          break;
        }
        case K.SUB_3: {
          const a = R[(op >> 3) & 7];
          const b = (op >> 6) & 7;
          n = z = R[op & 7] = (a - b) | 0;
          c = a >>> 0 >= b;
          v = (a & ~z) < 0;
          break;
        }
        case K.SUB_8: {
          const d = (op >> 8) & 7;
          const a = R[d];
          const b = op & 0xff;
          n = z = R[d] = (a - b) | 0;
          c = a >>> 0 >= b;
          v = (a & ~z) < 0;
          break;
        }
        case K.MOV_8:
          n = z = R[(op >> 8) & 7] = op & 0xff;
          break;
        case K.CMP_8: {
          const a = R[(op >> 8) & 7];
          const b = op & 0xff;
          n = z = (a - b) | 0;
          c = a >>> 0 >= b;
          v = (a & ~z) < 0;
          break;
        }
        case K.AND:
          n = z = R[op & 7] &= R[(op >> 3) & 7];
          break;
        case K.EOR:
          n = z = R[op & 7] ^= R[(op >> 3) & 7];
          break;
        case K.ORR:
          n = z = R[op & 7] |= R[(op >> 3) & 7];
          break;
        case K.BIC:
          n = z = R[op & 7] &= ~R[(op >> 3) & 7];
          break;
        case K.MVN:
          n = z = R[op & 7] = ~R[(op >> 3) & 7];
          break;
        case K.TST:
          n = z = R[op & 7] & R[(op >> 3) & 7];
          break;
        case K.MUL:
          n = z = R[op & 7] = Math.imul(R[op & 7], R[(op >> 3) & 7]);
          break;
        case K.LSL_R: {
          const a = R[op & 7];
          const k = R[(op >> 3) & 7] & 0xff;
          if (k !== 0) c = k <= 32 && ((a >>> (32 - k)) & 1) !== 0;
          n = z = R[op & 7] = k < 32 ? a << k : 0;
          break;
        }
        case K.LSR_R: {
          const a = R[op & 7];
          const k = R[(op >> 3) & 7] & 0xff;
          if (k !== 0) c = k <= 32 && ((a >>> (k - 1)) & 1) !== 0;
          n = z = R[op & 7] = k < 32 ? (a >>> k) | 0 : 0; // a shift by 0 keeps the sign
          break;
        }
        case K.ASR_R: {
          const a = R[op & 7];
          const k = Math.min(R[(op >> 3) & 7] & 0xff, 32);
          if (k !== 0) c = ((a >> (k - 1)) & 1) !== 0;
          n = z = R[op & 7] = k < 32 ? a >> k : a >> 31;
          break;
        }
        case K.ROR: {
          const a = R[op & 7];
          const k = R[(op >> 3) & 7] & 0xff;
          n = z = R[op & 7] = (a >>> (k & 31)) | (a << (-k & 31));
          if (k !== 0) c = z < 0;
          break;
        }
        case K.ADC: {
          const a = R[op & 7];
          const b = R[(op >> 3) & 7];
          const sum = (a >>> 0) + (b >>> 0) + (c ? 1 : 0);
          n = z = R[op & 7] = sum | 0;
          c = sum > 0xffffffff;
          v = ((a ^ z) & (b ^ z)) < 0;
          break;
        }
        case K.SBC: {
          const a = R[op & 7];
          const b = R[(op >> 3) & 7];
          const sum = (a >>> 0) + (~b >>> 0) + (c ? 1 : 0);
          n = z = R[op & 7] = sum | 0;
          c = sum > 0xffffffff;
          v = ((a ^ b) & (a ^ z)) < 0;
          break;
        }
        case K.RSB: {
          const b = R[(op >> 3) & 7];
          n = z = R[op & 7] = -b | 0;
          c = b === 0;
          v = (b & z) < 0;
          break;
        }
        case K.CMP_R: {
          const a = R[op & 7];
          const b = R[(op >> 3) & 7];
          n = z = (a - b) | 0;
          c = a >>> 0 >= b >>> 0;
          v = ((a ^ b) & (a ^ z)) < 0;
          break;
        }
        case K.CMN: {
          const a = R[op & 7];
          const b = R[(op >> 3) & 7];
          n = z = (a + b) | 0;
          c = z >>> 0 < a >>> 0;
          v = ((a ^ z) & (b ^ z)) < 0;
          break;
        }
        case K.CMP_H: {
          const a = R[((op >> 4) & 8) | (op & 7)];
          const b = R[(op >> 3) & 15];
          n = z = (a - b) | 0;
          c = a >>> 0 >= b >>> 0;
          v = ((a ^ b) & (a ^ z)) < 0;
          break;
        }
        case K.ADD_H:
        case K.MOV_H: {
          R[15] = pc + 2;
          const d = ((op >> 4) & 8) | (op & 7);
          const b = R[(op >> 3) & 15];
          const value = kinds[op] === K.MOV_H ? b : (R[d] + b) | 0;
          if (d === 15) {
            pc = value & ~1;
            used++;
          } else R[d] = d === 13 ? value & ~3 : value;
          break;
        }
        case K.LDR_PC:
          R[(op >> 8) & 7] = load32((((pc + 2) & ~3) + ((op & 0xff) << 2)) | 0, used - 1);
          used++;
          break;
        case K.LDR_5:
          R[op & 7] = load32((R[(op >> 3) & 7] + ((op >> 4) & 0x7c)) | 0, used - 1);
          used++;
          break;
        case K.LDR_R:
          R[op & 7] = load32((R[(op >> 3) & 7] + R[(op >> 6) & 7]) | 0, used - 1);
          used++;
          break;
        case K.LDR_SP:
          R[(op >> 8) & 7] = load32((R[13] + ((op & 0xff) << 2)) | 0, used - 1);
          used++;
          break;
        case K.LDRH_5:
          R[op & 7] = load16((R[(op >> 3) & 7] + ((op >> 5) & 0x3e)) | 0, used - 1);
          used++;
          break;
        case K.LDRH_R:
          R[op & 7] = load16((R[(op >> 3) & 7] + R[(op >> 6) & 7]) | 0, used - 1);
          used++;
          break;
        case K.LDRSH_R:
          R[op & 7] = (load16((R[(op >> 3) & 7] + R[(op >> 6) & 7]) | 0, used - 1) << 16) >> 16;
          used++;
          break;
        case K.LDRB_5:
          R[op & 7] = load8((R[(op >> 3) & 7] + ((op >> 6) & 31)) | 0, used - 1);
          used++;
          break;
        case K.LDRB_R:
          R[op & 7] = load8((R[(op >> 3) & 7] + R[(op >> 6) & 7]) | 0, used - 1);
          used++;
          break;
        case K.LDRSB_R:
          R[op & 7] = (load8((R[(op >> 3) & 7] + R[(op >> 6) & 7]) | 0, used - 1) << 24) >> 24;
          used++;
          break;
        case K.STR_5:
          store32((R[(op >> 3) & 7] + ((op >> 4) & 0x7c)) | 0, R[op & 7], used - 1);
          used++;
          break;
        case K.STR_R:
          store32((R[(op >> 3) & 7] + R[(op >> 6) & 7]) | 0, R[op & 7], used - 1);
          used++;
          break;
        case K.STR_SP:
          store32((R[13] + ((op & 0xff) << 2)) | 0, R[(op >> 8) & 7], used - 1);
          used++;
          break;
        case K.STRH_5:
          store16((R[(op >> 3) & 7] + ((op >> 5) & 0x3e)) | 0, R[op & 7], used - 1);
          used++;
          break;
        case K.STRH_R:
          store16((R[(op >> 3) & 7] + R[(op >> 6) & 7]) | 0, R[op & 7], used - 1);
          used++;
          break;
        case K.STRB_5:
          store8((R[(op >> 3) & 7] + ((op >> 6) & 31)) | 0, R[op & 7], used - 1);
          used++;
          break;
        case K.STRB_R:
          store8((R[(op >> 3) & 7] + R[(op >> 6) & 7]) | 0, R[op & 7], used - 1);
          used++;
          break;
        case K.ADR:
          R[(op >> 8) & 7] = ((pc + 2) & ~3) + ((op & 0xff) << 2);
          break;
        case K.ADD_SP_8:
          R[(op >> 8) & 7] = R[13] + ((op & 0xff) << 2);
          break;
        case K.ADD_SP:
          R[13] += (op & 0x7f) << 2;
          break;
        case K.SUB_SP:
          R[13] -= (op & 0x7f) << 2;
          break;
        case K.SXTH:
          R[op & 7] = (R[(op >> 3) & 7] << 16) >> 16;
          break;
        case K.SXTB:
          R[op & 7] = (R[(op >> 3) & 7] << 24) >> 24;
          break;
        case K.UXTH:
          R[op & 7] = R[(op >> 3) & 7] & 0xffff;
          break;
        case K.UXTB:
          R[op & 7] = R[(op >> 3) & 7] & 0xff;
          break;
        case K.REV: {
          const a = R[(op >> 3) & 7];
          R[op & 7] = (a << 24) | ((a & 0xff00) << 8) | ((a >>> 8) & 0xff00) | (a >>> 24);
          break;
        }
        case K.REV16: {
          const a = R[(op >> 3) & 7];
          R[op & 7] = ((a & 0xff00ff) << 8) | ((a >>> 8) & 0xff00ff);
          break;
        }
        case K.REVSH: {
          const a = R[(op >> 3) & 7];
          R[op & 7] = ((a << 24) >> 16) | ((a >>> 8) & 0xff);
          break;
        }
        case K.PUSH: {
          let words = (op >> 8) & 1;
          for (let list = op & 0xff; list !== 0; list &= list - 1) words++;
          let addr = (R[13] - 4 * words) | 0;
          R[13] = addr;
          for (let i = 0; i < 8; i++) {
            if ((op >> i) & 1) {
              store32(addr, R[i], used);
              addr += 4;
            }
          }
          if (op & 0x100) store32(addr, R[14], used);
          used += words;
          break;
        }
        case K.POP: {
          let addr = R[13];
          for (let i = 0; i < 8; i++) {
            if ((op >> i) & 1) {
              R[i] = load32(addr, used);
              addr += 4;
              used++;
            }
          }
          if (op & 0x100) {
            const to = load32(addr, used);
            R[13] = addr + 4;
            used += 3;
            if (to >>> 28 === 0xf) {
              clock.cycles = begin + used;
              setFlags(n, z, c, v);
              core.BXWritePC(to >>> 0);
              pc = R[15];
              n = core.N ? -1 : 0;
              z = core.Z ? 0 : 1;
              c = core.C;
              v = core.V;
              end = 0;
            } else pc = to & ~1;
            if (watching && watch[(pc >>> 1) & WATCH_MASK] !== 0) {
              cpu.hit = true;
              end = 0;
            }
          } else R[13] = addr;
          break;
        }
        case K.STM: {
          const b = (op >> 8) & 7;
          let addr = R[b];
          for (let i = 0; i < 8; i++) {
            if ((op >> i) & 1) {
              store32(addr, R[i], used);
              addr = (addr + 4) | 0;
              used++;
            }
          }
          R[b] = addr;
          break;
        }
        case K.LDM: {
          const b = (op >> 8) & 7;
          let addr = R[b];
          for (let i = 0; i < 8; i++) {
            if ((op >> i) & 1) {
              R[i] = load32(addr, used);
              addr = (addr + 4) | 0;
              used++;
            }
          }
          if (((op >> b) & 1) === 0) R[b] = addr;
          break;
        }
        case K.B_IF: {
          let taken;
          switch ((op >> 9) & 7) {
            case 0:
              taken = z === 0;
              break;
            case 1:
              taken = c;
              break;
            case 2:
              taken = n < 0;
              break;
            case 3:
              taken = v;
              break;
            case 4:
              taken = c && z !== 0;
              break;
            case 5:
              taken = n < 0 === v;
              break;
            default:
              taken = n < 0 === v && z !== 0;
          }
          if (taken !== ((op & 0x100) !== 0)) {
            pc = (pc + 2 + ((op << 24) >> 23)) | 0;
            used++;
          }
          break;
        }
        case K.B:
          pc = (pc + 2 + ((op << 21) >> 20)) | 0;
          used++;
          if (watching && watch[(pc >>> 1) & WATCH_MASK] !== 0) {
            cpu.hit = true;
            end = 0;
          }
          break;
        case K.BX:
        case K.BLX: {
          const to = R[(op >> 3) & 15];
          used++;
          if (kinds[op] === K.BLX) R[14] = pc | 1;
          else if (to >>> 28 === 0xf) {
            clock.cycles = begin + used;
            setFlags(n, z, c, v);
            R[15] = pc;
            core.BXWritePC(to >>> 0);
            pc = R[15];
            n = core.N ? -1 : 0;
            z = core.Z ? 0 : 1;
            c = core.C;
            v = core.V;
            end = 0;
            break;
          }
          pc = to & ~1;
          if (watching && watch[(pc >>> 1) & WATCH_MASK] !== 0) {
            cpu.hit = true;
            end = 0;
          }
          break;
        }
        case K.BL: {
          const low = pc >>> 26 === FLASH >>> 26 ? flash16[(pc & 0xffffff) >>> 1] : load16(pc, used);
          if ((low & 0xd000) === 0xd000) {
            const s = (op << 21) >> 31; // 0 or -1
            const i1 = ~((low >> 13) ^ s) & 1;
            const i2 = ~((low >> 11) ^ s) & 1;
            R[14] = (pc + 2) | 1;
            pc = (pc + 2 + ((s << 24) | (i1 << 23) | (i2 << 22) | ((op & 0x3ff) << 12) | ((low & 0x7ff) << 1))) | 0;
            used += 2;
            if (watching && watch[(pc >>> 1) & WATCH_MASK] !== 0) {
              cpu.hit = true;
              end = 0;
            }
            break;
          }
        }
        // falls through: another wide instruction
        default: {
          R[15] = pc - 2;
          setFlags(n, z, c, v);
          clock.cycles = begin + used - 1;
          if (op === 0xbf40) core.eventRegistered = true; // SEV also wakes this core's next WFE
          const cycles = core.executeInstruction();
          // An exception entered by the instruction has advanced the clock as well.
          used += cycles - 1 + (clock.cycles - (begin + used - 1));
          pc = R[15];
          n = core.N ? -1 : 0;
          z = core.Z ? 0 : 1;
          c = core.C;
          v = core.V;
          end = 0;
        }
      }
      if (slow !== 0) {
        used += extra;
        if (slow === 2) end = 0;
        slow = 0;
      }
    } while (used < end);

    clock.cycles = begin + used;
    cpu.instructions += count;
    R[15] = pc;
    setFlags(n, z, c, v);
  };

  function setFlags(n, z, c, v) {
    core.N = n < 0;
    core.Z = z === 0;
    core.C = c;
    core.V = v;
  }
}
