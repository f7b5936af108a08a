/** Heads of histories: the changes, in order, give the head that a contract keeps, so none can be left out. */

import { ZERO_HASH, concat, u256, utf8 } from './bytes.js';
import { abiEncode, keccak, leftPadded, nameWord } from './keccak.js';

const WORD = (bytes) => bytes;
const ADDRESS = leftPadded;
const TAIL = (bytes) => ({ tail: bytes });

/** The members of a DID's events, in the order of the ABI, without `identity` and `previousChange`. */
export const DID_EVENTS = {
  DIDOwnerChanged: { signature: 'DIDOwnerChanged(address,address,uint256)', members: { owner: ADDRESS } },
  DIDDelegateChanged: {
    signature: 'DIDDelegateChanged(address,bytes32,address,uint256,uint256)',
    members: { delegateType: WORD, delegate: ADDRESS, validTo: WORD },
  },
  DIDAttributeChanged: {
    signature: 'DIDAttributeChanged(address,bytes32,bytes,uint256,uint256)',
    members: { name: WORD, value: TAIL, validTo: WORD },
  },
};

/** The head after changes [{block, time, change}] of a history with this name. */
export function headOf(history, changes) {
  const name = keccak(utf8(history));
  return changes.reduce(
    (head, { block, time, change }, index) =>
      keccak(abiEncode(name, head, u256(index + 1), u256(block), u256(time), change)),
    ZERO_HASH,
  );
}

export function didHistoryHead(changes) {
  return headOf('bonafides/did-history/2', changes.map((change) => ({ ...change, change: didChange(change) })));
}

export function directoryHead(entries) {
  return headOf('bonafides/directory-history/2', entries.map((entry) => ({ ...entry, change: directoryChange(entry) })));
}

/** keccak-256(topic 0 || abi.encode(members)) of an event with its members as bytes. */
export function didChange(event) {
  const { signature, members } = DID_EVENTS[event.event];
  const values = Object.entries(members).map(([member, encode]) => encode(event[member]));
  return keccak(concat(keccak(utf8(signature)), abiEncode(...values)));
}

function directoryChange({ name, target, code_hash: codeHash }) {
  return keccak(abiEncode(nameWord(name), leftPadded(target), codeHash));
}
