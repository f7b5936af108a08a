import assert from 'node:assert/strict';
import test from 'node:test';

import { utf8 } from '../bytes.js';
import { canonicalText } from '../canonical.js';
import { NotJson, readJson } from '../json.js';

const read = (text) => readJson(utf8(text));

test('what is no JSON, or another reader could read otherwise, is refused', () => {
  const texts = [
    '', ' ', '{', '[', '{"a":1,}', '[1,]', '{"a" 1}', "{'a':1}", '01', '+1', '.5', '1.', '1e', 'NaN', 'Infinity', '-',
    '1e999', '9007199254740992', '-9007199254740992', '"\u0001"', '"\\x"', '"\\u12g4"', '"\\ud800"', '"\\udc00\\ud800"',
    '"a', 'tru', 'nul', '[1] 2', '{"a":1,"a":1}', '{"\\u0061":1,"a":2}', '{"__proto__":1,"__proto__":2}', '\ufeff{}',
    '1 2', '{1:2}', '"\t"', '[1 2]', '\u00a01', '// x\n1',
  ];
  for (const text of texts) assert.throws(() => read(text), NotJson, JSON.stringify(text));
  assert.throws(() => readJson(Uint8Array.of(0x22, 0xff, 0x22)), NotJson);
  assert.throws(() => readJson(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)), NotJson);
});

test('limits of depth, items and bytes', () => {
  const limits = { bytes: 100, items: 5, depth: 3 };
  assert.deepEqual(readJson(utf8('[[[]]]'), limits), [[[]]]);
  assert.throws(() => readJson(utf8('[[[[]]]]'), limits), /too deep/);
  assert.deepEqual(readJson(utf8('[1,2,3,4,5]'), limits), [1, 2, 3, 4, 5]);
  assert.throws(() => readJson(utf8('[1,2,3,4,5,6]'), limits), /too many/);
  assert.throws(() => readJson(utf8(`"${'a'.repeat(99)}"`), limits), /longer/);
  assert.equal(readJson(utf8('",,,,,,,,[[[["'), limits), ',,,,,,,,[[[[');
});

test('it reads what JSON.parse reads', () => {
  const value = { b: [1, -0.5, 1e-7, true, null, 'x\u2028"\\\n'], a: { '': {}, é: '\ud83d\ude00' }, c: 'constructor' };
  const text = JSON.stringify(value, null, 1);
  assert.deepEqual(JSON.parse(canonicalText(read(text))), value);
});

test('a key that means something to JavaScript means nothing here', () => {
  const value = read('{"__proto__":{"polluted":1},"constructor":2,"hasOwnProperty":3}');
  assert.equal(Object.getPrototypeOf(value), null);
  assert.equal({}.polluted, undefined);
  assert.equal(canonicalText(value), '{"__proto__":{"polluted":1},"constructor":2,"hasOwnProperty":3}');
});

test('RFC 8785, section 3.2.3: keys in the order of UTF-16 units', () => {
  const text = '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",'
    + '"\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}';
  assert.deepEqual(Object.values(JSON.parse(canonicalText(read(text)))).length, 7);
  const order = [...canonicalText(read(text)).matchAll(/:"([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual(order, [
    'Carriage Return', 'One', 'Control', 'Latin Small Letter O With Diaeresis', 'Euro Sign', 'Emoji: Grinning Face',
    'Hebrew Letter Dalet With Dagesh',
  ]);
});

test('RFC 8785, section 3.2.2 and appendix B: texts and numbers', () => {
  const text = '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
    + '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}';
  assert.equal(
    canonicalText(read(text)),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    + '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  const view = new DataView(new ArrayBuffer(8));
  const numbers = [
    ['0000000000000000', '0'], ['8000000000000000', '0'], ['0000000000000001', '5e-324'], ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'], ['44b52d02c7e14af5', '9.999999999999997e+22'], ['44b52d02c7e14af6', '1e+23'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'], ['444b1ae4d6e2ef50', '1e+21'], ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'], ['41b3de4355555553', '333333333.3333332'], ['becbf647612f3696', '-0.0000033333333333333333'],
  ];
  for (const [bits, expected] of numbers) {
    view.setBigUint64(0, BigInt(`0x${bits}`));
    assert.equal(canonicalText(view.getFloat64(0)), expected);
  }
});
