/**
 * A strict reader of JSON. JSON.parse keeps the last of two equal keys and says nothing, and takes lone surrogates.
 *
 * Objects have no prototype, so that no key of a stranger (`__proto__`, `constructor`) means anything. Limits: nesting,
 * and the number of opening brackets and commas outside of text (what a hostile text multiplies its size by).
 */

export const BUNDLE_LIMITS = { bytes: 64 * 1024 * 1024, items: 2_000_000, depth: 32 };

export class NotJson extends Error {}

/** Return the value that UTF-8 bytes of JSON hold; throws NotJson. */
export function readJson(bytes, limits = BUNDLE_LIMITS) {
  if (bytes.length > limits.bytes) throw new NotJson(`longer than ${limits.bytes} bytes`);
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NotJson('not UTF-8');
  }
  return new Reader(text, limits).whole();
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const PLAIN_TEXT = /[^"\\\u0000-\u001f]*/y;
const WHITE = /[ \t\n\r]*/y;
const ESCAPES = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const WORDS = [['true', true], ['false', false], ['null', null]];

class Reader {
  constructor(text, limits) {
    this.text = text;
    this.limits = limits;
    this.at = 0;
    this.items = 0;
  }

  whole() {
    const value = this.value(1);
    this.white();
    if (this.at !== this.text.length) throw this.error('something follows the value');
    return value;
  }

  value(depth) {
    this.white();
    const first = this.text[this.at];
    if (first === '{') return this.object(depth);
    if (first === '[') return this.array(depth);
    if (first === '"') return this.string();
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  object(depth) {
    this.enter(depth);
    const object = Object.create(null);
    if (this.takes('}')) return object;
    do {
      this.white();
      if (this.text[this.at] !== '"') throw this.error('a key is text');
      const key = this.string();
      if (key in object) throw this.error('a key stands twice');
      if (!this.takes(':')) throw this.error('a colon is missing');
      object[key] = this.value(depth + 1);
    } while (this.comma());
    if (!this.takes('}')) throw this.error('an object does not end');
    return object;
  }

  array(depth) {
    this.enter(depth);
    const array = [];
    if (this.takes(']')) return array;
    do {
      array.push(this.value(depth + 1));
    } while (this.comma());
    if (!this.takes(']')) throw this.error('an array does not end');
    return array;
  }

  enter(depth) {
    if (depth > this.limits.depth) throw this.error('nested too deep');
    this.at += 1;
    this.count();
  }

  comma() {
    if (!this.takes(',')) return false;
    this.count();
    return true;
  }

  count() {
    this.items += 1;
    if (this.items > this.limits.items) throw this.error('too many items');
  }

  string() {
    this.at += 1;
    let string = '';
    for (;;) {
      string += this.match(PLAIN_TEXT);
      const next = this.text[this.at++];
      if (next === '"') break;
      if (next !== '\\') throw this.error('a text does not end, or holds a control character');
      string += this.escape();
    }
    if (!string.isWellFormed()) throw this.error('half of a surrogate pair');
    return string;
  }

  escape() {
    const letter = this.text[this.at++];
    if (letter !== 'u') {
      if (letter === undefined || !Object.hasOwn(ESCAPES, letter)) throw this.error('no escape of JSON');
      return ESCAPES[letter];
    }
    const digits = this.text.slice(this.at, this.at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.error('four hex digits are missing');
    this.at += 4;
    return String.fromCharCode(parseInt(digits, 16));
  }

  number() {
    const word = this.match(NUMBER);
    if (word === '') throw this.error('no value of JSON');
    const number = Number(word);
    if (!Number.isFinite(number)) throw this.error('a number without end');
    if (/^-?[0-9]+$/.test(word) && !Number.isSafeInteger(number)) throw this.error('an integer beyond 2^53 - 1');
    return number;
  }

  white() {
    this.match(WHITE);
  }

  takes(sign) {
    this.white();
    if (this.text[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return '';
    this.at = pattern.lastIndex;
    return found[0];
  }

  error(reason) {
    return new NotJson(`${reason} (at character ${this.at})`);
  }
}
