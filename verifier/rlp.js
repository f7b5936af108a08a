/** RLP, canonical alone: what is read is, byte for byte, what would be written. Items are bytes or lists of items. */

import { concat, u8 } from './bytes.js';

export class NotRlp extends Error {}

const DEEPEST = 32;

/** Return the one item that the bytes hold. */
export function decodeRlp(bytes) {
  const [item, end] = read(bytes, 0, bytes.length, 1);
  if (end !== bytes.length) throw new NotRlp('something follows the item');
  return item;
}

export function encodeRlp(item) {
  if (item instanceof Uint8Array) {
    return item.length === 1 && item[0] < 0x80 ? item : concat(lengthOf(item.length, 0x80), item);
  }
  const items = concat(...item.map(encodeRlp));
  return concat(lengthOf(items.length, 0xc0), items);
}

/** A number without leading zeros, at most 2^53 - 1. */
export function rlpNumber(item) {
  if (!(item instanceof Uint8Array) || item.length > 8 || item[0] === 0) throw new NotRlp('no number');
  const number = item.reduce((value, byte) => value * 256 + byte, 0);
  if (!Number.isSafeInteger(number)) throw new NotRlp('a number beyond 2^53 - 1');
  return number;
}

function lengthOf(length, offset) {
  if (length <= 55) return u8(offset + length);
  const digits = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return concat(u8(offset + 55 + digits.length), Uint8Array.from(digits));
}

function read(bytes, at, end, depth) {
  if (at >= end) throw new NotRlp('an item is cut short');
  if (depth > DEEPEST) throw new NotRlp('nested too deep');
  const first = bytes[at];
  if (first < 0x80) return [bytes.subarray(at, at + 1), at + 1];
  const isList = first >= 0xc0;
  const [start, length] = extent(bytes, at, end, first - (isList ? 0xc0 : 0x80));
  const stop = start + length;
  if (stop > end) throw new NotRlp('an item is cut short');
  if (!isList) {
    if (length === 1 && bytes[start] < 0x80) throw new NotRlp('a byte that stands for itself has a length');
    return [bytes.subarray(start, stop), stop];
  }
  const items = [];
  for (let next = start; next < stop;) {
    const [item, after] = read(bytes, next, stop, depth + 1);
    items.push(item);
    next = after;
  }
  return [items, stop];
}

function extent(bytes, at, end, code) {
  if (code <= 55) return [at + 1, code];
  const width = code - 55;
  const start = at + 1 + width;
  if (start > end || width > 6) throw new NotRlp('a length is cut short, or too great');
  const length = bytes.subarray(at + 1, start).reduce((value, byte) => value * 256 + byte, 0);
  if (bytes[at + 1] === 0 || length <= 55) throw new NotRlp('a length has another spelling');
  return [start, length];
}
