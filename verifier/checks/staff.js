/** 18. Second persons: every signature of the broker's staff that is shown holds (staff.md). */

import { fromBase64url, fromHex, toHex } from '../bytes.js';
import { canonical, canonicalText } from '../canonical.js';
import { everKeys } from '../didkeys.js';
import { verifyEd25519 } from '../ed25519.js';
import { Failed, NotABundle } from '../failures.js';
import { staffSubject } from '../opening.js';
import { didKey, foldName, meansDidKey } from '../people.js';
import { taggedSha256 } from '../record.js';
import { listOf, millisecondsOf, objectOf, oneOf, text, textOf, time } from '../shapes.js';
import { SUITES } from '../suites.js';
import { naming } from '../world.js';

/** Who signs which record: role, the field that names somebody who has signed, and that of the reader who has not. */
const SECOND_PERSONS = {
  BIZ_DECIDE: { role: 'reviewer', named: 'reviewer' },
  PRODUCT_RATE: { role: 'committee' },
  ACCESS_LOG: { role: 'compliance', named: 'approved_by', reader: 'reader' },
  ERASE: { role: 'compliance' },
};
const ENROL_FIELDS = ['name', 'role', 'key', 'expires_at', 'proof'];
const keyText = text(/^[0-9a-f]{64}$/, 'hex');
const valueText = text(/^[A-Za-z0-9_-]{86}$/, 'base64url');

const ENROL = objectOf({
  name: textOf(1, 200), role: oneOf('reviewer', 'committee', 'compliance'), key: keyText, expires_at: time, proof: valueText,
});
const COUNTERSIGNED = listOf(objectOf({ key: keyText, value: valueText }), 1, 10);

export function staffSignature(world) {
  const staff = new Staff(world);
  const inOrder = world.items.filter((item) => item.opened !== null && item.anchor !== null);
  inOrder.sort((a, b) => a.logIndex - b.logIndex);
  for (const item of inOrder) staff.take(item);
}

class Staff {
  constructor(world) {
    this.world = world;
    /** key (hex) to {item, name, role, expires, ended}: of an enrolment not shown whole, name is null. */
    this.enrolled = new Map();
    this.contents = new Set();
  }

  take(item) {
    const { type } = item.opened.envelope;
    if (type === 'STAFF_ENROL') this.enrol(item);
    else if (type === 'STAFF_END') this.end(item);
    else this.record(item, type);
  }

  enrol(item) {
    const { shown, envelope } = item.opened;
    const key = 'key' in shown ? this.shaped(item, keyText, shown.key) : this.keyOfSubject(item);
    this.mustLieOn(item, key);
    if (key === null) return;
    if (this.enrolled.has(key)) throw new Failed('staff-enrolled-twice', naming(item));
    if (!ENROL_FIELDS.every((name) => name in shown)) {
      this.enrolled.set(key, { item, name: null, ended: false });
      return;
    }
    const fields = Object.fromEntries(ENROL_FIELDS.map((name) => [name, shown[name]]));
    const { name, role, expires_at: expires, proof } = this.shaped(item, ENROL, fields);
    const said = canonical({ broker: envelope.broker, name, role, key });
    if (!verifyEd25519(fromHex(key), taggedSha256('bonafides/staff-key/1', said), bytesOf(item, proof))) {
      throw new Failed('staff-possession', naming(item));
    }
    if (this.isAnothers(key, envelope.accepted.block)) throw new Failed('staff-actor', naming(item));
    this.enrolled.set(key, { item, name, role, expires: millisecondsOf(expires), ended: false });
  }

  end(item) {
    const { shown } = item.opened;
    const key = 'key' in shown ? this.shaped(item, keyText, shown.key) : this.keyOfSubject(item);
    this.mustLieOn(item, key);
    if (key === null) return;
    const enrolment = this.enrolled.get(key);
    const refers = 'enrolment_ref' in shown ? shown.enrolment_ref === enrolment?.item.fingerprint : true;
    if (enrolment === undefined || !refers) throw new Failed('staff-ends-nothing', naming(item));
    enrolment.ended = true;
  }

  /** A record of a key lies on the subject that stands for it. */
  mustLieOn(item, key) {
    if (key !== null && staffSubject(this.world.bundle.broker, key) !== item.history.subject) {
      throw new Failed('staff-elsewhere', naming(item));
    }
  }

  /** The key for which a subject stands, as its opening says, or null. */
  keyOfSubject(item) {
    const { opening } = item.history;
    return /^staff:([0-9a-f]{64})$/.exec(opening?.kind === 'house' ? opening.opens : '')?.[1] ?? null;
  }

  /** Whether a key is, or was, a signing key of the member, or stood in the client's DID up to a block. */
  isAnothers(key, block) {
    const { bundle } = this.world;
    const own = bundle.members.find(({ member }) => member === bundle.broker);
    const members = [...bundle.keys, ...(own === undefined ? [] : [own.keys])];
    if (members.some(({ signing }) => toHex(signing) === key)) return true;
    return everKeys(bundle.did, SUITES.get('sha256-ed25519/1'), block).has(key);
  }

  record(item, type) {
    const { envelope, shown } = item.opened;
    const rule = SECOND_PERSONS[type];
    const isSigned = 'countersigned' in envelope.fields;
    if (isSigned && rule === undefined) throw new Failed('staff-type', naming(item));
    this.checkActors(item, rule);
    const signers = 'countersigned' in shown ? this.signers(item, rule) : [];
    if (signers.length > 0) this.world.proven.set(item, signers);
  }

  /** What means a did:key is, to the letter, that of a key enrolled before. */
  checkActors(item, rule) {
    const { envelope, shown } = item.opened;
    const named = [envelope.actor.did, ...(rule?.reader !== undefined && rule.reader in shown ? [shown[rule.reader]] : [])];
    for (const name of named) {
      if (typeof name !== 'string' || !meansDidKey(name)) continue;
      if (this.keyOfDid(name) === undefined) throw new Failed('staff-actor', naming(item));
    }
  }

  keyOfDid(name) {
    return [...this.enrolled.keys()].find((key) => didKey(fromHex(key)) === name);
  }

  signers(item, rule) {
    const { envelope, shown } = item.opened;
    const list = this.shaped(item, COUNTERSIGNED, shown.countersigned);
    const content = contentOf(envelope);
    const text = canonicalText(content);
    if (this.contents.has(text)) throw new Failed('staff-signature', naming(item));
    this.contents.add(text);
    const digest = taggedSha256('bonafides/staff-act/1', canonical(content));
    for (const { key, value } of list) {
      if (!verifyEd25519(fromHex(key), digest, bytesOf(item, value))) throw new Failed('staff-signature', naming(item));
    }
    const signers = list.map(({ key }) => this.signer(item, key, rule.role));
    this.checkPersons(item, signers, rule);
    return signers;
  }

  signer(item, key, role) {
    const enrolment = this.enrolled.get(key);
    if (enrolment === undefined) throw new Failed('staff-key-unknown', naming(item));
    if (enrolment.ended) throw new Failed('staff-key-ended', naming(item));
    if (enrolment.name === null) return { key, name: null };
    const { time } = this.world.anchorOfUse(item.anchor, item.opened.envelope.accepted.block);
    if (enrolment.expires <= time * 1000) throw new Failed('staff-key-expired', naming(item));
    if (enrolment.role !== role) throw new Failed('staff-role', naming(item));
    return { key, name: enrolment.name, role };
  }

  checkPersons(item, signers, rule) {
    const { envelope, shown } = item.opened;
    if (new Set(signers.map(({ key }) => key)).size !== signers.length) throw new Failed('staff-same-person', naming(item));
    const names = signers.filter(({ name }) => name !== null).map(({ name }) => foldName(name));
    if (new Set(names).size !== names.length) throw new Failed('staff-same-person', naming(item));
    const first = [envelope.actor.did, ...(rule.reader === undefined ? [] : [shown[rule.reader]])];
    for (const did of first.filter((one) => typeof one === 'string')) this.mustNotSign(item, did, signers, names);
    const wanted = rule.named === undefined ? undefined : shown[rule.named];
    const isWhole = names.length === signers.length;
    if (typeof wanted === 'string' && isWhole && !names.includes(foldName(wanted))) throw new Failed('staff-name', naming(item));
  }

  /** Nobody countersigns an own act: neither by the same key nor by another key of the same person. */
  mustNotSign(item, did, signers, names) {
    const key = this.keyOfDid(did);
    if (key === undefined) {
      if (names.includes(foldName(did))) throw new Failed('staff-actor', naming(item));
      return;
    }
    const { name } = this.enrolled.get(key);
    const isSigner = signers.some((signer) => signer.key === key) || (name !== null && names.includes(foldName(name)));
    if (isSigner) throw new Failed('staff-actor', naming(item));
  }

  shaped(item, shape, value) {
    try {
      return shape(value, 'staff');
    } catch (error) {
      if (error instanceof NotABundle) throw new Failed('staff-shape', { ...naming(item), reason: error.details.place });
      throw error;
    }
  }
}

/** What a person of the staff signs of a record: everything but the signatures themselves. */
function contentOf({ broker, subject, type, occurred_at, channel, actor, attachments, fields }) {
  const { countersigned: _, ...others } = fields;
  return { broker, subject, type, occurred_at, channel, actor, attachments, fields: others };
}

function bytesOf(item, value) {
  try {
    return fromBase64url(value);
  } catch {
    throw new Failed('staff-shape', { ...naming(item), reason: 'base64url' });
  }
}

