// Uploads in Chromium as people do: many at once, folders, names that are taken, without a connection, from pages that die and
// servers that do, and from one browser to another. Each state of the page is looked at by axe-core. Names are hostile.
//
//   node uploadpages.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE LONG
//
// The accounts "ann" and "bob" are there; bob's drive has room for 40 MiB. FOLDER takes screenshots, and holds the files that LONG names,
// {NAME: {posts}} in JSON (see killed): where there are some, everything is tried that takes large files. A line that is printed asks the
// test for something; it answers with a line.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { failed, hostile, launch, listed, look as lookAt, profile, signIn, tell, words } from './chromium.mjs'

const [size, executablePath, base, folder, language, long] = process.argv.slice(2)
const [width, height] = size.split('x').map(Number)
const say = words(language)
const picture = (name) => join(folder, `upload-${language}-${width}-${name}.png`)
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const ask = async (event, more) => {
  tell(event, more)
  return (await answers.next()).value
}

const browser = await launch(executablePath)
const wrong = [] // of every profile; that connections break is meant
let requests = []
let begun = [] // paths of uploads that the server made

async function somebody() {
  const { context, complaints } = await profile(browser, { size, locale: language, ignore: (complaint) => !/^uncaught|Content Security Policy/.test(complaint) })
  wrong.push(complaints)
  context.setDefaultTimeout(30_000)
  context.on('request', (request) => {
    const path = new URL(request.url()).pathname
    if (path.startsWith('/files/') || path.startsWith('/api/v1/uploads/')) {
      requests.push({ method: request.method(), path, offset: Number(request.headers()['upload-offset'] ?? -1) })
    }
  })
  context.on('response', (response) => {
    if (response.request().method() === 'POST' && response.status() === 201 && response.url().endsWith('/files/')) begun.push(new URL(response.headers().location).pathname)
  })
  return context
}

async function open(context, path = '/drive/') {
  const page = await context.newPage()
  await page.goto(base + path)
  if (page.url().includes('/login')) await signIn(page)
  await page.locator('#listing').waitFor()
  return page
}

const look = (page, name) => lookAt(page, picture(name), { foreign: '#uploads img, #conflict img' })
const uploads = (page) => page.getByRole('region', { name: say('upload.title') })
const row = (page, name) => uploads(page).getByRole('listitem').filter({ hasText: name })
const pick = (page, files) => page.locator('#files').setInputFiles(files)
const made = (name, text) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })
const content = (page, path) => page.evaluate(async (path) => (await fetch(path)).text(), '/raw/' + path.split('/').map(encodeURIComponent).join('/'))

// until asks the page until it answers yes: waitForFunction takes a promise for one.
async function until(page, question, arg) {
  const patience = Date.now() + 30_000
  while (!(await page.evaluate(question, arg))) {
    assert.ok(Date.now() < patience, `never: ${question}`)
    await page.waitForTimeout(50)
  }
}

// throttle bounds what a page sends, in bytes a second; -1 for no bound. It and offline are one setting of the browser, so that
// context.setOffline would be none beside it.
const sessions = new Map()
async function throttle(page, uploadThroughput, offline = false) {
  if (!sessions.has(page)) {
    sessions.set(page, await page.context().newCDPSession(page))
    await sessions.get(page).send('Network.enable')
  }
  await sessions.get(page).send('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput })
}

// drop drops files of this computer, by their paths, as a person does.
async function drop(page, files) {
  const session = await page.context().newCDPSession(page)
  const data = { items: [], files, dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop']) await session.send('Input.dispatchDragEvent', { type, x: width / 2, y: height / 2, data })
}

// Names that are taken are asked about once for all of them, and each answer does what it says.
async function conflicts(page) {
  const both = (text) => [made('a.txt', text), made(hostile, text)]
  await pick(page, both('first'))
  await listed(page, 'a.txt').waitFor()
  await listed(page, hostile).waitFor()
  const dialog = page.getByRole('dialog')
  for (const [text, answer] of [['second', 'skip'], ['third', 'replace'], ['fourth', 'rename']]) {
    await pick(page, [...both(text), made(`new ${text}.txt`, text)])
    await dialog.getByText(say('conflict.several', {}, 2)).waitFor()
    if (answer === 'skip') await look(page, 'conflict')
    await dialog.getByRole('button', { name: say(`conflict.${answer}`) }).click()
    await listed(page, `new ${text}.txt`).waitFor()
    if (answer === 'rename') await listed(page, 'a (1).txt').waitFor()
    await page.waitForFunction(() => document.querySelectorAll('#uploads li:not(.done)').length === 0)
    assert.equal(await content(page, 'a.txt'), { skip: 'first' }[answer] ?? 'third', answer)
  }
  assert.equal(await content(page, 'a (1).txt'), 'fourth')
  await pick(page, both('fifth'))
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
}

// A folder comes with all that is in it, dropped and picked; a paste is a file.
async function folders(page) {
  const trip = join(folder, 'Trip')
  mkdirSync(join(trip, 'day 1'), { recursive: true })
  mkdirSync(join(trip, 'empty'))
  writeFileSync(join(trip, 'map.txt'), 'map')
  writeFileSync(join(trip, 'day 1', 'diary ü.txt'), 'diary')
  await drop(page, [trip])
  await listed(page, 'Trip').waitFor()
  await until(page, async () => (await fetch('/api/v1/files/Trip/empty')).ok)
  assert.equal(await content(page, 'Trip/day 1/diary ü.txt'), 'diary')
  assert.equal(await content(page, 'Trip/map.txt'), 'map')
  await page.locator('#folder').setInputFiles(trip)
  await page.getByRole('dialog').getByText(say('conflict.several', {}, 2)).waitFor()
  await page.getByRole('button', { name: say('conflict.rename') }).click()
  await until(page, async () => (await (await fetch('/api/v1/files/Trip/day%201')).json()).children.length === 2)
  await page.evaluate(() => {
    const clipboardData = new DataTransfer()
    clipboardData.items.add(new File(['pasted'], 'pasted.txt'))
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  })
  await listed(page, 'pasted.txt').waitFor()
  assert.equal(await content(page, 'pasted.txt'), 'pasted')
}

// Three at once, the rest waits; all are paused and go on together, each and the whole tell how far they are.
async function queue(page) {
  await throttle(page, 400 << 10)
  await pick(page, [1, 2, 3, 4, 5].map((n) => ({ name: `part ${n}.bin`, mimeType: '', buffer: Buffer.alloc(600 << 10, n) })))
  await page.waitForFunction(() => document.querySelectorAll('#uploads li.running').length === 3 && document.querySelectorAll('#uploads li.waiting').length === 2)
  await uploads(page).getByText(say('upload.progress', {}, '', '3.1 MB')).waitFor()
  await page.locator('#uploads .sum', { hasText: say('upload.left', {}, '') }).waitFor()
  await look(page, 'queue')
  await page.getByRole('button', { name: say('upload.pause-all') }).click()
  await page.waitForFunction(() => document.querySelectorAll('#uploads li.paused').length + document.querySelectorAll('#uploads li.done').length === 5)
  await row(page, 'part 5.bin').getByRole('button', { name: say('do.cancel') }).click()
  await page.getByRole('button', { name: say('upload.resume-all') }).click()
  await throttle(page, -1)
  for (const n of [1, 2, 3, 4]) await listed(page, `part ${n}.bin`).waitFor()
  assert.equal(await listed(page, 'part 5.bin').count(), 0)
}

// Without a connection it waits, says so, and goes on by itself. What the browser sends already is not cut by its own switch, so the
// upload is paused for it.
async function offline(page) {
  await throttle(page, 1 << 20)
  await pick(page, [{ name: 'long way.bin', mimeType: '', buffer: Buffer.alloc(3 << 20, 7) }])
  await page.waitForFunction(() => document.querySelector('#uploads li.running progress')?.value > 0.2)
  await row(page, 'long way.bin').getByRole('button', { name: say('upload.pause') }).click()
  await throttle(page, -1, true)
  await row(page, 'long way.bin').getByRole('button', { name: say('upload.resume') }).click()
  await row(page, 'long way.bin').getByText(say('upload.offline')).waitFor()
  await look(page, 'offline')
  await throttle(page, -1)
  await listed(page, 'long way.bin').waitFor()
}

// A server that has too much to do, or is away, is asked again by itself.
async function busy(page) {
  const refusals = [[503, '1'], [429, '1'], [502, ''], [423, '']]
  let met = 0
  const url = /\/files\/$/
  await page.route(url, (route) => {
    const refusal = refusals[met++]
    return refusal ? route.fulfill({ status: refusal[0], headers: refusal[1] ? { 'Retry-After': refusal[1] } : {} }) : route.continue()
  })
  await pick(page, made('patient.txt', 'patient'))
  await row(page, 'patient.txt').getByText(say('upload.retrying')).waitFor()
  await listed(page, 'patient.txt').waitFor()
  assert.equal(met, refusals.length + 1)
  await page.unroute(url)
}

// A session that ends in the middle is said; after signing in again the upload goes on. To another person's drive it does not.
async function signedOut(page, context, name, file, rate) {
  await throttle(page, rate)
  await pick(page, [file])
  await page.waitForFunction(() => document.querySelector('#uploads li.running progress')?.value > 0.2)
  await context.clearCookies()
  await row(page, name).getByRole('button', { name: say('upload.pause') }).click()
  await row(page, name).getByRole('button', { name: say('upload.resume') }).click()
  const link = row(page, name).getByRole('link', { name: say('upload.sign-in') })
  await link.waitFor()
  await look(page, 'signed-out')
  await throttle(page, -1)
  for (const who of ['bob', 'ann']) {
    const [other] = await Promise.all([context.waitForEvent('page'), link.click()])
    await signIn(other, who)
    await other.locator('#listing').waitFor()
    if (who === 'bob') {
      await row(page, name).getByRole('button', { name: say('upload.resume') }).click()
      await link.waitFor()
      assert.equal(await listed(other, name).count(), 0)
      await context.clearCookies()
    } else {
      await listed(page, name).waitFor()
    }
    await other.close()
  }
}

// gone waits until the server has nothing left of what was begun.
const gone = (page) => until(page, async (paths) => {
  for (const path of paths) if ((await fetch(path, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } })).status !== 404) return false
  return true
}, begun)

// A large file goes up in parts, four requests at most, of which other files get some. It pauses as one and is cancelled as one.
async function parts(page, context) {
  const open = () => page.evaluate(async () => (await (await fetch('/api/v1/uploads')).json()).items)
  writeFileSync(join(folder, 'reel.bin'), randomBytes(64 << 20))
  await throttle(page, 4 << 20)
  requests = []
  begun = []
  await pick(page, [join(folder, 'reel.bin')])
  await until(page, async () => (await (await fetch('/api/v1/uploads')).json()).items[0]?.parts?.filter((part) => part.offset > 0).length === 4)
  const [{ name, size, modified_at, parts }] = await open()
  assert.deepEqual([name, size, parts.map((part) => part.size)], ['reel.bin', 64 << 20, [16 << 20, 16 << 20, 16 << 20, 16 << 20]])
  assert.ok(modified_at)
  await pick(page, [made('beside.txt', 'beside'), made('between.txt', 'between')])
  await listed(page, 'beside.txt').waitFor()
  await listed(page, 'between.txt').waitFor()
  await page.waitForFunction(() => document.querySelectorAll('#uploads li').length === 1)
  await ask('atOnce')

  await row(page, 'reel.bin').getByRole('button', { name: say('upload.pause') }).click()
  await row(page, 'reel.bin').getByText(say('upload.paused')).waitFor()
  requests = []
  await row(page, 'reel.bin').getByRole('button', { name: say('upload.resume') }).click()
  await until(page, async (before) => (await (await fetch('/api/v1/uploads')).json()).items[0].offset > before, (await open())[0].offset)
  const offsets = requests.filter((r) => r.method === 'PATCH').map((r) => r.offset)
  assert.ok(offsets.length > 0 && offsets.every((offset) => offset > 0), `offsets: ${offsets}`)
  await look(page, 'parts')
  await row(page, 'reel.bin').getByRole('button', { name: say('do.cancel') }).click()
  await row(page, 'reel.bin').waitFor({ state: 'detached' })
  assert.ok(begun.length >= 7) // 4, 1 that joins them, and 2 files that are done
  begun = begun.slice(0, 5)
  await gone(page)
  await signedOut(page, context, 'reel.bin', join(folder, 'reel.bin'), 16 << 20)
}

// For a large file there is room, or not, before a byte of it is sent; what was begun of one that is refused is taken back.
async function full() {
  const context = await somebody()
  const page = await context.newPage()
  await page.goto(base)
  await signIn(page, 'bob')
  await page.locator('#listing').waitFor()
  requests = []
  begun = []
  await pick(page, [join(folder, 'reel.bin')])
  await row(page, 'reel.bin').getByText(say('upload.error.full')).waitFor()
  await gone(page)
  assert.deepEqual([begun.length, requests.filter((r) => r.method === 'PATCH').length], [2, 0])
  await context.close()
}

// choose answers the row's question for the file.
async function choose(page, name, file) {
  const [picker] = await Promise.all([page.waitForEvent('filechooser'), row(page, name).getByRole('button', { name: say('upload.resume') }).click()])
  await picker.setFiles(file)
}

// A page that is killed in the middle, a server that is, and another browser: a file goes on each time from what the server has, and what
// its row shows never goes back by more than what one request carries. posts is what it takes to begin: one upload, or parts and what
// joins them.
async function killed(context, name, { posts }) {
  const file = join(folder, name)
  const chunk = 8 << 20
  let page = await open(context)
  await throttle(page, 40 << 20)
  const size = Number(await ask('count', { name }))
  requests = []
  let farthest = 0
  const reach = async (share) => {
    const lost = await page.waitForFunction(([share, farthest, most]) => {
      window.farthest ??= farthest
      window.lost ??= 0
      const bar = document.querySelector('#uploads li progress')
      if (!bar) return false
      window.lost = Math.max(window.lost, window.farthest - bar.value)
      window.farthest = Math.max(window.farthest, bar.value)
      return window.lost > most ? window.lost : bar.value > share && document.querySelector('#uploads li.running') ? 'reached' : false
    }, [share, farthest, chunk / size + 0.001], { polling: 20 })
    assert.equal(await lost.jsonValue(), 'reached', `${name}: the progress went back by that share`)
    farthest = await page.evaluate(() => window.farthest)
  }
  await pick(page, [file])
  await reach(0.3)
  const crash = await context.newCDPSession(page)
  crash.send('Page.crash').catch(() => {})
  await page.waitForEvent('crash')
  await page.close()

  page = await open(context)
  await row(page, name).getByText(say('upload.choose')).waitFor()
  await look(page, 'after-reload')
  await choose(page, name, made(name, 'another one'))
  await row(page, name).getByText(say('upload.error.another')).waitFor()
  await throttle(page, 20 << 20)
  await choose(page, name, file)
  await reach(0.5)
  const goesOn = page.waitForRequest((request) => request.method() === 'PATCH') // what is on the screen may be ahead of the kill
  await ask('kill')
  await goesOn
  await reach(0.7)
  await page.close()

  const other = await somebody()
  page = await open(other)
  await row(page, name).getByText(say('upload.elsewhere')).waitFor()
  await look(page, 'another-device')
  await choose(page, name, file)
  await listed(page, name).waitFor({ timeout: 60_000 })
  assert.equal(requests.filter((r) => r.method === 'POST' && r.path === '/files/').length, posts, JSON.stringify(requests))
  const sent = {}
  for (const { path, offset } of requests.filter((r) => r.method === 'PATCH')) (sent[path] ??= []).push(offset)
  for (const offsets of Object.values(sent)) assert.ok(offsets.every((o, i) => i === 0 || o >= offsets[i - 1]), `offsets: ${offsets}`)
  await ask('whole', { patches: Object.values(sent).flat().length })
  await other.close()
}

// What the drive holds already is not sent.
async function instant(context) {
  const page = await open(context)
  const file = { name: 'once.bin', mimeType: '', buffer: Buffer.alloc(600 << 10, 77) }
  await pick(page, [file])
  await listed(page, 'once.bin').waitFor()
  requests = []
  await pick(page, [{ ...file, name: 'again.bin' }])
  await listed(page, 'again.bin').waitFor()
  assert.deepEqual(requests.map((r) => r.path), ['/api/v1/uploads/lookup'])
  await page.close()
}

// A file whose handle the browser keeps goes on after a reload without being chosen again.
async function handles(context) {
  const page = await open(context)
  await page.evaluate(() => {
    window.showOpenFilePicker = async () => {
      const root = await navigator.storage.getDirectory()
      const handle = await root.getFileHandle('kept.bin', { create: true })
      const out = await handle.createWritable()
      await out.write(new Uint8Array(4 << 20))
      await out.close()
      return [handle]
    }
  })
  await throttle(page, 1 << 20)
  await page.getByText(say('upload.files'), { exact: true }).click()
  await page.waitForFunction(() => document.querySelector('#uploads li.running progress')?.value > 0.2)
  await page.close()
  const next = await open(context)
  await listed(next, 'kept.bin').waitFor()
  await next.close()
}

const context = await somebody()
const page = await open(context)
const run = async (scenario, ...args) => {
  try {
    await scenario(...args)
  } catch (error) {
    for (const [i, context] of browser.contexts().entries()) await failed(context, picture(`failed-${i}`))
    throw error
  }
}
try {
  await run(conflicts, page)
  await run(folders, page)
  await run(queue, page)
  await run(offline, page)
  await run(busy, page)
  await run(signedOut, page, context, 'interrupted.bin', { name: 'interrupted.bin', mimeType: '', buffer: Buffer.alloc(4 << 20, 9) }, 1 << 20)
  await page.close()
  await run(instant, context)
  await run(handles, context)
  if (long !== '{}') {
    await run(parts, await open(context), context)
    await run(full)
  }
  for (const [name, how] of Object.entries(JSON.parse(long))) await run(killed, context, name, how)
  assert.deepEqual(wrong.flat(), [])
  tell('done')
} finally {
  await browser.close()
}
process.exit(0)
