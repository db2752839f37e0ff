// A board with an RP2040: power-on, running by cycles, USB serial port, microphone, marks, function calls, pin changes.
import { CallProfiler } from './call_profiler.mjs';
import { ConsoleLogger, LogLevel, RP2040, USBCDC } from './chip.mjs';
import { CycleClock } from './clock.mjs';
import { Cpu } from './cpu.mjs';
import { Pio } from './pio.mjs';

const WATCHDOG = 0x40058;
const WATCHDOG_MARK = 0x18; // SCRATCH3: on a chip nothing reads what is stored there
const MAX_MARKS = 1000000;
const MAX_PIN_CHANGES = 1000000;
const HIGH = 1; // of rp2040js, a pin that is driven high
const SEND_ROOM = 400; // bytes waiting in the emulated USB host

export class Board {
  // rom, flash: Uint8Array; flash is used in place and changes as the firmware writes to it.
  constructor({ rom, flash, microphone = null }) {
    Object.assign(this, { rom, microphone });
    this.cycles = 0; // of earlier power-ons
    this.instructions = 0;
    this.powerOns = 0;
    this.marks = []; // [value, cycles]
    this.calls = null;
    this.watched = null;
    this.watchedPins = [];
    this.pinListeners = []; // functions that remove them
    this.pinChanges = []; // [pin, 1 if it is driven high, cycles, samples that wait for the microphone]
    this.onSerial = () => {};
    this.powerOn(flash);
  }

  powerOn(flash) {
    const clock = (this.clock = new CycleClock());
    const mcu = (this.mcu = new RP2040(clock));
    mcu.logger = new ConsoleLogger(LogLevel.Error, false);
    mcu.loadBootrom(new Uint32Array(this.rom.buffer, this.rom.byteOffset, this.rom.length >>> 2));
    // Loading the boot ROM has erased the flash.
    mcu.flash.set(flash);
    mcu.core.VTOR = 0;
    mcu.core.reset();
    mcu.addClockListener((hz) => clock.setFrequency(hz));
    this.cpu = new Cpu(mcu, clock);
    this.pios = mcu.pio.map((pio) => new Pio(pio, clock));
    this.microphone?.attach(mcu, this.pios);
    this.connected = false;
    this.halted = null; // the reason, once the CPU has halted
    this.restart = false;
    this.toSend = [];
    this.powerOns++;
    this.plugIn();
    this.hookWatchdog();
    mcu.onBreak = (code) => this.halt(`breakpoint ${code}`);
    if (this.watched) this.watch(this.watched);
    this.watchPins(this.watchedPins);
  }

  plugIn() {
    this.usb = new USBCDC(this.mcu.usbCtrl);
    this.usb.onDeviceConnected = () => {
      this.connected = true;
      this.stop = true;
    };
    this.usb.onSerialData = (data) => this.onSerial(data);
    // A real host with nothing to send sends nothing. rp2040js would answer every offered buffer with an empty packet:
    // an interrupt every 45 us that would never let the CPU sleep.
    const { usbCtrl } = this.mcu;
    const answer = usbCtrl.onEndpointRead;
    this.offer = null; // a buffer's endpoint and size
    usbCtrl.onEndpointRead = (...offer) => {
      if (offer[0] === this.usb.outEndpoint) this.offer = offer;
      this.answerOffer();
    };
    this.answerOffer = () => {
      if (this.offer === null || this.usb.txFIFO.itemCount === 0) return;
      answer(...this.offer);
      this.offer = null;
    };
  }

  hookWatchdog() {
    const watchdog = this.mcu.peripherals[WATCHDOG];
    const write = watchdog.writeUint32.bind(watchdog);
    watchdog.writeUint32 = (offset, value) => {
      if (offset === WATCHDOG_MARK && this.marks.length < MAX_MARKS) {
        this.marks.push([value >>> 0, this.totalCycles]);
      }
      write(offset, value);
    };
    watchdog.onWatchdogTrigger = () => {
      this.restart = true;
    };
  }

  watch(functions) {
    this.watched = functions;
    this.calls = new CallProfiler(this.cpu, functions);
  }

  watchPins(pins) {
    this.watchedPins = pins;
    for (const remove of this.pinListeners) remove();
    this.pinListeners = [];
    for (const pin of pins) {
      const gpio = this.mcu.gpio[pin];
      let was = gpio.value === HIGH ? 1 : 0;
      const changed = (state) => {
        const high = state === HIGH ? 1 : 0;
        if (high === was || this.pinChanges.length >= MAX_PIN_CHANGES) return;
        was = high;
        this.pinChanges.push([pin, high, this.totalCycles, this.microphone?.waiting ?? 0]);
      };
      this.pinListeners.push(gpio.addListener(changed));
    }
  }

  halt(why) {
    this.halted = `${why} at 0x${(this.mcu.core.PC >>> 0).toString(16)}`;
  }

  get totalCycles() {
    return this.cycles + this.clock.cycles;
  }

  get totalInstructions() {
    return this.instructions + this.cpu.instructions;
  }

  send(data) {
    for (const byte of data) this.toSend.push(byte);
  }

  // Runs for that many cycles, or until a callback sets `stop` or the CPU halts.
  run(cycles) {
    const end = this.totalCycles + cycles;
    this.stop = false;
    while (this.totalCycles < end && !this.stop && this.halted === null) {
      this.deliver();
      // Host and firmware exchange bytes at least once a millisecond.
      this.runUntil(Math.min(end - this.cycles, this.clock.cycles + 125000));
      if (this.restart) this.reset();
    }
  }

  runUntil(end) {
    const { clock, cpu, mcu } = this;
    const { core } = mcu;
    const [pio0, pio1] = this.pios;
    while (clock.cycles < end && !this.stop && this.halted === null && !this.restart) {
      if (clock.nextCycle <= clock.cycles) clock.fire();
      if (pio0.nextCycle <= clock.cycles) pio0.run();
      if (pio1.nextCycle <= clock.cycles) pio1.run();
      if (core.interruptsUpdated && core.checkForInterrupts()) core.waiting = false;
      const next = Math.min(end, clock.nextCycle, pio0.nextCycle, pio1.nextCycle);
      if (core.waiting) {
        const wake = Math.max(next, clock.cycles + 1);
        cpu.sleepCycles += wake - clock.cycles;
        clock.cycles = wake;
        continue;
      }
      try {
        cpu.burst(next - clock.cycles);
      } catch (error) {
        if (error.name !== 'Fault') throw error;
        this.halt(error.message);
      }
      if (cpu.hit) {
        cpu.hit = false;
        this.calls?.hit();
      }
    }
  }

  deliver() {
    while (this.toSend.length && this.usb.txFIFO.itemCount < SEND_ROOM) this.usb.sendSerialByte(this.toSend.shift());
    this.answerOffer();
  }

  // Restarts the chip. The flash is kept; bytes on their way over USB are lost.
  reset() {
    const { flash, peripherals } = this.mcu;
    const { scratchData, reason } = peripherals[WATCHDOG];
    this.cycles += this.clock.cycles;
    this.instructions += this.cpu.instructions;
    this.powerOn(flash);
    const watchdog = this.mcu.peripherals[WATCHDOG];
    watchdog.scratchData.set(scratchData);
    watchdog.reason = reason;
  }
}
