// An analogue microphone on the ADC: each conversion of its channel takes one sample, half of the range is its zero.
// The samples are int16, of which the converter keeps the upper 12 bits.

const FIRST_PIN = 26;
const ZERO = 2048;

export class AdcMicrophone {
  constructor({ pin }) {
    this.channel = pin - FIRST_PIN;
    this.samples = new Int16Array(0);
    this.at = 0;
    this.over = 0;
    this.slots = 0; // conversions
  }

  feed(samples) {
    const rest = this.samples.subarray(this.at);
    const all = new Int16Array(rest.length + samples.length);
    all.set(rest);
    all.set(samples, rest.length);
    this.samples = all;
    this.at = 0;
  }

  get waiting() {
    return this.samples.length - this.at;
  }

  attach(mcu) {
    const { adc } = mcu;
    const read = adc.onADCRead.bind(adc);
    adc.onADCRead = (channel) => {
      if (channel === this.channel) adc.channelValues[channel] = this.next();
      read(channel);
    };
  }

  next() {
    this.slots++;
    if (this.at < this.samples.length) return ZERO + (this.samples[this.at++] >> 4);
    this.over++;
    return ZERO;
  }
}
