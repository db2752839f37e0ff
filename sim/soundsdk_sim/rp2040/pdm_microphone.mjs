// A PDM microphone: one bit per clock period. 'left' changes the line on the falling edge, to be sampled before the
// rising one; 'right' does the opposite. Its samples are the bits themselves, 16 to a number, the most significant one
// first. After the last it sends 1 and 0 alternately, which is silence.

import { SampleQueue } from './sample_queue.mjs';

const PIO0_FUNCTION = 6;

export class PdmMicrophone extends SampleQueue {
  constructor({ clk, data, channel = 'left' }) {
    super(16);
    this.bit = 0;
    Object.assign(this, { clk, data, channel });
  }

  attach(mcu, pios) {
    this.line = mcu.gpio[this.data];
    this.last = 0;
    pios.forEach((pio, i) => {
      const gpio = mcu.gpio[this.clk];
      const ours = () => gpio.functionSelect === PIO0_FUNCTION + i;
      pio.listeners.push({
        // The clock begins low, so a left bit is on the line already.
        started: () => {
          if (ours() && this.channel === 'left') this.next();
        },
        changed: (values) => {
          const clk = (values >>> this.clk) & 1;
          if (clk === this.last || !ours()) return;
          this.last = clk;
          if (clk === (this.channel === 'right' ? 1 : 0)) this.next();
        },
      });
    });
  }

  next() {
    if (this.waiting) {
      this.bit = (this.samples[this.sent] >>> (15 - (this.at & 15))) & 1;
      this.at++;
    } else this.bit ^= 1;
    this.line.setInputValue(this.bit === 1);
  }
}
