/** SM3 (GB/T 32905-2016), in the shape in which HMAC of the library takes a hash. */

import { HashMD } from '@noble/hashes/_md.js';
import { createHasher } from '@noble/hashes/utils.js';

const START = Uint32Array.of(
  0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
);
const W = new Uint32Array(68);

const rotl = (word, bits) => ((word << bits) | (word >>> (32 - bits))) >>> 0;
const p0 = (x) => x ^ rotl(x, 9) ^ rotl(x, 17);
const p1 = (x) => x ^ rotl(x, 15) ^ rotl(x, 23);
const ff = (j, x, y, z) => (j < 16 ? x ^ y ^ z : (x & y) | (x & z) | (y & z));
const gg = (j, x, y, z) => (j < 16 ? x ^ y ^ z : (x & y) | (~x & z));
const constant = (j) => rotl(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32);

class Sm3 extends HashMD {
  constructor() {
    super(64, 32, 8, false);
    this.state = START.slice();
  }

  get() {
    return [...this.state];
  }

  set(...words) {
    this.state.set(words);
  }

  process(view, offset) {
    for (let j = 0; j < 16; j++) W[j] = view.getUint32(offset + 4 * j, false);
    for (let j = 16; j < 68; j++) {
      W[j] = p1(W[j - 16] ^ W[j - 9] ^ rotl(W[j - 3], 15)) ^ rotl(W[j - 13], 7) ^ W[j - 6];
    }
    let [a, b, c, d, e, f, g, h] = this.state;
    for (let j = 0; j < 64; j++) {
      const ss1 = rotl((rotl(a, 12) + e + constant(j)) | 0, 7);
      const ss2 = ss1 ^ rotl(a, 12);
      const tt1 = (ff(j, a, b, c) + d + ss2 + (W[j] ^ W[j + 4])) | 0;
      const tt2 = (gg(j, e, f, g) + h + ss1 + W[j]) | 0;
      [d, c, b, a] = [c, rotl(b, 9), a, tt1];
      [h, g, f, e] = [g, rotl(f, 19), e, p0(tt2)];
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => {
      this.state[at] ^= word;
    });
  }

  roundClean() {
    W.fill(0);
  }

  destroy() {
    this.state.fill(0);
  }

  _cloneInto(to = new Sm3()) {
    to.set(...this.get());
    return this._cloneIntoMeta(to);
  }
}

/** A hash in the sense of @noble/hashes: `sm3(bytes)`, `hmac(sm3, key, bytes)`. */
export const sm3 = createHasher(() => new Sm3());
