// The one place that names rp2040js. It is installed in the folder SOUNDSDK_NODE_MODULES (by `npm ci` from
// package-lock.json), so that this folder may be read-only.
import { createRequire } from 'node:module';

const from = process.env.SOUNDSDK_NODE_MODULES;
const require = createRequire(from ? `${from}/node_modules/` : import.meta.url);

export const { RP2040, USBCDC, ConsoleLogger, LogLevel } = require('rp2040js');
