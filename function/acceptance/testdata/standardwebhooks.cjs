'use strict';
// Says whether the reference library takes requests for genuine, and what it signs them with.
const { Webhook } = require('standardwebhooks');

const requests = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(requests.map(({ key, body, headers, seconds }) => {
  const webhook = new Webhook(key);
  const answer = { genuine: true, signature: webhook.sign(headers['webhook-id'] ?? '', new Date(seconds * 1000), body) };
  try {
    webhook.verify(body, headers, { jsonParse: false });
  } catch (error) {
    answer.genuine = false;
    answer.error = error.message;
  }
  return answer;
})));
