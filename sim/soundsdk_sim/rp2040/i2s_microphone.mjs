// A MEMS microphone on I2S (Philips format): two slots of 32 bits to a frame, data left-justified and most significant
// bit first, one bit after the edge of WS, changing on the falling edge of SCK. The left channel is the slot with WS
// low. In the other channel's slot a microphone releases the line, which then reads as zero.
//
// Firmware that starts its clock with the first bit of a left slot finds that bit on the line, so it reads the first
// sample of the queue. A real microphone needs an edge of WS first, and milliseconds to wake up.

import { SampleQueue } from './sample_queue.mjs';

const PIO0_FUNCTION = 6;
const SLOT_BITS = 32;

export class I2sMicrophone extends SampleQueue {
  // pins: {sck, ws, sd}. channel: 'left', 'right' or 'both' (two microphones on one line, samples alternating).
  // bits: resolution of the microphone; an int16 sample is the top 16 of them.
  constructor({ sck, ws, sd, channel = 'left', bits = 24 }) {
    super();
    Object.assign(this, { sck, ws, sd, channel });
    this.mask = bits >= 32 ? -1 : -1 << (32 - bits);
  }

  attach(mcu, pios) {
    this.line = mcu.gpio[this.sd];
    this.bit = SLOT_BITS;
    this.word = 0;
    this.lastWs = -1;
    this.lastSck = 0;
    this.level = false;
    pios.forEach((pio, i) => {
      const gpio = mcu.gpio[this.sck];
      const ours = () => gpio.functionSelect === PIO0_FUNCTION + i;
      pio.listeners.push({
        started: () => {
          if (ours()) this.start();
        },
        changed: (values) => {
          const sck = (values >>> this.sck) & 1;
          if (sck === this.lastSck || !ours()) return;
          this.lastSck = sck;
          if (sck) this.rising((values >>> this.ws) & 1);
          else this.falling();
        },
      });
    });
  }

  start() {
    this.lastSck = 0;
    this.begin(0);
    this.falling();
  }

  begin(ws) {
    this.lastWs = ws;
    this.bit = 0;
    this.word = this.ours(ws) ? this.next() : 0;
  }

  rising(ws) {
    if (ws !== this.lastWs) this.begin(ws);
  }

  falling() {
    if (this.bit >= SLOT_BITS) return;
    const level = ((this.word >>> (SLOT_BITS - 1 - this.bit)) & 1) === 1;
    this.bit++;
    if (level !== this.level) {
      this.level = level;
      this.line.setInputValue(level);
    }
  }

  ours(ws) {
    return this.channel === 'both' || (this.channel === 'right') === (ws === 1);
  }

  next() {
    return this.waiting ? (this.samples[this.at++] << 16) & this.mask : 0;
  }
}
