// A PDM microphone: one bit with every period of its clock. 'left' puts it on the line with the falling edge, to be
// taken before the rising one; 'right' the other way round. It is fed with the bits themselves, 16 to a number, the
// first one the most significant. After them it sends 1 and 0 in turn, which is silence.

import { Fed } from './fed.mjs';

const PIO0_FUNCTION = 6;

export class PdmMicrophone extends Fed {
  constructor({ clk, data, channel = 'left' }) {
    super(16);
    Object.assign(this, { clk, data, channel });
  }

  attach(mcu, pios) {
    this.line = mcu.gpio[this.data];
    this.last = 0;
    pios.forEach((pio, i) => {
      const gpio = mcu.gpio[this.clk];
      const ours = () => gpio.functionSelect === PIO0_FUNCTION + i;
      pio.listeners.push({
        // The clock begins low: there is a left bit already.
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
    this.slots++;
    let bit;
    if (this.waiting) {
      bit = (this.samples[this.whole] >>> (15 - (this.at & 15))) & 1;
      this.at++;
    } else bit = ++this.over & 1;
    this.line.setInputValue(bit === 1);
  }
}
