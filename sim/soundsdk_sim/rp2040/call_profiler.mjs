// Counts the cycles of functions, by address: a branch to a watched function opens a call, and a branch to its return
// address with the stack pointer restored closes it. Exceptions and sleep in between are counted separately.
import { WATCH_MASK } from './cpu.mjs';

export class CallProfiler {
  // functions: [[name, address], …]. maxLog: calls kept in the log; totals are kept for all.
  constructor(cpu, functions, maxLog = 100000) {
    this.cpu = cpu;
    this.maxLog = maxLog;
    this.names = functions.map(([name]) => name);
    this.entries = new Map(functions.map(([, address], i) => [address & ~1, i]));
    this.open = [];
    this.log = []; // [function, depth, begin, cycles, exceptions, exceptions before, slept, slept before], in the order of their ends
    this.totals = this.names.map(() => ({ calls: 0, cycles: 0, exceptions: 0, least: Infinity, most: 0 }));
    this.returns = new Map(); // address -> open calls that return there
    this.bytes = new Uint8Array(WATCH_MASK + 1);
    for (const address of this.entries.keys()) this.bytes[(address >>> 1) & WATCH_MASK] = 1;
    cpu.watch = this.bytes;
  }

  // The CPU has branched to a watched address (or to one that shares its byte).
  hit() {
    const { core, clock, exceptionCycles, sleepCycles } = this.cpu;
    const pc = core.PC;
    if (this.returns.has(pc)) {
      // Drop frames left without returning (by the long jump of an exception).
      while (this.open.length && this.open.at(-1).sp < core.SP) this.close(this.open.pop(), false);
      if (this.open.length && this.open.at(-1).ret === pc && this.open.at(-1).sp === core.SP) {
        this.close(this.open.pop(), true);
      }
    }
    const index = this.entries.get(pc);
    if (index === undefined) return;
    const ret = core.LR & ~1;
    const last = this.open.at(-1);
    // A loop back to the function's first instruction is not a call.
    if (last && last.index === index && last.sp === core.SP && last.ret === ret) return;
    this.open.push({ index, ret, sp: core.SP, begin: clock.cycles, exceptions: exceptionCycles, slept: sleepCycles });
    this.returns.set(ret, (this.returns.get(ret) ?? 0) + 1);
    this.bytes[(ret >>> 1) & WATCH_MASK] = 1;
  }

  close(call, whole) {
    const n = this.returns.get(call.ret) - 1;
    // The byte stays set: a return address is usually reached again.
    if (n) this.returns.set(call.ret, n);
    else this.returns.delete(call.ret);
    if (!whole) return;
    const { clock, exceptionCycles, sleepCycles } = this.cpu;
    const exceptions = exceptionCycles - call.exceptions;
    const slept = sleepCycles - call.slept;
    const cycles = clock.cycles - call.begin - exceptions - slept;
    const total = this.totals[call.index];
    total.calls++;
    total.cycles += cycles;
    total.exceptions += exceptions;
    total.least = Math.min(total.least, cycles);
    total.most = Math.max(total.most, cycles);
    if (this.log.length < this.maxLog) {
      const { length } = this.open;
      this.log.push([call.index, length, call.begin, cycles, exceptions, call.exceptions, slept, call.slept]);
    }
  }

  report() {
    return { names: this.names, totals: this.totals.map((t) => ({ ...t, least: t.calls ? t.least : 0 })), log: this.log };
  }
}
