// Serves the board's USB serial port over TCP on this computer, for programs that can open such ports
// (mpremote connect socket://127.0.0.1:PORT). Emulated time does not run ahead of real time.
import net from 'node:net';

const SLICE_MS = 2;
const AHEAD_MS = 20;

// Serves until stopped() returns true; announce is called with the port. One program at a time, as on a cable.
export async function serve(board, port, announce, stopped) {
  let peer = null;
  const server = net.createServer((socket) => {
    if (peer !== null) {
      socket.destroy();
      return;
    }
    peer = socket;
    socket.setNoDelay(true);
    socket.on('data', (data) => board.send(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      peer = null;
    });
  });
  const before = board.onSerial;
  board.onSerial = (data) => {
    before(data);
    peer?.write(Buffer.from(data));
  };
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  announce(server.address().port);
  const begin = performance.now();
  let emulatedMs = 0;
  while (!stopped() && board.halted === null) {
    const cycles = (board.clock.hz / 1000) * SLICE_MS;
    board.run(cycles);
    emulatedMs += SLICE_MS;
    const ahead = emulatedMs - (performance.now() - begin);
    // Time lost on a slow computer is not caught up.
    if (ahead < 0) emulatedMs -= ahead;
    await new Promise((resolve) => {
      if (ahead > AHEAD_MS) setTimeout(resolve, ahead);
      else setImmediate(resolve);
    });
  }
  board.onSerial = before;
  peer?.destroy();
  server.close();
}
