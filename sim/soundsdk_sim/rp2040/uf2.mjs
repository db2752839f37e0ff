// UF2 images for the RP2040: blocks of 512 bytes, each with up to 476 bytes for one address.

const FLASH = 0x10000000;
const FLASH_SIZE = 16 << 20;
const FAMILY_RP2040 = 0xe48bff56;
const NOT_MAIN_FLASH = 1;
const HAS_FAMILY = 0x2000;

// Copies the image's blocks into flash (Uint8Array) and returns their number. Throws an Error that names what is wrong.
export function loadUf2(data, flash) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length === 0 || data.length % 512) throw new Error('its length is no multiple of 512 bytes');
  let loaded = 0;
  for (let at = 0; at < data.length; at += 512) {
    const word = (i) => view.getUint32(at + 4 * i, true);
    if (word(0) !== 0x0a324655 || word(1) !== 0x9e5d5157 || view.getUint32(at + 508, true) !== 0x0ab16f30) {
      throw new Error(`block ${at / 512} is not UF2`);
    }
    const flags = word(2);
    const family = word(7);
    if (flags & NOT_MAIN_FLASH) continue;
    if (flags & HAS_FAMILY && family !== FAMILY_RP2040) continue;
    const offset = word(3) - FLASH;
    const size = word(4);
    if (size > 476 || offset < 0 || offset + size > FLASH_SIZE) {
      throw new Error(`block ${at / 512} does not lie in the flash of an RP2040`);
    }
    flash.set(data.subarray(at + 32, at + 32 + size), offset);
    loaded++;
  }
  if (!loaded) throw new Error('no block of it is for an RP2040');
  return loaded;
}
