// An analogue microphone on the ADC: each conversion of its channel returns one sample, centred on half of the range.
// Samples are int16, of which the converter keeps the upper 12 bits.

import { SampleQueue } from './sample_queue.mjs';

const FIRST_PIN = 26;
const ZERO = 2048;

export class AdcMicrophone extends SampleQueue {
  constructor({ pin }) {
    super();
    this.channel = pin - FIRST_PIN;
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
    return this.waiting ? ZERO + (this.samples[this.at++] >> 4) : ZERO;
  }
}
