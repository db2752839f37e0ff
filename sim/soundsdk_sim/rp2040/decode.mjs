// Kinds of ARMv6-M instructions, and a table from the first halfword to the kind.

const NAMES = [
  'OTHER', // system and rare instructions: left to rp2040js's own core
  'LSL_I', 'LSR_I', 'ASR_I', 'ADD_R', 'SUB_R', 'ADD_3', 'SUB_3', 'MOV_8', 'CMP_8', 'ADD_8', 'SUB_8',
  'AND', 'EOR', 'LSL_R', 'LSR_R', 'ASR_R', 'ADC', 'SBC', 'ROR', 'TST', 'RSB', 'CMP_R', 'CMN', 'ORR', 'MUL', 'BIC', 'MVN',
  'ADD_H', 'CMP_H', 'MOV_H', 'BX', 'BLX', 'LDR_PC',
  'STR_R', 'STRH_R', 'STRB_R', 'LDRSB_R', 'LDR_R', 'LDRH_R', 'LDRB_R', 'LDRSH_R',
  'STR_5', 'LDR_5', 'STRB_5', 'LDRB_5', 'STRH_5', 'LDRH_5', 'STR_SP', 'LDR_SP',
  'ADR', 'ADD_SP_8', 'ADD_SP', 'SUB_SP', 'SXTH', 'SXTB', 'UXTH', 'UXTB', 'REV', 'REV16', 'REVSH',
  'PUSH', 'POP', 'STM', 'LDM', 'B_IF', 'B', 'BL',
];

export const KIND = Object.freeze(Object.fromEntries(NAMES.map((name, i) => [name, i])));

// Families of kinds, in the order of their opcode field.
const SHIFT = [KIND.LSL_I, KIND.LSR_I, KIND.ASR_I];
const IMMEDIATE = [KIND.MOV_8, KIND.CMP_8, KIND.ADD_8, KIND.SUB_8];
const EXTEND = [KIND.SXTH, KIND.SXTB, KIND.UXTH, KIND.UXTB];
const REVERSE = [KIND.REV, KIND.REV16, KIND.OTHER, KIND.REVSH];
const HIGH = [KIND.ADD_H, KIND.CMP_H, KIND.MOV_H];

function misc(op) {
  if (op >> 8 === 0xb0) return op & 0x80 ? KIND.SUB_SP : KIND.ADD_SP;
  if (op >> 8 === 0xb2) return EXTEND[(op >> 6) & 3];
  if (op >> 8 === 0xba) return REVERSE[(op >> 6) & 3];
  if (op >> 9 === 0xb4 >> 1) return KIND.PUSH;
  if (op >> 9 === 0xbc >> 1) return KIND.POP;
  return KIND.OTHER;
}

function kindOf(op) {
  switch (op >> 12) {
    case 0x0:
      return SHIFT[op >> 11];
    case 0x1:
      return op & 0x800 ? KIND.ADD_R + ((op >> 9) & 3) : KIND.ASR_I;
    case 0x2:
    case 0x3:
      return IMMEDIATE[(op >> 11) & 3];
    case 0x4:
      if (op & 0x800) return KIND.LDR_PC;
      if (op < 0x4400) return KIND.AND + ((op >> 6) & 15);
      if (op < 0x4700) return HIGH[(op >> 8) & 3];
      if (op & 7) return KIND.OTHER;
      return op & 0x80 ? KIND.BLX : KIND.BX;
    case 0x5:
      return KIND.STR_R + ((op >> 9) & 7);
    case 0x6:
      return op & 0x800 ? KIND.LDR_5 : KIND.STR_5;
    case 0x7:
      return op & 0x800 ? KIND.LDRB_5 : KIND.STRB_5;
    case 0x8:
      return op & 0x800 ? KIND.LDRH_5 : KIND.STRH_5;
    case 0x9:
      return op & 0x800 ? KIND.LDR_SP : KIND.STR_SP;
    case 0xa:
      return op & 0x800 ? KIND.ADD_SP_8 : KIND.ADR;
    case 0xb:
      return misc(op);
    case 0xc:
      return op & 0x800 ? KIND.LDM : KIND.STM;
    case 0xd:
      return (op & 0xe00) === 0xe00 ? KIND.OTHER : KIND.B_IF;
    case 0xe:
      return op & 0x800 ? KIND.OTHER : KIND.B;
    default:
      // The second halfword of a wide instruction tells BL from the others.
      return op >> 11 === 0x1e ? KIND.BL : KIND.OTHER;
  }
}

export const kinds = Uint8Array.from({ length: 0x10000 }, (_, op) => kindOf(op));
