/** What a check may end with, beside holding. Each reason is a code of words.js; `details` fill its sentence. */

/** A check does not hold. */
export class Failed extends Error {
  constructor(code, details = {}) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

/** Nothing was refuted, but the question is out of reach. */
export class CouldNotCheck extends Failed {}

/** The bytes are no bundle, or no trust file: `place` is where in it, `rule` what is not met. */
export class NotABundle extends Failed {
  constructor(place, rule) {
    super('shape', { place, rule });
  }
}

/** Run a step of arithmetic; what it finds wrong becomes a failure of the given code. */
export function within(code, details, step) {
  try {
    return step();
  } catch (error) {
    if (error instanceof Failed || error instanceof RangeError) throw error;
    throw new Failed(code, { ...details, reason: error.message });
  }
}
