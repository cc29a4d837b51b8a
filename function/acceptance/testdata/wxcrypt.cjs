'use strict';
// Seals and opens messages with wxcrypt, whose envelope is WeCom's older one, in XML.
const WXBizMsgCrypt = require('wxcrypt');

const { token, key, receiver, seal, open } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const crypt = new WXBizMsgCrypt(token, key, receiver);

const sealed = seal.map(({ plain, timestamp, nonce }) => {
  const { Encrypt, MsgSignature } = WXBizMsgCrypt.x2o(crypt.encryptMsg(plain, timestamp, nonce)).xml;
  return { encrypt: Encrypt, timestamp, nonce, signature: MsgSignature };
});
const opened = open.map(({ encrypt, timestamp, nonce, signature }) => {
  try {
    return { plain: crypt.decrypt(signature, timestamp, nonce, encrypt) };
  } catch (error) {
    return { error: String(error) };
  }
});
console.log(JSON.stringify({ sealed, opened }));
