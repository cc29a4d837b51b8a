'use strict';
// Says whether @slack/bolt takes calls for genuine.
const { isValidSlackRequest } = require('@slack/bolt');

const calls = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(calls.map(isValidSlackRequest)));
