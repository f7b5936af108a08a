/**
 * Files as they travel: gzip (RFC 1952) of a document, told by the first two bytes (section 12.1).
 *
 * The platform's own streams unpack. They differ over what may follow: a browser refuses it, Node hides it. So header and
 * trailer are read here, and the deflated bytes between must be whole, and not whole already without the last of them.
 */

import { NotABundle } from './failures.js';

const MAGIC = [0x1f, 0x8b];
const DEFLATE = 8;
const [CHECKED, EXTRA, NAMED, COMMENTED, RESERVED] = [2, 4, 8, 16, 0xe0];
const FIXED_HEADER = 10;
const TRAILER = 8;

/**
 * Return a document that may be packed, as bytes; what is not packed is returned as it is.
 *
 * @param bytes as they came
 * @param place the document's name in an error
 * @param limit how many bytes it may have; of a longer one no more is kept
 * @throws NotABundle rule max-bytes, or gzip: no whole member, or something follows it
 */
export async function unpack(bytes, place, limit) {
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) return bytes;
  const end = bytes.length - TRAILER;
  const begin = headerLength(bytes);
  if (begin === null || begin > end) throw new NotABundle(place, 'gzip');
  const document = await inflated(bytes.subarray(begin, end), place, limit);
  if (document === null || (await inflated(bytes.subarray(begin, end - 1), place, limit)) !== null) {
    throw new NotABundle(place, 'gzip');
  }
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + end, TRAILER);
  if (trailer.getUint32(0, true) !== crc32(document) || trailer.getUint32(4, true) !== document.length) {
    throw new NotABundle(place, 'gzip');
  }
  return document;
}

/** Return how long the header is, or null where it is none. */
function headerLength(bytes) {
  const flags = bytes[3];
  if (bytes.length < FIXED_HEADER || bytes[2] !== DEFLATE || (flags & RESERVED) !== 0) return null;
  let at = FIXED_HEADER;
  if (flags & EXTRA) at += 2 + (bytes[at] | (bytes[at + 1] << 8));
  for (const text of [NAMED, COMMENTED]) {
    if ((flags & text) === 0) continue;
    const zero = bytes.indexOf(0, at);
    if (zero < 0) return null;
    at = zero + 1;
  }
  if ((flags & CHECKED) === 0) return at;
  const stated = bytes[at] | (bytes[at + 1] << 8);
  return (crc32(bytes.subarray(0, at)) & 0xffff) === stated ? at + 2 : null;
}

/** Return what bytes of a deflated stream hold, or null where they are no whole one. */
async function inflated(packed, place, limit) {
  const parts = [];
  let length = 0;
  try {
    for await (const part of chunks(new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw')))) {
      length += part.length;
      if (length > limit) throw new NotABundle(place, 'max-bytes');
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof NotABundle) throw error;
    return null;
  }
  const document = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    document.set(part, at);
    at += part.length;
  }
  return document;
}

/** Give the parts of a stream; not every browser iterates over one by itself. Whoever stops early ends the stream. */
async function* chunks(stream) {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => {}); // what failed has been told
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ CRC_TABLE[(value ^ byte) & 0xff];
  return ~value >>> 0;
}
