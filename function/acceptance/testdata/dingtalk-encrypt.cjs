'use strict';
// Seals and opens messages with dingtalk-encrypt: DingTalk's events have WeCom's
// envelope. It knows ASCII only: what it opens is one character a byte, and what
// it seals it escapes as in URLs, braces and quotes too.
const DingTalkEncryptor = require('dingtalk-encrypt');

const { token, key, receiver, seal, open } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const crypt = new DingTalkEncryptor(token, key, receiver);

const sealed = seal.map(({ plain, timestamp, nonce }) => {
  const { encrypt, msg_signature } = crypt.getEncryptedMap(plain, timestamp, nonce);
  return { encrypt, timestamp, nonce, signature: msg_signature };
});
const opened = open.map(({ encrypt, timestamp, nonce, signature }) => {
  try {
    return { plain: Buffer.from(crypt.getDecryptMsg(signature, timestamp, nonce, encrypt), 'latin1').toString('utf8') };
  } catch (error) {
    return { error: error.message };
  }
});
console.log(JSON.stringify({ sealed, opened }));
