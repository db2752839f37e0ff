// PIO in step with the CPU: every state machine steps at the rate of its own clock divider. (rp2040js steps all of them
// from a host timer, without dividers.)

const UNITS = 256; // per CPU cycle: the resolution of a divider

class Machine {
  constructor(machine) {
    this.machine = machine;
    this.due = Infinity; // in 1/256 cycles
  }
}

// One PIO block. nextCycle: the CPU cycle of the next step; Infinity while no state machine is enabled.
export class Pio {
  constructor(pio, clock) {
    this.pio = pio;
    this.clock = clock;
    this.nextCycle = Infinity;
    this.machines = pio.machines.map((m) => new Machine(m));
    this.listeners = []; // {started(), changed(pinValues)}: a machine was enabled, a step changed an output
    this.values = 0;
    pio.run = () => {};
    const write = pio.writeUint32.bind(pio);
    pio.writeUint32 = (offset, value) => {
      write(offset, value);
      if (offset === 0) this.enabledChanged();
    };
    for (const machine of pio.machines) machine.clkDivRestart = () => {};
  }

  enabledChanged() {
    const now = this.clock.cycles * UNITS;
    let started = false;
    for (const m of this.machines) {
      if (!m.machine.enabled) m.due = Infinity;
      else if (m.due === Infinity) {
        m.due = now + divider(m.machine);
        started = true;
      }
    }
    this.updateNextCycle();
    if (started) for (const listener of this.listeners) listener.started();
  }

  updateNextCycle() {
    let due = Infinity;
    for (const m of this.machines) if (m.due < due) due = m.due;
    this.nextCycle = Math.ceil(due / UNITS);
  }

  // Runs every step that is due.
  run() {
    const now = this.clock.cycles * UNITS;
    const { pio } = this;
    for (const m of this.machines) {
      while (m.due <= now) {
        const { machine } = m;
        const before = machine.cycles;
        machine.step();
        // A step includes the delay of its instruction; a waiting instruction is tried again at the next tick.
        m.due += divider(machine) * Math.max(1, machine.waiting ? 1 : machine.cycles - before);
        if (pio.pinValues !== this.values) {
          this.values = pio.pinValues;
          pio.checkChangedPins();
          for (const listener of this.listeners) listener.changed(this.values);
        }
      }
    }
    this.updateNextCycle();
  }
}

function divider(machine) {
  return machine.clockDivInt * UNITS + machine.clockDivFrac || 65536 * UNITS;
}
