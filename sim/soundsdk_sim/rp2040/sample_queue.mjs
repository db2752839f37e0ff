// The samples a microphone still has to send. Each is sent in one piece or in several (the bits of a PDM word).

export class SampleQueue {
  // piecesPerSample: 1, or 16 for PDM.
  constructor(piecesPerSample = 1) {
    this.piecesPerSample = piecesPerSample;
    this.samples = new Int16Array(0);
    this.at = 0; // index of the next piece
  }

  // Appends samples.
  feed(samples) {
    const rest = this.samples.subarray(this.sent);
    const all = new Int16Array(rest.length + samples.length);
    all.set(rest);
    all.set(samples, rest.length);
    this.samples = all;
    this.at %= this.piecesPerSample;
  }

  // Number of samples sent completely.
  get sent() {
    return Math.floor(this.at / this.piecesPerSample);
  }

  get waiting() {
    return this.samples.length - this.sent;
  }
}
