/**
 * Shapes: what JSON of strangers has to be. A shape is a function (value, place) that returns what the value says
 * (bytes for hex, numbers for numbers) or throws NotABundle with the place and the rule.
 */

import { from0x, fromBase64url, fromHex } from './bytes.js';
import { NotABundle } from './failures.js';

const MOST = Number.MAX_SAFE_INTEGER;

export function whole(least = 0, most = MOST) {
  return (value, place) => {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new NotABundle(place, 'integer');
    if (value < least || value > most) throw new NotABundle(place, 'range');
    return value;
  };
}

export function text(pattern, rule) {
  return (value, place) => {
    if (typeof value !== 'string') throw new NotABundle(place, 'text');
    if (!pattern.test(value)) throw new NotABundle(place, rule);
    return value;
  };
}

/** Text of so many characters (code points). */
export function textOf(least, most) {
  return (value, place) => {
    if (typeof value !== 'string') throw new NotABundle(place, 'text');
    const length = [...value].length;
    if (length < least || length > most) throw new NotABundle(place, 'length');
    return value;
  };
}

export function is(constant) {
  return (value, place) => {
    if (value !== constant) throw new NotABundle(place, 'constant');
    return value;
  };
}

export function oneOf(...constants) {
  return (value, place) => {
    if (!constants.includes(value)) throw new NotABundle(place, 'choice');
    return value;
  };
}

export function nullable(shape) {
  return (value, place) => (value === null ? null : shape(value, place));
}

export function listOf(shape, least = 0, most = MOST) {
  return (value, place) => {
    if (!Array.isArray(value)) throw new NotABundle(place, 'list');
    if (value.length < least || value.length > most) throw new NotABundle(place, 'length');
    return value.map((item, index) => shape(item, `${place}[${index}]`));
  };
}

/** An object that holds exactly these members. */
export function objectOf(members) {
  const names = Object.keys(members);
  return (value, place) => {
    const held = Object.keys(anyObject(value, place));
    for (const name of names) {
      if (!Object.hasOwn(value, name)) throw new NotABundle(`${place}.${name}`, 'missing');
    }
    if (held.length !== names.length) throw new NotABundle(place, 'unknown-member');
    return Object.fromEntries(names.map((name) => [name, members[name](value[name], `${place}.${name}`)]));
  };
}

/** An object of any members, as it is. */
export function anyObject(value, place) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new NotABundle(place, 'object');
  return value;
}

function bytesBy(read, rule) {
  return (length) => (value, place) => {
    if (typeof value !== 'string') throw new NotABundle(place, 'text');
    let bytes;
    try {
      bytes = read(value);
    } catch {
      throw new NotABundle(place, rule);
    }
    if (length !== undefined && bytes.length !== length) throw new NotABundle(place, 'length');
    return bytes;
  };
}

/** Lower-case hex without prefix, hex with `0x`, base64url; each of so many bytes, or of any number. */
export const hex = bytesBy(fromHex, 'hex');
export const hex0x = bytesBy(from0x, '0x-hex');
export const base64url = bytesBy(fromBase64url, 'base64url');

export const hash = hex(32);
export const address = hex0x(20);

/** HASHES: base64url of hashes joined. */
export function hashes(value, place) {
  const bytes = base64url()(value, place);
  if (bytes.length % 32 !== 0) throw new NotABundle(place, 'length');
  return Array.from({ length: bytes.length / 32 }, (_, index) => bytes.subarray(32 * index, 32 * index + 32));
}

const DID = /^did:ethr:0x([1-9a-f][0-9a-f]{0,15}):0x([0-9a-f]{40})$/;

/** A DID of a member or a client, as text. */
export const did = text(DID, 'did');

export function addressOf(didText) {
  return fromHex(DID.exec(didText)[2]);
}

export function chainOf(didText) {
  return BigInt(`0x${DID.exec(didText)[1]}`);
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\+08:00$/;
const SHIFT = 8 * 60 * 60 * 1000;

/** A time of records: China Standard Time with milliseconds. Returned as text; `millisecondsOf` reads it. */
export function time(value, place) {
  if (typeof value !== 'string' || !TIME.test(value) || timeText(millisecondsOf(value)) !== value) {
    throw new NotABundle(place, 'time');
  }
  return value;
}

/** Milliseconds since 1970 of a time of records. */
export function millisecondsOf(value) {
  return Date.parse(`${TIME.exec(value)[1]}Z`) - SHIFT;
}

/** The time of records of milliseconds since 1970; '' where there is none. */
export function timeText(milliseconds) {
  const date = new Date(milliseconds + SHIFT);
  return Number.isNaN(date.valueOf()) ? '' : date.toISOString().replace('Z', '+08:00');
}
