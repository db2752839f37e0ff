// A PDM microphone: one bit with every period of its clock. 'left' puts it on the line with the falling edge, to be
// taken before the rising one; 'right' the other way round. It is fed with the bits themselves, 16 to a number, the
// first one the most significant. After them it sends 1 and 0 in turn, which is silence.

const PIO0_FUNCTION = 6;

export class PdmMicrophone {
  constructor({ clk, data, channel = 'left' }) {
    Object.assign(this, { clk, data, channel });
    this.words = new Int16Array(0);
    this.at = 0; // next bit
    this.over = 0; // bits after the last
    this.slots = 0; // bits sent
  }

  feed(words) {
    const rest = this.words.subarray(this.at >> 4);
    const all = new Int16Array(rest.length + words.length);
    all.set(rest);
    all.set(words, rest.length);
    this.words = all;
    this.at &= 15;
  }

  get waiting() {
    return this.words.length - (this.at >> 4);
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
    if (this.at < this.words.length << 4) {
      bit = (this.words[this.at >> 4] >>> (15 - (this.at & 15))) & 1;
      this.at++;
    } else bit = ++this.over & 1;
    this.line.setInputValue(bit === 1);
  }
}
