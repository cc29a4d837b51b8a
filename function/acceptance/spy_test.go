package acceptance

import "encoding/json"

// spy runs before the page's own scripts and notes in window.seen, by the page's
// clock, what the page does.
const spy = `{
	const seen = window.seen = {polls: [], titles: [], icons: [], said: [], notified: []};

	const fetch = window.fetch;
	window.fetch = async (...request) => {
		const poll = {at: performance.now(), retryAfter: 0, status: 0};
		seen.polls.push(poll);
		const answer = await fetch(...request);
		poll.answered = performance.now();
		poll.retryAfter = Number(answer.headers.get("Retry-After"));
		poll.status = answer.status;
		return answer;
	};
	if (window.Notification) window.Notification = class extends Notification {
		constructor(title, options) {
			super(title, options);
			seen.notified.push(title);
		}
	};
	// Each text that is put in counts, also the same once more; what the parser
	// makes does not, nor that a text is taken out.
	addEventListener("DOMContentLoaded", () => {
		const note = (selector, list, what, values) => {
			const node = document.querySelector(selector);
			if (node) new MutationObserver((changes) => list.push(...changes.flatMap(values))).observe(node, what);
		};
		const added = (change) => change.type === "characterData" ? [change.target.data] : [...change.addedNodes].map((node) => node.textContent);
		const texts = {childList: true, characterData: true, subtree: true};
		note("title", seen.titles, texts, added);
		note("#say", seen.said, texts, added);
		note("#icon", seen.icons, {attributeFilter: ["href"]}, (change) => [change.target.getAttribute("href")]);
	});
}`

// A poll is a request of the page's script. Times are in milliseconds of the
// page's clock, which begins with the page.
type poll struct {
	At, Answered float64
	RetryAfter   float64 // seconds; 0 for none
	Status       int     // 0 for no answer
}

// quoted is text as an expression of JavaScript.
func quoted(text string) string {
	literal, _ := json.Marshal(text)
	return string(literal)
}

// polls are those of the page that is shown, opened with the script spy.
func polls(b *tab) []poll {
	b.t.Helper()
	return evaluate[[]poll](b, `seen.polls`)
}
