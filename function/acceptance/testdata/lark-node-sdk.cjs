'use strict';
// Handles calls as the Lark SDK for Node.js would, and says of each what the
// handler got to see.
const lark = require('@larksuiteoapi/node-sdk');

const logger = Object.fromEntries(['error', 'warn', 'info', 'debug', 'trace'].map(level => [level, () => {}]));

async function handle({ encryptKey, verificationToken, headers, body }) {
  try {
    const data = Object.assign(Object.create({ headers }), JSON.parse(body));
    const { isChallenge, challenge } = lark.generateChallenge(data, { encryptKey });
    if (isChallenge) return { handled: true, challenge: challenge.challenge };
    const answer = { handled: false };
    const dispatcher = new lark.EventDispatcher({ encryptKey, verificationToken, logger });
    dispatcher.register({
      'im.message.receive_v1': event => Object.assign(answer, { handled: true, content: event.message.content }),
    });
    await dispatcher.invoke(data);
    return answer;
  } catch (error) {
    return { handled: false, error: String(error) };
  }
}

const { calls, encrypted, encryptKey } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
Promise.all(calls.map(handle)).then(handled => {
  const decrypted = encrypted.map(text => new lark.AESCipher(encryptKey).decrypt(text));
  console.log(JSON.stringify({ handled, decrypted }));
});
