/** What the verifier says, in Chinese and English: each sentence once in each language. `{name}` is filled in. */

export const LANGUAGES = ['zh', 'en'];

const SENTENCES = {
  // Names of the checks
  'check.structure': ['文件结构', 'Shape of the file'],
  'check.canonical-form': ['规范编码', 'One spelling'],
  'check.trust': ['可信区块', 'Trusted block'],
  'check.state-proof': ['链上状态证明', 'State of the chain'],
  'check.directory': ['合约目录', 'Directory of contracts'],
  'check.log-head': ['日志与链一致', 'The log is the one on the chain'],
  'check.member-keys': ['成员与密钥', 'Members and their keys'],
  'check.checkpoint-signature': ['检查点签名', 'Signed checkpoint'],
  'check.fingerprint': ['记录指纹', 'Fingerprints of the records'],
  'check.subject-chain': ['记录首尾相连', 'Links from record to record'],
  'check.opening': ['档案开立', 'Opening of the history'],
  'check.client-keys': ['客户密钥历史', "History of the client's keys"],
  'check.client-signature': ['客户签名', "The client's signatures"],
  'check.promise': ['券商承诺', "The broker's promises"],
  'check.inclusion': ['记录已入日志', 'Records stand in the log'],
  'check.subject-completeness': ['档案完整', 'No record is missing'],
  'check.bundle-signature': ['文件签名', 'Signature of the file'],
  'check.staff-signature': ['第二人签名', 'Second persons'],
  'check.erasure': ['删除期限', 'Erasure not before its time'],
  'check.held-promises': ['所持承诺', 'Promises that you hold'],

  // Verdict
  'kind.holds': ['证据成立', 'The evidence holds'],
  'kind.failed': ['证据不成立', 'The evidence does not hold'],
  'kind.could-not-check': ['无法核验', 'Could not be checked'],
  'kind.not-a-bundle': ['不是证据文件', 'Not a bundle of evidence'],
  'result.holds': ['成立', 'holds'],
  'result.failed': ['不成立', 'fails'],
  'result.could-not-check': ['无法核验', 'not checked'],
  'reach': ['档案截至第 {number} 区块（{time}）完整。', 'The history is complete as of block {number} ({time}).'],
  'refuted': ['未通过的检查：{names}。', 'Checks that failed: {names}.'],
  'unreached': ['无法核验的检查：{names}。', 'Checks that could not be made: {names}.'],
  'vouched': ['该区块由以下密钥持有人担保：{names}。', 'The block is vouched for by: {names}.'],
  'growth': [
    '名册增长由 {others} 个其他成员中的 {count} 个核对：{names}。',
    'Growth of the map was checked by {count} of {others} other members: {names}.',
  ],
  'growth.nobody': [
    '没有其他成员核对名册的增长：两次锚定之间的回退无法从本文件看出。',
    'No other member checked that the map only grew: a rollback between two anchors would not show here.',
  ],
  'opened.client': ['档案由客户本人签名开立：{client}。', 'The client opened the history, by signature: {client}.'],
  'opened.broker-then-client': [
    '档案由券商开立，客户其后签名加入：{client}。此前的内容并非客户所述。',
    'The broker opened the history, and the client joined it later by signature: {client}. Nothing before that is the client\u2019s word.',
  ],
  'opened.broker': ['档案由券商单方开立。', 'The broker alone opened the history.'],
  'counts': [
    '共 {records} 条记录：{whole} 条完整出示，{redacted} 条部分遮盖，{hidden} 条内容未出示，{erased} 条已删除。',
    '{records} records: {whole} shown whole, {redacted} shown in part, {hidden} without their content, {erased} erased.',
  ],
  'counts.restored': ['其中 {restored} 条曾登记为已删除，仍被出示。', '{restored} of them were recorded as erased and are shown all the same.'],
  'pending': ['另有 {pending} 条已受理、尚未锚定，本文件不能证明。', '{pending} more were accepted and not yet anchored; this file does not prove them.'],
  'no-pending': ['没有尚未锚定的记录。', 'None was waiting to be anchored.'],
  'not-asked': [
    '规则：此处未核。本程序只核验证据，不判断适当性等业务规则是否得到遵守。',
    'Rules: not asked here. This program checks evidence; it does not judge whether the rules of the business were kept.',
  ],
  'note.continues-elsewhere': [
    '本档案承接另一档案（格式 {format}，{count} 条记录，末条指纹 {head}），未在此出示：请用其自己的文件另行核验。',
    'The history continues another one (format {format}, {count} records, last fingerprint {head}) that is not shown here: check that one with its own file.',
  ],
  'note.anchors-wrong': [
    '券商声明锚定 {anchors} 有误：只在其中的记录不计入档案，唯有其承诺可以证明。',
    'The broker names anchors {anchors} as wrong: a record that lies there alone is not counted, and only its promise shows it.',
  ],
  'note.broker-not-active': [
    '本文件没有表明券商在该区块仍是有效成员。',
    'The file does not show that the broker is still an active member at the block.',
  ],
  'note.held-of-others': ['{count} 份承诺属于其他券商，未予核验。', '{count} promises are of other brokers, and were left alone.'],
  'finding.PROMISE_LATE': ['第 {seq} 条：锚定晚于承诺的时间', 'record {seq}: anchored later than promised'],
  'finding.ANCHORED_LATE': ['第 {seq} 条：锚定晚于记录时间一天以上', 'record {seq}: anchored more than a day after it was recorded'],
  'finding.SECOND_PERSON_MISSING': ['第 {seq} 条：删除没有两名员工的签名', 'record {seq}: erases without the signatures of two of the staff'],
  'finding.TIMES_CONTRADICT': ['第 {seq} 条：记录时间晚于其锚定时间', 'record {seq}: its time is later than its anchor'],

  // Timeline
  'state.whole': ['完整出示', 'shown whole'],
  'state.redacted': ['部分遮盖', 'shown in part'],
  'state.hidden': ['内容未出示', 'content not shown'],
  'state.erased': ['已删除', 'erased'],
  'state.broken': ['无法打开', 'does not open'],
  'state.restored': ['曾登记为已删除', 'recorded as erased'],
  'anchored': ['锚定于第 {block} 区块（{time}）', 'anchored in block {block} ({time})'],
  'not-anchored-row': ['未锚定', 'not anchored'],
  'reference': ['相关档案', 'Other history'],
  'history': ['本案档案', 'The history'],
  'staff.signed': ['第二人：{name}（{role}）', 'second person: {name} ({role})'],
  'staff.unknown': ['第二人：登记未出示', 'second person: enrolment not shown'],

  // Command line and page
  'page.title': ['证据核验', 'Check of evidence'],
  'page.bundle': ['证据文件', 'Bundle of evidence'],
  'page.trust': ['可信文件（可多个）', 'Trust files (one or more)'],
  'page.promises': ['所持承诺（可选）', 'Promises that you hold (optional)'],
  'page.key': ['担保人公钥（十六进制，每行一个）', 'Keys of the signers of the trust files (hex, one a line)'],
  'page.key.help': ['请从担保人处直接取得，不要从本文件的提供者处取得。', 'Get it from the signer directly, never from whoever gave you the file.'],
  'page.least': ['至少截至区块（可选）', 'At least as of block (optional)'],
  'page.drop': ['把文件拖到这里，或点击选择', 'Drop files here, or choose them'],
  'page.check': ['核验', 'Check'],
  'page.working': ['核验中……', 'Checking …'],
  'page.offline': ['本页不连接网络；文件不离开您的设备。', 'This page uses no network; files do not leave your device.'],
  'page.checks': ['逐项检查', 'Checks'],
  'page.records': ['记录', 'Records'],
  'page.reach': ['结论的范围', 'How far the answer reaches'],
  'page.findings': ['不利于券商的发现', 'What speaks against the broker'],
  'page.missing': ['请提供证据文件、可信文件和担保人公钥。', 'Give a bundle, a trust file and the key of its signer.'],
  'page.key.bad': ['公钥须为十六进制。', 'Keys are in hex.'],
  'page.least.bad': ['区块须为整数。', 'The block is a whole number.'],
  'page.fields': ['出示的内容', 'What is shown'],
  'page.broker': ['券商', 'Broker'],
  'page.client': ['客户', 'Client'],
  'page.case': ['案号', 'Case'],
  'page.made': ['制作时间（券商所述）', 'Made (the broker\u2019s word)'],
  'page.chosen': ['已选：{names}', 'Chosen: {names}'],
  'page.nobody': ['无', 'none'],
  'page.digest': ['证据包（解压后）的 SHA-256', 'SHA-256 of the bundle, unpacked'],

  // Why a check fails
  'why.rests-on': ['依赖未成立的检查“{check}”', 'rests on “{check}”, which does not hold'],
  'why.shape': ['{place}：{rule}', '{place}: {rule}'],
  'why.canonical-form': ['字节不是唯一的规范编码', 'the bytes are not the one spelling of what they hold'],
  'why.other-chain': ['券商、客户或成员的标识属于另一条链', 'broker, client or a member is of another chain'],
  'why.trust-none': ['没有可信文件', 'there is no trust file'],
  'why.trust-not-pinned': ['可信文件的签名人 {signer} 的密钥不在您给出的密钥中', 'the key of {signer}, who signed the trust file, is none of yours'],
  'why.trust-signature': ['可信文件的签名不成立（{signer}）', 'the trust file is not signed by its signer ({signer})'],
  'why.trust-other-chain': ['可信文件与证据文件不属于同一条链', 'trust files and bundle are not of one chain'],
  'why.trust-fork': ['可信文件对第 {block} 区块说法不一', 'the trust files name different blocks {block}'],
  'why.header': ['区块头无法读取：{reason}', 'the header does not read: {reason}'],
  'why.header-rule': ['本程序不认识区块头规则 {rule}', 'header rule {rule} is not known here'],
  'why.header-not-trusted': ['第 {block} 区块不是可信文件所述的区块', 'block {block} is not the one of a trust file'],
  'why.header-otherwise': ['区块头的编号或时间与可信文件不同', 'number or time of the header differ from the trust file'],
  'why.header-not-sealed': ['第 {block} 区块没有足够验证人的封印', 'block {block} is not sealed by the validators'],
  'why.header-too-old': ['文件截至第 {block} 区块，要求至少第 {least} 区块', 'the file reaches block {block}; at least {least} is asked for'],
  'why.state-proof': ['状态证明不成立：{reason}', 'the proof of the state does not hold: {reason}'],
  'why.directory-lacks': ['目录中没有合约 {name}', 'the Directory names no {name}'],
  'why.code-hash': ['合约 {name} 的代码与目录不符', 'the code of {name} is not that of the Directory'],
  'why.directory-head': ['目录条目与链上不符', 'the entries are not those of the Directory on the chain'],
  'why.log-order': ['第 {seq} 次锚定的次序或大小不对', 'anchor {seq} is out of order, or its sizes are'],
  'why.log-last': ['最后一次锚定没有出示', 'the last anchor is not shown'],
  'why.log-path': ['锚定的路径不成立：{reason}', 'the path of the anchors does not hold: {reason}'],
  'why.log-head': ['日志与链上不符', 'the log is not the one of the chain'],
  'why.log-none': ['链上没有该券商的日志', 'the chain holds no log of the broker'],
  'why.log-begun-again': ['日志在较早的合约之后重新开始', 'the log began again after an earlier contract held one'],
  'why.log-former': ['日志承接的不是目录当时所列的旧合约', 'the log continues another contract than the Directory named when it began'],
  'why.keys-twice': ['同一组密钥出现两次', 'a key set stands twice'],
  'why.keys-no-key': ['有一个签名密钥无效', 'a signing key is no key'],
  'why.keys-missing': ['缺少锚定所述的密钥', 'the keys of an anchor are missing'],
  'why.keys-unnamed': ['有锚定未提及的密钥', 'there are keys that no anchor names'],
  'why.member-twice': ['成员 {member} 出现两次', 'member {member} stands twice'],
  'why.member-not-active': ['{member} 在该区块不是有效成员', '{member} is no active member at the block'],
  'why.member-no-broker': ['券商的成员身份不是券商', 'the broker is a member of another role'],
  'why.checkpoint': ['检查点不成立：{reason}', 'the checkpoint does not hold: {reason}'],
  'why.checkpoint-otherwise': ['检查点与日志不符', 'the checkpoint is of another log, or another state of it'],
  'why.checkpoint-unsigned': ['检查点没有券商的签名', 'the checkpoint is not signed by the broker'],
  'why.envelope': ['第 {seq} 条的信封不合格式：{reason}', 'the envelope of record {seq} is malformed: {reason}'],
  'why.field': ['第 {seq} 条的字段 {name} 与指纹不符', 'field {name} of record {seq} is not the one that was sealed'],
  'why.subject-twice': ['同一档案出现两次', 'a history stands twice'],
  'why.link': ['第 {seq} 条没有接上前一条', 'record {seq} does not follow the one before'],
  'why.link-owner': ['第 {seq} 条属于别的券商或档案', 'record {seq} is of another broker or history'],
  'why.record-id-twice': ['第 {seq} 条的编号重复', 'the id of record {seq} stands twice'],
  'why.erases-another': ['第 {seq} 条声明删除的不是档案中的记录', 'record {seq} erases what the history does not hold'],
  'why.erases-shape': ['第 {seq} 条的删除声明不合格式：{reason}', 'record {seq} erases nothing that can be read: {reason}'],
  'why.erased-unnamed': ['第 {seq} 条已删除，但没有登记', 'record {seq} is erased, and no record says so'],
  'why.opening-missing': ['档案第一条不是开立记录', 'the first record of a history is no opening'],
  'why.opening-redacted': ['开立记录没有完整出示', 'the opening is not shown whole'],
  'why.opening-shape': ['开立记录不合格式：{reason}', 'the opening is malformed: {reason}'],
  'why.opening-again': ['第 {seq} 条再次开立', 'record {seq} opens the history again'],
  'why.opening-elsewhere': ['第 {seq} 条所在档案的代号不是推导所得', 'record {seq} opens under a pseudonym that is not the derived one'],
  'why.opening-signer': ['第 {seq} 条不是应签之人所签', 'record {seq} is not signed by whom it takes'],
  'why.opening-signature': ['第 {seq} 条的券商签名不成立', 'the broker\u2019s signature of record {seq} does not hold'],
  'why.opening-other-client': ['开立档案的不是本文件所述客户', 'the history is not that of the client whom the file names'],
  'why.continues-subject': ['所承接的档案代号不对', 'the history that is continued has a wrong pseudonym'],
  'why.continues-otherwise': ['所承接的档案不是在所述之处结束', 'the history that is continued ends elsewhere'],
  'why.did-of-nobody': ['没有客户，却有客户密钥的变更', 'changes of a DID, and no client'],
  'why.did-head': ['客户密钥的变更与链上不符', 'the changes are not the whole history of the client\u2019s keys'],
  'why.not-anchored': ['第 {seq} 条不在所出示的锚定之下', 'record {seq} lies under no anchor that is shown'],
  'why.accepted-block': ['第 {seq} 条的受理区块倒退，或晚于其锚定', 'the block at which record {seq} was accepted goes back, or lies after its anchor'],
  'why.signature-of-nobody': ['第 {seq} 条带有不应有的签名', 'record {seq} bears a signature that it must not'],
  'why.act-unsigned': ['第 {seq} 条须由客户签名', 'record {seq} takes the client\u2019s signature'],
  'why.act-signer': ['第 {seq} 条不是本档案的客户所签', 'record {seq} is signed by somebody else than the client'],
  'why.act-known': ['第 {seq} 条所述的此前记录与档案不符', 'record {seq} was signed over another history'],
  'why.act-nonce': ['第 {seq} 条的签名曾被用过', 'the act of record {seq} is used a second time'],
  'why.act-of-another-did': ['第 {seq} 条由另一身份签名，本文件没有其密钥：{did}', 'record {seq} is signed by another DID, whose keys the file does not hold: {did}'],
  'why.act-signature': ['第 {seq} 条的客户签名不成立，或密钥当时无效', 'the client\u2019s signature of record {seq} does not hold, or its key was not in force'],
  'why.promise-of-erased': ['已删除的第 {seq} 条带有承诺', 'record {seq} is erased and has a promise'],
  'why.promise-missing': ['第 {seq} 条没有承诺', 'record {seq} has no promise'],
  'why.promise-unused': ['有不属于任何记录的承诺', 'there is a promise of no record'],
  'why.promise-term': ['第 {seq} 条的承诺期限超过一天', 'the promise of record {seq} has no term of a day or less'],
  'why.promise-path': ['第 {seq} 条的承诺与记录不符', 'the promise is not of record {seq}'],
  'why.promise-signature': ['第 {seq} 条的承诺没有券商的签名', 'the promise of record {seq} is not signed by the broker'],
  'why.place': ['第 {seq} 条在日志中的位置不对', 'the place of record {seq} in the log is wrong'],
  'why.anchor-wrong': ['第 {seq} 条所在的锚定 {anchor} 已被券商声明有误', 'record {seq} lies under anchor {anchor}, which the broker named as wrong'],
  'why.batch': ['第 {anchor} 次锚定中没有这些记录', 'the records are not those of anchor {anchor}'],
  'why.label-twice': ['两条记录占同一位置', 'two records have one label'],
  'why.map': ['名册不含全部记录，或之后还有记录', 'the map does not hold all of the records, or holds a further one'],
  'why.bundle-signature': ['文件没有券商的签名', 'the file is not signed by the broker'],
  'why.held-key': ['所持承诺（第 {seq} 条）的密钥不在本文件中', 'the key of a promise that you hold (record {seq}) is not in the file'],
  'why.held-broken': ['所持承诺（第 {seq} 条）没有兑现', 'a promise that you hold (record {seq}) was not kept'],
  'why.staff-shape': ['第 {seq} 条的第二人签名不合格式：{reason}', 'the second signatures of record {seq} are malformed: {reason}'],
  'why.staff-type': ['第 {seq} 条不应有第二人签名', 'record {seq} takes no second signature'],
  'why.staff-possession': ['第 {seq} 条登记的密钥未证明持有', 'record {seq} enrols a key without proof that it is held'],
  'why.staff-enrolled-twice': ['第 {seq} 条重复登记密钥', 'record {seq} enrols a key again'],
  'why.staff-elsewhere': ['第 {seq} 条不在该密钥的档案中', 'record {seq} does not lie in the history of its key'],
  'why.staff-ends-nothing': ['第 {seq} 条注销的密钥没有登记', 'record {seq} ends a key that was not enrolled'],
  'why.staff-signature': ['第 {seq} 条的第二人签名不成立', 'a second signature of record {seq} does not hold'],
  'why.staff-key-unknown': ['第 {seq} 条的第二人密钥没有登记', 'the second person of record {seq} was not enrolled'],
  'why.staff-key-ended': ['第 {seq} 条的第二人密钥已注销', 'the key of the second person of record {seq} had ended'],
  'why.staff-key-expired': ['第 {seq} 条的第二人密钥已过期', 'the key of the second person of record {seq} had expired'],
  'why.staff-role': ['第 {seq} 条的第二人不是该岗位', 'the second person of record {seq} has another role'],
  'why.staff-same-person': ['第 {seq} 条由同一人签了两次', 'one person signed record {seq} twice'],
  'why.staff-actor': ['第 {seq} 条的第二人就是经办人，或密钥另有其主', 'the second person of record {seq} is the first, or the key is somebody else\u2019s'],
  'why.staff-name': ['第 {seq} 条所述的人没有签名', 'whom record {seq} names has not signed'],
  'why.erasure-rule': ['第 {seq} 条的删除依据 {rule} 不为本程序所知', 'record {seq} was erased by a rule that is not known here: {rule}'],
  'why.erasure-early': ['第 {seq} 条在期限届满前被删除', 'record {seq} was erased before its time was over'],
};

/** The codes of the sentences, for tests. */
export const CODES = Object.keys(SENTENCES);

/** A sentence in a language; what strangers wrote in it is made visible by `plain`. */
export function say(language, code, details = {}) {
  const sentence = SENTENCES[code]?.[LANGUAGES.indexOf(language)];
  if (sentence === undefined) throw new RangeError(`no words for ${code}`);
  return sentence.replace(/\{([a-z]+)\}/g, (_, name) => plain(String(details[name] ?? '')));
}

/** Why a check does not hold. */
export function why(language, { code, details }) {
  if (code === 'rests-on') return say(language, 'why.rests-on', { check: say(language, `check.${details.check}`) });
  return say(language, `why.${code}`, details);
}

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u2800\u3164\u115f\u1160\ufe00-\ufe0f]/gu;
const LONGEST = 2_000;

/** Text of a stranger, on one line: what shows nothing or turns the order of reading stands as its code point. */
export function plain(text) {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return shown.replace(UNSEEN, (sign) => `[U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);
}

/** Seconds since 1970 as date and time of China, to the second. */
export function clock(seconds) {
  const date = new Date((seconds + 8 * 3600) * 1000);
  return Number.isNaN(date.valueOf()) ? '?' : `${date.toISOString().slice(0, 19).replace('T', ' ')} +08:00`;
}
