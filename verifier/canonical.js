/** RFC 8785: the one spelling of a JSON value. Keys in the order of UTF-16 units, numbers as ECMAScript writes them. */

import { utf8 } from './bytes.js';

export function canonicalText(value) {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string') return stringText(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`no JSON: ${typeof value}`);
  const members = Object.keys(value).sort().map((key) => `${stringText(key)}:${canonicalText(value[key])}`);
  return `{${members.join(',')}}`;
}

/** Return JCS(value), the bytes that are hashed and signed. */
export function canonical(value) {
  return utf8(canonicalText(value));
}

function numberText(value) {
  if (!Number.isFinite(value)) throw new TypeError('no JSON: a number without end');
  return value === 0 ? '0' : String(value);
}

/** JSON.stringify writes texts as RFC 8785 asks: short escapes, \u00xx in lower case, nothing else escaped. */
function stringText(value) {
  if (!value.isWellFormed()) throw new TypeError('half of a surrogate pair');
  return JSON.stringify(value);
}
