'use strict';
// Seals and opens messages with @wecom/crypto, which leaves it to its caller to
// compare signature and receiver.
const wecom = require('@wecom/crypto');

const { token, key, receiver, seal, open } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));

const sealed = seal.map(({ plain, timestamp, nonce }) => {
  const encrypt = wecom.encrypt(key, plain, receiver);
  return { encrypt, timestamp, nonce, signature: wecom.getSignature(token, timestamp, nonce, encrypt) };
});
const opened = open.map(({ encrypt, timestamp, nonce, signature }) => {
  try {
    if (wecom.getSignature(token, timestamp, nonce, encrypt) !== signature) return { error: 'signature' };
    const { message, id } = wecom.decrypt(key, encrypt);
    return id === receiver ? { plain: message } : { error: 'receiver' };
  } catch (error) {
    return { error: String(error) };
  }
});
console.log(JSON.stringify({ sealed, opened }));
