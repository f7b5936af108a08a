/** A file of promises that somebody holds: one promise, or a list of them. */

import { canonical } from './canonical.js';
import { NotABundle } from './failures.js';
import { NotJson, readJson } from './json.js';

/** Return the bytes of each promise; throws NotABundle. */
export function readPromises(bytes) {
  try {
    const value = readJson(bytes);
    return (Array.isArray(value) ? value : [value]).map(canonical);
  } catch (error) {
    if (error instanceof NotJson) throw new NotABundle('promises', error.message);
    throw error;
  }
}
