// Keeps a page up to date. It asks the same address for the part that changes,
// #live, when the server said to and on no schedule of its own, and puts in
// what is different. Without it the page reads and works as well.

const hiddenSeconds = 30 // a tab that nobody looks at asks no more often than that
const maxSeconds = 60 // with no answer the pause doubles, up to this
const idleMinutes = 30 // after so long without a change, somebody has to want more

const find = (selector) => document.querySelector(selector)
const fill = (text, ...values) => values.reduce((filled, value) => filled.replace(/%[ds]/, () => value), text)
const clock = (t) => t.toLocaleTimeString('en-GB')
const address = new URL(location)

let next = 0 // seconds to the next look; 0 for never
let paused = false
let idle = false
let notify = false
let lost = false // the last look brought nothing
let stopped = '' // why there is no next, where a look brought that
let signedOut = false // which is why
let timer, due, looking
let answered = new Date()
let rendered = performance.now() // when #live was made, on a clock that nobody sets
let changed = rendered

const going = () => next && !paused && !idle

function schedule() {
  clearTimeout(timer)
  if (going()) {
    const pause = 1000 * (document.hidden ? Math.max(next, hiddenSeconds) : next)
    due = performance.now() + pause
    timer = setTimeout(look, pause)
  }
  show()
}

async function look() {
  clearTimeout(timer)
  const mine = looking = {}
  let answer, fresh
  try {
    const url = new URL(address)
    url.searchParams.set('fragment', '1')
    url.searchParams.delete('wait')
    answer = await fetch(url, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(1000 * maxSeconds) })
    fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('#live')
  } catch { /* no answer, or half of one */ }
  if (mine !== looking) return // somebody has asked anew, or paused
  const after = Number(answer?.headers.get('Retry-After'))
  const live = find('#live')
  const problem = live.dataset.state === 'problem'
  if (problem && answer?.ok && !fresh) return location.reload() // a page of another kind
  stopped = ''
  signedOut = answer?.status === 401
  try {
    if (fresh && (problem || answer.ok)) {
      if (lost && !problem) say(find('#notice').dataset.live)
      next = after
      lost = false
      answered = new Date()
      renew(live, fresh)
    } else {
      // What is known stays. A refusal of ours that names no time is final;
      // anything else may be the network, or what stands in between.
      if (!lost) say(fill(find('#notice').dataset.lost, clock(answered)))
      lost = true
      next = after || (fresh ? 0 : Math.min(maxSeconds, 2 * (next || 1)))
      if (!next) stopped = fresh.querySelector('h1').textContent
    }
    if (!idle && going() && performance.now() - changed > 60_000 * idleMinutes) {
      idle = true
      say(find('#notice').dataset.idle)
    }
  } finally {
    schedule()
  }
}

// renew puts the fresh content in the place of the old, and tells what is news.
function renew(live, fresh) {
  const focused = document.activeElement
  const { title, state } = live.dataset
  rendered = performance.now()
  decorate(fresh)
  morph(live, fresh)
  if (document.activeElement !== focused) (focused.isConnected ? focused : find('main')).focus({ preventScroll: true })
  if (live.dataset.title === title) return
  changed = performance.now()
  document.title = live.dataset.title
  find('#icon').href = live.dataset.icon
  const news = [...document.querySelectorAll('h1, .final')].map(words).join('. ')
  say(news)
  remember()
  if (!notify || next && live.dataset.state === state) return
  try {
    new Notification(news, { body: find('blockquote')?.textContent, tag: live.dataset.url })
  } catch { /* some phones offer it, and then have none */ }
}

// morph makes the old node equal to the fresh one and leaves alone what is
// equal already, so that focus and selection stay where they are.
function morph(old, fresh) {
  if (old.isEqualNode(fresh) || old.dataset?.keep !== undefined) return
  if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh)
  if (old.nodeType === Node.TEXT_NODE) return void (old.data = fresh.data)
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== 'open') old.removeAttribute(name)
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value)
  const children = [...fresh.childNodes]
  children.forEach((child, i) => {
    const same = child.id && [...old.children].find(({ id }) => id === child.id)
    // Of two that change places the one that goes down is moved.
    if (same && old.childNodes[i].nextElementSibling === same) old.append(old.childNodes[i])
    else if (same && old.childNodes[i] !== same) old.insertBefore(same, old.childNodes[i])
    const present = old.childNodes[i]
    if (present && (present.id ?? '') === (child.id ?? '')) morph(present, child)
    else old.insertBefore(child, present ?? null)
  })
  while (old.childNodes.length > children.length) old.lastChild.remove()
}

// decorate puts the reader's own time beside UTC, and room for how long ago it was.
function decorate(root) {
  const parts = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'shortOffset' }
  for (const time of root.querySelectorAll('time')) {
    const span = (className, textContent) => time.after(' ', Object.assign(document.createElement('span'), { className, textContent }))
    if (time.dataset.age) span('ago', '')
    const local = new Date(time.dateTime).toLocaleString('sv-SE', parts) // as ISO 8601 has it
      .replace('GMT', 'UTC').replace(/[+]0$/, '')
    if (local !== time.textContent) span('local', local)
  }
}

// show says what is going on. Times count on from what the server said they
// were: the clock of this machine may be off. What is not looked at stands still.
function show() {
  const focused = document.activeElement
  const since = Math.max(0, Math.floor((performance.now() - rendered) / 1000))
  const controls = find('#controls')
  document.documentElement.classList.toggle('lost', lost)
  document.querySelectorAll('.ago').forEach((ago) => {
    write(ago, relative(since + Number(ago.parentNode.querySelector('time').dataset.age)))
  })
  if (!controls) return
  if (going() && !lost) {
    document.querySelectorAll('[data-elapsed]').forEach((elapsed) => {
      write(elapsed, duration(since + Number(elapsed.dataset.elapsed), controls.dataset))
    })
  }
  const { state, ids } = find('#live').dataset
  const text = find('#notice').dataset
  if (signedOut) {
    write(find('[data-action=check]'), text.signIn)
    find('.sign-out')?.remove()
  }
  const retry = fill(text.retry, Math.max(1, Math.ceil((due - performance.now()) / 1000)))
  let notice = ''
  if (next && paused) notice = text.paused
  else if (lost) notice = `${fill(text.lost, clock(answered))} ${idle ? text.idle : next ? retry : fill(text.stopped, stopped)}`
  else if (idle) notice = text.idle
  else if (next) notice = state === 'problem' ? retry : text.live
  write(find('#notice'), notice)
  const possible = {
    keep: idle && !paused,
    pause: next && !idle,
    notify: going() && ids && !notify && window.Notification && Notification.permission !== 'denied',
    link: ids,
    report: ids,
    reason: find('#failure'),
  }
  for (const button of controls.querySelectorAll('button')) button.hidden = !possible[button.dataset.action]
  controls.hidden = false
  if (focused?.hidden) find('main').focus({ preventScroll: true })
}

function duration(seconds, formats) {
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)]
  if (seconds < 1) return formats.underSecond
  if (!minutes) return fill(formats.seconds, seconds)
  return hours ? fill(formats.hours, hours, minutes % 60) : fill(formats.minutes, minutes, seconds % 60)
}

function relative(seconds) {
  const [unit, size] = seconds < 60 ? ['second', 1] : seconds < 3600 ? ['minute', 60] : ['hour', 3600]
  return new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: 'auto' }).format(-Math.floor(seconds / size), unit)
}

// words are what a node says, with a space wherever one element ends.
function words(node) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
  const parts = []
  while (walker.nextNode()) parts.push(walker.currentNode.data)
  return parts.join(' ').replace(/\s+/g, ' ').trim()
}

// say tells those who do not see the page; the same once more is news too.
function say(text) {
  find('#say').textContent = ''
  find('#say').textContent = text
}

// write leaves the text node in place, and with it a selection that begins there.
function write(element, text) {
  if (element.textContent === text) return
  if (element.firstChild) element.firstChild.data = text
  else element.textContent = text
}

// report is the page as text, for a ticket.
function report() {
  const lines = [...document.querySelectorAll('#live > h1, #failure > *, #facts > div, #trace > div, #tasks p, #tasks blockquote')].map((line) => {
    const copy = line.cloneNode(true)
    copy.querySelectorAll('.ago').forEach((ago) => ago.remove())
    if (line.matches('blockquote')) return line.textContent
    return line.matches('div') ? [...copy.children].map(words).join(': ') : words(copy)
  })
  return [...lines, find('#live').dataset.url, ''].join('\n')
}

const copies = { link: () => find('#live').dataset.url, report, reason: () => find('#failure blockquote').textContent }

async function copy(button) {
  const { action, done, failed } = button.dataset
  try {
    await navigator.clipboard.writeText(copies[action]())
    button.dataset.said = done
  } catch {
    button.dataset.said = failed // as where the page did not come over https
  }
  say(button.dataset.said)
  setTimeout(() => delete button.dataset.said, 2000)
}

function again() {
  idle = false
  changed = performance.now()
  look()
}

const actions = {
  check: () => signedOut ? location.reload() : again(),
  keep: again,
  pause(button) {
    paused = !paused
    const { other } = button.dataset
    button.dataset.other = button.textContent
    button.textContent = other
    if (!paused) return again()
    looking = undefined
    say(find('#notice').dataset.paused)
    schedule()
  },
  async notify(button) {
    notify = await Notification.requestPermission() === 'granted'
    if (notify) say(button.dataset.done)
    show()
  },
}

document.addEventListener('click', (event) => {
  const target = event.target.closest('[data-action]')
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  const act = actions[target.dataset.action] ?? copy
  act(target)
})
document.addEventListener('visibilitychange', () => {
  if (next && !paused && !document.hidden) again() // somebody is back
  else schedule()
})
// Who has signed out does not come back to what was shown to them.
addEventListener('pageshow', ({ persisted }) => { if (persisted && find('.sign-out')) location.reload() })
addEventListener('online', () => { if (lost && going()) look() })

// remember keeps what was looked up for the first page, in this browser alone.
function remember() {
  const { ids } = find('#live')?.dataset ?? {}
  if (!ids) return
  const directory = address.searchParams.has('directory') ? `?directory=${address.searchParams.get('directory')}` : ''
  let before
  try { before = JSON.parse(localStorage.getItem('tasks')) } catch { /* something else is there, or nothing may be */ }
  const tasks = ids.split(',').map((id) => id + directory)
  if (Array.isArray(before)) tasks.push(...before)
  try { localStorage.setItem('tasks', JSON.stringify([...new Set(tasks)].slice(0, 10))) } catch { /* storage is off */ }
}

function start() {
  document.documentElement.classList.add('scripted')
  next = Number(find('#live')?.dataset.retryAfter ?? 0)
  remember()
  decorate(document)
  const [page] = performance.getEntriesByType('navigation')
  if (next && page?.transferSize === 0) look() // it comes out of a cache, and may be old
  else schedule()
  show()
  setInterval(show, 1000)
}

if (address.searchParams.has('refresh')) { // which is for who has no JavaScript
  address.searchParams.delete('refresh')
  location.replace(address)
} else start()
