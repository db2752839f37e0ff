// Time counted in CPU cycles. rp2040js's own clock is advanced after every instruction; this one is derived from the
// cycle counter and knows the cycle of the next alarm, so the CPU can run undisturbed until then.

class Alarm {
  constructor(clock, callback) {
    this.clock = clock;
    this.callback = callback;
    this.nanos = 0;
    this.next = null;
    this.scheduled = false;
  }

  schedule(deltaNanos) {
    this.cancel();
    this.clock.insert(this, this.clock.nanos + deltaNanos);
  }

  cancel() {
    if (this.scheduled) this.clock.remove(this);
  }
}

export class CycleClock {
  constructor(hz = 125e6) {
    this.cycles = 0; // CPU cycles since power-on
    this.hz = hz;
    this.nanosPerCycle = 1e9 / hz;
    this.baseCycles = 0;
    this.baseNanos = 0;
    this.first = null; // alarms, soonest first
    this.firing = null; // time of the alarm whose callback is running
    this.nextCycle = Infinity; // cycle of the first alarm
  }

  get nanos() {
    if (this.firing !== null) return this.firing;
    return this.baseNanos + (this.cycles - this.baseCycles) * this.nanosPerCycle;
  }

  get micros() {
    return this.nanos / 1000;
  }

  get frequency() {
    return this.hz;
  }

  setFrequency(hz) {
    this.baseNanos = this.nanos;
    this.baseCycles = this.cycles;
    this.hz = hz;
    this.nanosPerCycle = 1e9 / hz;
    this.updateNextCycle();
  }

  createAlarm(callback) {
    return new Alarm(this, callback);
  }

  // Alarms for the same time fire in the order they were set.
  insert(alarm, nanos) {
    alarm.nanos = nanos;
    alarm.scheduled = true;
    if (this.first === null || nanos < this.first.nanos) {
      alarm.next = this.first;
      this.first = alarm;
      this.updateNextCycle();
      return;
    }
    let before = this.first;
    while (before.next !== null && before.next.nanos <= nanos) before = before.next;
    alarm.next = before.next;
    before.next = alarm;
  }

  remove(alarm) {
    alarm.scheduled = false;
    if (this.first === alarm) {
      this.first = alarm.next;
      this.updateNextCycle();
      return;
    }
    let before = this.first;
    while (before !== null && before.next !== alarm) before = before.next;
    if (before !== null) before.next = alarm.next;
  }

  updateNextCycle() {
    const { first } = this;
    this.nextCycle =
      first === null
        ? Infinity
        : this.baseCycles + Math.ceil((first.nanos - this.baseNanos) / this.nanosPerCycle - 1e-6);
  }

  // Fires the alarms that are due. A callback sees the time its alarm was set for, so periodic alarms do not drift.
  fire() {
    while (this.first !== null && this.nextCycle <= this.cycles) {
      const alarm = this.first;
      this.first = alarm.next;
      alarm.scheduled = false;
      this.firing = Math.max(alarm.nanos, this.baseNanos);
      this.updateNextCycle();
      alarm.callback();
      this.firing = null;
    }
  }
}
