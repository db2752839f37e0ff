// Runs a board as a process: requests on standard input, one answer each on standard output, both as JSON lines.
//
//   {"op":"start","rom":PATH,"uf2":PATH} or "flash":PATH; optionally "microphone":
//       {"kind":"i2s",sck,ws,sd,channel,bits} {"kind":"pdm",clk,data,channel} {"kind":"adc",pin}
//   {"op":"run","cycles":N,"until":BASE64}      ends early when the serial port has sent those bytes or comes up
//   {"op":"send","data":BASE64}                 sends to the serial port during the next run
//   {"op":"sound","path":PATH}                  appends int16 samples, little-endian, to the microphone's; for PDM each
//                                               holds 16 bits
//   {"op":"watch","functions":[[NAME,ADDRESS]]} {"op":"calls"} {"op":"marks"}
//   {"op":"watch_pins","pins":[N]} {"op":"pin_changes"}
//   {"op":"save","path":PATH,"bytes":N}         writes the flash to a file
//   {"op":"serve","port":N}                     answers {"port":N}, serves until the next request, answers again
//
// An answer holds the state of the board, "serial" (BASE64: what the port has sent since the last answer) and the
// result of the request, or "error". Exits at the end of standard input. The same requests give the same answers.
import { readFileSync, writeFileSync } from 'node:fs';
import readline from 'node:readline';

import { AdcMicrophone } from './adc_microphone.mjs';
import { Board } from './board.mjs';
import { serve } from './bridge.mjs';
import { I2sMicrophone } from './i2s_microphone.mjs';
import { PdmMicrophone } from './pdm_microphone.mjs';
import { loadUf2 } from './uf2.mjs';

const SLICE_CYCLES = 5e6;
const MICROPHONES = { i2s: I2sMicrophone, pdm: PdmMicrophone, adc: AdcMicrophone };

let board = null;
let serial = [];

// Returns a function that receives the bytes of a run and returns whether they contain `text` so far.
function finder(text) {
  let tail = Buffer.alloc(0);
  return (data) => {
    tail = Buffer.concat([tail, data]);
    if (tail.includes(text)) return true;
    tail = tail.subarray(Math.max(0, tail.length - text.length + 1));
    return false;
  };
}

function readImage({ uf2, flash }) {
  const image = new Uint8Array(16 << 20).fill(0xff);
  if (flash) image.set(readFileSync(flash));
  if (uf2) {
    try {
      loadUf2(readFileSync(uf2), image);
    } catch (error) {
      throw new Error(`${uf2} cannot be loaded: ${error.message}`);
    }
  }
  return image;
}

const requests = {
  start({ rom, uf2, flash, microphone }) {
    const bytes = new Uint8Array(16384);
    bytes.set(readFileSync(rom));
    board = new Board({
      rom: bytes,
      flash: readImage({ uf2, flash }),
      microphone: microphone ? new MICROPHONES[microphone.kind](microphone) : null,
    });
  },

  async run({ cycles, until }) {
    const find = until ? finder(Buffer.from(until, 'base64')) : null;
    const { connected } = board;
    let found = false;
    board.onSerial = (data) => {
      const bytes = Buffer.from(data);
      serial.push(bytes);
      if (!found && find?.(bytes)) found = board.stop = true;
    };
    const end = board.totalCycles + cycles;
    while (!found && board.halted === null && board.totalCycles < end && !closed) {
      board.run(Math.min(SLICE_CYCLES, end - board.totalCycles));
      if (!connected && board.connected && !find) break;
      // Lets the end of standard input be noticed.
      await new Promise(setImmediate);
    }
    return { found };
  },

  send({ data }) {
    board.send(Buffer.from(data, 'base64'));
  },

  sound({ path }) {
    const data = readFileSync(path);
    board.microphone.feed(new Int16Array(data.buffer.slice(data.byteOffset, data.byteOffset + (data.length & ~1))));
  },

  watch({ functions }) {
    board.watch(functions);
  },

  calls() {
    return { calls: board.calls?.report() };
  },

  watch_pins({ pins }) {
    board.watchPins(pins);
  },

  pin_changes() {
    return { changes: board.pinChanges };
  },

  marks() {
    return { marks: board.marks };
  },

  save({ path, bytes }) {
    writeFileSync(path, board.mcu.flash.subarray(0, bytes));
  },

  async serve({ port }) {
    board.onSerial = (data) => serial.push(Buffer.from(data));
    await serve(
      board,
      port,
      (chosen) => answer({ port: chosen }),
      () => closed || waiting.length > 0,
    );
  },
};

function state() {
  if (board === null) return {};
  return {
    cycles: board.totalCycles,
    instructions: board.totalInstructions,
    clockHz: board.clock.hz,
    powerOns: board.powerOns,
    connected: board.connected,
    halted: board.halted,
    soundWaiting: board.microphone?.waiting ?? 0,
  };
}

function answer(more) {
  const data = Buffer.concat(serial).toString('base64');
  serial = [];
  process.stdout.write(JSON.stringify({ ...state(), serial: data, ...more }) + '\n');
}

const waiting = [];
let closed = false;
let working = false;

async function work() {
  if (working) return;
  working = true;
  while (waiting.length && !closed) {
    try {
      const request = JSON.parse(waiting.shift());
      answer(await requests[request.op](request));
    } catch (error) {
      answer({ error: error.message });
    }
  }
  working = false;
  if (closed) process.exit(0);
}

const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on('line', (line) => {
  waiting.push(line);
  work();
});
lines.on('close', () => {
  closed = true;
  if (!working) process.exit(0);
});
