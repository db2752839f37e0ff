// Random instructions on the fast core and on the emulator's own, one at a time: registers, flags, memory and cycles
// must agree. Where the emulator's own is known to differ from the architecture, the architecture is computed here.
//   node rp2040_core_check.mjs FOLDER_OF_THE_EMULATOR SEED COUNT
import { pathToFileURL } from 'node:url';

const [folder, seedText, countText] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}.mjs`).href);
const { RP2040, ConsoleLogger, LogLevel } = await load('chip');
const { CycleClock } = await load('clock');
const { Cpu } = await load('cpu');
const { KIND, kinds } = await load('decode');

const RAM = 0x20000000;
const CODE = 0x20000100;
const DATA = 0x20010000;

let state = Number(seedText) >>> 0;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return ((state >>> 16) | (Math.imul(state, 69069) << 16)) >>> 0;
}
const EDGES = [0, 1, 2, 31, 32, 33, 255, 256, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff];
const value = () => (random() % 3 ? EDGES[random() % EDGES.length] : random());

function chip(clock) {
  const mcu = clock ? new RP2040(clock) : new RP2040();
  mcu.logger = new ConsoleLogger(LogLevel.Error, true);
  mcu.onBreak = () => {};
  return mcu;
}
const clock = new CycleClock();
const fast = chip(clock);
const cpu = new Cpu(fast, clock);
const slow = chip(null);

const LEFT_OUT = new Set([KIND.OTHER, KIND.BX, KIND.BLX]);
const NEEDS_POINTER = (k) => (k >= KIND.STR_R && k <= KIND.LDRH_5) || k === KIND.STM || k === KIND.LDM;
const BY_REGISTER = new Set([KIND.LSL_R, KIND.LSR_R, KIND.ASR_R, KIND.ROR]);

function pick() {
  for (;;) {
    const op = random() & 0xffff;
    const kind = kinds[op];
    if (LEFT_OUT.has(kind)) continue;
    // To the program counter or stack pointer: tested by whole programs.
    if ((kind === KIND.ADD_H || kind === KIND.MOV_H) && (((op >> 4) & 8) | (op & 7)) >= 13) continue;
    if (kind === KIND.LDM || kind === KIND.STM) {
      if (!(op & 0xff) || (op >> ((op >> 8) & 7)) & 1) continue;
    }
    if ((kind === KIND.PUSH || kind === KIND.POP) && !(op & 0x1ff)) continue;
    return op;
  }
}

// Carry of a shift by a register and overflow of an addition with carry, from the architecture's definitions.
function shiftCarry(kind, a, k, before) {
  if (k === 0) return before;
  const wide = BigInt(a);
  if (kind === KIND.LSL_R) return ((wide << BigInt(k)) >> 32n) & 1n ? true : false;
  if (kind === KIND.LSR_R) return (wide >> BigInt(k - 1)) & 1n ? true : false;
  if (kind === KIND.ASR_R) return (BigInt(a | 0) >> BigInt(k - 1)) & 1n ? true : false;
  return ((a >>> ((k - 1) & 31)) & 1) === 1;
}
function overflow(a, b, carry) {
  const sum = BigInt(a | 0) + BigInt(b | 0) + (carry ? 1n : 0n);
  return sum !== BigInt.asIntN(32, sum);
}

function fail(why, op, before) {
  const flags = ({ N, Z, C, V }) => `${+N}${+Z}${+C}${+V}`;
  const hex = (r) => [...r].map((x) => x.toString(16)).join(' ');
  console.log(`${why}: op ${op.toString(16)} (${Object.keys(KIND)[kinds[op]]})`);
  console.log('before', hex(before.registers), flags(before));
  console.log('fast  ', hex(fast.core.registers), flags(fast.core));
  console.log('slow  ', hex(slow.core.registers), flags(slow.core));
  process.exit(1);
}

const seen = new Map();
for (let i = 0; i < Number(countText); i++) {
  const op = pick();
  const kind = kinds[op];
  seen.set(kind, (seen.get(kind) ?? 0) + 1);
  const registers = Uint32Array.from({ length: 16 }, value);
  if (NEEDS_POINTER(kind)) {
    // Bases in the middle of the data, offsets small and aligned.
    for (let r = 0; r < 8; r++) registers[r] = DATA + (random() & 0xffc);
    const offset = (op >> 6) & 7;
    if (kind <= KIND.LDRSH_R && kind >= KIND.STR_R && offset !== ((op >> 3) & 7)) registers[offset] = random() & 0xffc;
    else if (kind <= KIND.LDRSH_R && kind >= KIND.STR_R) registers[offset] = 0x10008000 + (random() & 0x7c);
  }
  registers[13] = DATA + 0x2000 + (random() & 0xffc);
  registers[14] = value() | 1;
  registers[15] = CODE;
  const flags = { N: !!(random() & 64), Z: !!(random() & 64), C: !!(random() & 64), V: !!(random() & 64) };
  for (const mcu of [fast, slow]) {
    mcu.core.registers.set(registers);
    Object.assign(mcu.core, flags);
    mcu.core.interruptsUpdated = false;
    mcu.sramView.setUint16(CODE - RAM, op, true);
    mcu.sramView.setUint16(CODE - RAM + 2, 0xd000 | (random() & 0), true);
  }
  if (kind === KIND.BL) {
    const low = 0xd000 | (random() & 0x2fff);
    for (const mcu of [fast, slow]) mcu.sramView.setUint16(CODE - RAM + 2, low, true);
  }
  if (kind === KIND.POP) {
    for (let at = 0; at < 40; at += 4) {
      const word = value() & 0x1fffffff;
      for (const mcu of [fast, slow]) mcu.sramView.setUint32(registers[13] - RAM + at, word, true);
    }
  }
  const before = { registers, ...flags };
  const begin = clock.cycles;
  cpu.burst(1);
  const used = clock.cycles - begin;
  let expected = slow.core.executeInstruction();
  // The emulator leaves the link register out of PUSH and the return address out of POP; Arm's table counts them.
  if ((kind === KIND.PUSH || kind === KIND.POP) && op & 0x100) expected++;
  if (used !== expected) fail(`cycles ${used}, not ${expected}`, op, before);
  for (let r = 0; r < 16; r++) if (fast.core.registers[r] !== slow.core.registers[r]) fail(`r${r}`, op, before);
  const known = { C: slow.core.C, V: slow.core.V };
  const a = registers[op & 7];
  const b = registers[(op >> 3) & 7];
  if (BY_REGISTER.has(kind)) known.C = shiftCarry(kind, a, b & 0xff, flags.C);
  if (kind === KIND.ADC) known.V = overflow(a, b, flags.C);
  if (kind === KIND.SBC) known.V = overflow(a, ~b, flags.C);
  const { N, Z, C, V } = fast.core;
  if (N !== slow.core.N || Z !== slow.core.Z || C !== known.C || V !== known.V) fail('flags', op, before);
  if (i % 1000 === 999 && Buffer.compare(fast.sram, slow.sram)) fail('memory', op, before);
}
console.log(`${countText} instructions of ${seen.size} kinds agree`);
process.exit(0);
