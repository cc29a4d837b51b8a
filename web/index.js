// Offers again what was looked up last in this browser, which pages about
// tasks remember under the same name as this one does. Without it the form
// works as well.

const form = document.querySelector('form')
const recent = document.querySelector('#recent')

function recall() {
  try {
    const ids = JSON.parse(localStorage.getItem('tasks')) ?? []
    return ids.filter((id) => /^t-[0-9a-z]{6,40}(\?directory=d-[0-9a-z]{6,40})?$/.test(id))
  } catch {
    return [] // storage is off, or holds something else
  }
}

function show() {
  const ids = recall()
  recent.hidden = ids.length === 0
  recent.querySelector('ul').replaceChildren(...ids.map((id) => {
    const link = Object.assign(document.createElement('a'), { href: new URL(`tasks/${id}`, form.action), textContent: id.replace(/\?.*/, '') })
    const item = document.createElement('li')
    item.append(link)
    return item
  }))
}

// The pages about tasks remember them. Where the function is on another host
// they do so in a storage of their own: then what is sent is remembered here.
form.addEventListener('submit', () => {
  if (new URL(form.action).origin === location.origin) return
  const ids = form.id.value.match(/\bt-[0-9a-z]{6,40}\b(?!\*)/g) ?? []
  try {
    localStorage.setItem('tasks', JSON.stringify([...new Set([...ids, ...recall()])].slice(0, 10)))
  } catch { /* then it is not remembered */ }
})

recent.querySelector('button').addEventListener('click', () => {
  localStorage.removeItem('tasks')
  show()
  form.id.focus()
})

addEventListener('pageshow', show) // also when coming back to it
