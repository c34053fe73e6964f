// An app that shows the pages in its WebView: opens them by a ticket, without what stands around them, hears of folders, taps and uploads,
// and gives orders. Then the installed pages, with which another app shares files.
//
//   node embed.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE
//
// The ticket asks for the language, and the WebView for the other one.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { launch, listed, look, password, person, signIn, statuses, tell, touchable, words } from './chromium.mjs'

const [size, executablePath, base, folder, language] = process.argv.slice(2)
const [width] = size.split('x').map(Number)
const say = words(language)
const picture = (name) => join(folder, `embed-${language}-${width}-${name}.png`)

// What a WebView of the three kinds puts into a page for its app.
const app = () => {
  const heard = JSON.parse(sessionStorage.getItem('heard') ?? '{"webkit":[],"android":[],"react":[]}')
  const hear = (kind) => (message) => {
    heard[kind].push(kind === 'webkit' ? message : JSON.parse(message))
    sessionStorage.setItem('heard', JSON.stringify(heard))
  }
  window.webkit = { messageHandlers: { satchel: { postMessage: hear('webkit') } } }
  window.satchel = { postMessage: hear('android') }
  window.ReactNativeWebView = { postMessage: hear('react') }
}
const heard = (page, type) => page.evaluate((type) => JSON.parse(sessionStorage.getItem('heard')).webkit.filter((m) => m.type === type), type)
const hears = (page, type, what) => page.waitForFunction(([type, what]) =>
  JSON.parse(sessionStorage.getItem('heard')).webkit.some((m) => m.type === type && Object.entries(what).every(([k, v]) => m[k] === v)), [type, what])
const order = (page, message) => page.evaluate((message) => postMessage({ satchel: 1, ...message }, location.origin), message)

async function another(method, path, body) {
  const headers = { Authorization: 'Basic ' + btoa(`ann:${password}`) }
  const response = await fetch(`${base}/dav/${path}`, { method, body, headers })
  assert.ok(response.ok, `${method} ${path}: ${response.status}`)
}

async function ticket() {
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch(`${base}/api/v1/login`, { method: 'POST', headers, body: JSON.stringify({ login: 'ann', password }) })
  return (await response.json()).h5_url
}

async function embedded(page, context) {
  await another('MKCOL', 'Photos')
  await another('MKCOL', 'Photos/Trip')
  await another('PUT', 'Photos/note.txt', 'a note')
  await context.addInitScript(app)
  const h5 = await ticket()
  await page.goto(`${h5}&embed=1&language=${language}&next=${encodeURIComponent('/drive/Photos')}`)
  await listed(page, 'note.txt').waitFor()
  assert.equal(new URL(page.url()).pathname, '/drive/Photos')
  assert.equal(await page.locator('header.top, footer.about:visible').count(), 0, 'there is a frame')
  assert.equal(await page.locator('html').getAttribute('lang'), language)
  await look(page, picture('drive'))
  await touchable(page, '#listing .pick label, #listing .do a, .tools .button, .chosen .tool')
  assert.deepEqual(await heard(page, 'ready'), [{ satchel: 1, type: 'ready', page: '/drive/Photos', language, signed_in: true }])
  assert.deepEqual(await heard(page, 'folder'), [{ satchel: 1, type: 'folder', path: '/Photos' }])

  // A folder that is opened is told, and the pages stay without their frame.
  await listed(page, 'Trip').click()
  await hears(page, 'folder', { path: '/Photos/Trip' })
  assert.equal(await page.locator('header.top').count(), 0, 'the frame is back')
  await order(page, { type: 'go', path: '/Photos' })
  await listed(page, 'note.txt').waitFor()

  // A tap on a file is the app's, if it wants it.
  await order(page, { type: 'take', types: ['open'] })
  await listed(page, 'note.txt').click()
  await hears(page, 'open', { path: '/Photos/note.txt', name: 'note.txt', media_type: 'text/plain', taken: true })
  assert.equal(new URL(page.url()).pathname, '/drive/Photos')
  // Nobody else gives orders.
  await page.evaluate(() => dispatchEvent(new MessageEvent('message', { data: { satchel: 1, type: 'go', path: '/' }, origin: 'https://other.example.org', source: window })))
  await page.evaluate(() => dispatchEvent(new MessageEvent('message', { data: { satchel: 1, type: 'constructor' }, origin: location.origin, source: window })))
  assert.equal(new URL(page.url()).pathname, '/drive/Photos')

  await page.locator('#files').setInputFiles({ name: 'from the app.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(100_000, 7) })
  await hears(page, 'upload', { name: 'from the app.bin', folder: '/Photos', size: 100_000, sent: 100_000, state: 'done' })
  await listed(page, 'from the app.bin').waitFor()
  const kinds = await page.evaluate(() => Object.values(JSON.parse(sessionStorage.getItem('heard'))))
  assert.deepEqual(kinds[1], kinds[0], 'Android hears something else')
  assert.deepEqual(kinds[2], kinds[0], 'React Native hears something else')

  // The ticket is used up: the app is told that nobody is signed in, and opens another.
  await context.clearCookies({ name: 'satchel' })
  await page.goto(`${h5}&embed=1`)
  await page.locator('#login').waitFor()
  await hears(page, 'ready', { page: '/login', signed_in: false })
  await look(page, picture('signed-out'))
  await page.goto(`${base}/login?embed=0`)
  await page.locator('header.top').waitFor()
}

// The system sends what is shared as a form. The worker is there once the installed pages were opened.
async function installed(page, context) {
  await context.addInitScript(() => {
    const match = window.matchMedia.bind(window)
    window.matchMedia = (query) => (query === '(display-mode: standalone)' ? { matches: true } : match(query))
  })
  await page.goto(`${base}/drive/`)
  await signIn(page)
  await page.locator('#listing').waitFor()
  const manifest = await page.evaluate(async () => (await fetch(document.querySelector('link[rel=manifest]').href)).json())
  assert.equal(manifest.share_target.action, '/share-target')
  for (const { src, sizes } of manifest.icons.filter((icon) => icon.type === 'image/png')) {
    const drawn = await page.evaluate((src) => new Promise((resolve, reject) => {
      const image = new Image()
      image.onload = () => resolve(`${image.naturalWidth}x${image.naturalHeight}`)
      image.onerror = reject
      image.src = src
    }), src)
    assert.equal(drawn, sizes, src)
  }
  await page.evaluate(() => navigator.serviceWorker.ready)
  await page.reload()
  await page.waitForFunction(() => navigator.serviceWorker.controller)
  // What a page of another site sends like that is never uploaded, though the worker takes it.
  const away = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(`<form method="post" enctype="multipart/form-data" action="${base}/share-target"><input name="title" value="slipped in"><input name="text" value="x"><button>Send</button></form>`)
  })
  await new Promise((listening) => away.listen(0, 'localhost', listening))
  const elsewhere = `http://localhost:${away.address().port}/`
  const sendFromElsewhere = async () => {
    await page.goto(elsewhere)
    await page.getByRole('button').click()
  }
  await sendFromElsewhere()
  await page.locator('#listing').waitFor()
  assert.equal(page.url(), `${base}/drive/`)
  await page.waitForFunction(kept, 1)

  await share(page)
  await listed(page, 'shared.bin').waitFor()
  await listed(page, 'A b page b.txt').waitFor()
  await look(page, picture('shared'))
  const [file, words] = await page.evaluate(() => Promise.all(['/raw/shared.bin', '/raw/A%20b%20page%20b.txt'].map(async (a) => (await fetch(a)).text())))
  assert.equal(file, 'shared content')
  assert.equal(words, 'look at this\nhttps://example.org/\n')
  // What was shared is not kept once it is there.
  await page.waitForFunction(kept, 1)
  assert.equal(await listed(page, 'slipped in.txt').count(), 0, 'a page of another site put a file into the drive')

  // Where the worker can keep nothing, the server takes it, and from another site refuses it.
  await page.evaluate(() => new Promise((resolve, reject) => {
    indexedDB.deleteDatabase('satchel-shared')
    const later = indexedDB.open('satchel-shared', 2)
    later.onsuccess = resolve
    later.onerror = reject
  }))
  await share(page)
  await listed(page, 'shared (1).bin').waitFor()
  await sendFromElsewhere()
  await page.getByText(say.problem('Another site may not do this in your name.')).waitFor()
  away.close()
}

// share sends a form as the system does.
const share = (page) => page.evaluate(() => {
  const form = document.createElement('form')
  form.method = 'post'
  form.enctype = 'multipart/form-data'
  form.action = '/share-target'
  const files = new DataTransfer()
  files.items.add(new File(['shared content'], 'shared.bin'))
  for (const [name, value] of [['title', 'A <b>page</b>'], ['text', 'look at this'], ['url', 'https://example.org/']]) {
    form.append(Object.assign(document.createElement('input'), { name, value, type: 'hidden' }))
  }
  const picker = Object.assign(document.createElement('input'), { type: 'file', name: 'file' })
  picker.files = files.files
  form.append(picker)
  document.body.append(form)
  form.submit()
})

// kept answers on a page whether so many batches are put aside.
const kept = (many) => new Promise((resolve) => {
  const request = indexedDB.open('satchel-shared', 1)
  request.onsuccess = () => {
    const count = request.result.transaction('batches').objectStore('batches').count()
    count.onsuccess = () => {
      request.result.close()
      resolve(count.result === many)
    }
  }
})

const browser = await launch(executablePath)
try {
  await person(browser, picture('failed'), { size, locale: language === 'en' ? 'zh-CN' : 'en', colorScheme: 'dark' }, embedded)
  await person(browser, picture('installed-failed'), { size, locale: language, ignore: statuses(403) }, installed)
  tell('done')
} finally {
  await browser.close()
}
