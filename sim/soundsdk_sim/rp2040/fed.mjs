// What the microphones have in common: they are fed numbers, and send them piece by piece until there are no more.

export class Fed {
  // per: pieces to a number.
  constructor(per = 1) {
    this.per = per;
    this.samples = new Int16Array(0);
    this.at = 0; // next piece
    this.over = 0; // pieces sent after the last: silence
    this.slots = 0; // pieces there was time for; on I2S the other channel's, too
  }

  feed(samples) {
    const rest = this.samples.subarray(this.whole);
    const all = new Int16Array(rest.length + samples.length);
    all.set(rest);
    all.set(samples, rest.length);
    this.samples = all;
    this.at %= this.per;
  }

  get whole() {
    return Math.floor(this.at / this.per);
  }

  get waiting() {
    return this.samples.length - this.whole;
  }
}
