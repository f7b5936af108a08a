/** Bytes and the texts that stand for them. A text has one spelling; any other is refused with a TypeError. */

const ENCODER = new TextEncoder();
const URL_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const PLAIN_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export const EMPTY = new Uint8Array(0);
export const ZERO_HASH = new Uint8Array(32);

export function utf8(text) {
  return ENCODER.encode(text);
}

export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function equal(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Compare as unsigned numbers of equal length: negative, 0 or positive. */
export function compare(a, b) {
  for (let at = 0; at < a.length; at++) {
    if (a[at] !== b[at]) return a[at] - b[at];
  }
  return 0;
}

export function isZero(bytes) {
  return bytes.every((byte) => byte === 0);
}

/** A non-negative integer of at most 2^53 - 1, big-endian in `width` bytes. */
export function unsigned(value, width) {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError('not an unsigned integer');
  const bytes = new Uint8Array(width);
  let rest = value;
  for (let at = width - 1; at >= 0; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  if (rest !== 0) throw new TypeError(`does not fit ${width} bytes`);
  return bytes;
}

export const u8 = (value) => unsigned(value, 1);
export const u16 = (value) => unsigned(value, 2);
export const u64 = (value) => unsigned(value, 8);
export const u256 = (value) => unsigned(value, 32);

export function toHex(bytes) {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

export function fromHex(text) {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new TypeError('not lower-case hex');
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

export function from0x(text) {
  if (!text.startsWith('0x')) throw new TypeError('not hex with 0x');
  return fromHex(text.slice(2));
}

/** Base64url without padding; unused bits are zero. */
export function fromBase64url(text) {
  return decode64(text, URL_ALPHABET);
}

export function toBase64url(bytes) {
  return encode64(bytes, URL_ALPHABET);
}

/** Base64 with padding, as notes of C2SP have it; unused bits are zero. */
export function fromBase64(text) {
  const bare = text.replace(/={0,2}$/, '');
  if (text.length % 4 !== 0 || text.length - bare.length !== (4 - (bare.length % 4)) % 4) {
    throw new TypeError('wrong padding of base64');
  }
  return decode64(bare, PLAIN_ALPHABET);
}

export function toBase64(bytes) {
  const bare = encode64(bytes, PLAIN_ALPHABET);
  return bare + '='.repeat((4 - (bare.length % 4)) % 4);
}

const VALUES = new Map([URL_ALPHABET, PLAIN_ALPHABET].map((alphabet) => [alphabet, valuesOf(alphabet)]));

function valuesOf(alphabet) {
  const values = new Int8Array(128).fill(-1);
  for (let value = 0; value < 64; value++) values[alphabet.charCodeAt(value)] = value;
  return values;
}

function decode64(text, alphabet) {
  if (text.length % 4 === 1) throw new TypeError('no length of base64');
  const values = VALUES.get(alphabet);
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const value = code < 128 ? values[code] : -1;
    if (value < 0) throw new TypeError('not a digit of base64');
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  if (held !== 0) throw new TypeError('bits beyond the last byte of base64');
  return bytes;
}

function encode64(bytes, alphabet) {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += alphabet[held >> bits];
      held &= (1 << bits) - 1;
    }
  }
  return bits > 0 ? text + alphabet[held << (6 - bits)] : text;
}
