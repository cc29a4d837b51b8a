'use strict';
// Has dingtalk-robot-sdk post a message to a webhook at each of the given times,
// signed, and says what it makes of cards and of Markdown.
const Robot = require('dingtalk-robot-sdk');

const { webhook, secret, times, messages } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));

const robot = new Robot({ accessToken: 'unused', secret });
robot.webhook = webhook;
const { now } = Date;
for (const time of times) {
  Date.now = () => time; // it signs at once
  robot.send(new Robot.Text('oracle'));
}
Date.now = now;

console.log(JSON.stringify(messages.map(({ actionCard, markdown }) => actionCard
  ? new Robot.ActionCard().setTitle(actionCard.title).setText(actionCard.text)
    .setSingleTitle(actionCard.singleTitle).setSingleURL(actionCard.singleURL).get()
  : new Robot.Markdown().setTitle(markdown.title).add(markdown.text).get())));
