// Opens hostile files in Chromium by every address at which a browser gets them, and every page that tells a hostile name. What ran, or asked somebody
// elsewhere, fails it.
//
//   node hostile.mjs everything CHROMIUM URL FOLDER TASK
//
// TASK is JSON: files (each with name, version, link) in /files, share (the path of the link to that folder), elsewhere (a listener, which has /bait),
// and markup, the name of whatever else has one. The account "ann" is there.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { failed, intact, launch, password, profile, signIn, tell } from './chromium.mjs'

const [, executablePath, base, folder, task] = process.argv.slice(2)
const { files, share, elsewhere, markup } = JSON.parse(task)
let browser
const wrong = []

// somebody is a tab in a profile of its own, in which everything is on record that nothing may do.
async function somebody(options = {}) {
  const { context } = await profile(browser, { size: '1280x800', ...options })
  context.on('console', (m) => m.text().includes('pwned') && !/Content Security Policy|sandboxed/.test(m.text()) && wrong.push(`console: ${m.text()} at ${m.location().url}`))
  context.on('dialog', (dialog) => {
    // Chromium's viewer runs the scripts of a PDF, in a world of its own: this one may say something, and that is all that comes of it.
    if (dialog.message() !== 'said in the viewer') wrong.push(`dialog: ${dialog.message()} at ${dialog.page()?.url()}`)
    dialog.dismiss().catch(() => {}) // it went with its page
  })
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (url.pathname === '/pwned') wrong.push(`a script ran at ${request.frame().url()}`)
    else if (url.protocol.startsWith('http') && url.origin !== base && url.pathname !== '/bait') wrong.push(`${request.url()} was asked for`)
  })
  let ours = false
  context.on('page', (page) => ours || wrong.push(`a window was opened: ${page.url()}`))
  const newTab = async () => {
    ours = true
    try { return await context.newPage() } finally { ours = false }
  }
  return { context, newTab, tab: await newTab() }
}

// arrive opens an address. false if it is saved and not shown, or has nothing to show.
async function arrive(tab, address) {
  try {
    return await tab.goto(base + address, { waitUntil: 'load' })
  } catch (error) {
    if (!/Download is starting|ERR_ABORTED|ERR_HTTP_RESPONSE_CODE_FAILURE/.test(String(error))) throw error
    return false
  }
}

const linger = (tab, ms) => tab.waitForTimeout(ms) // for what would come of it: no event tells that nothing does

// Content by an address of its own is saved, or shown in a document that has no script and an origin of its own. Only the documents of
// media have ours, as their player wants it, and the frame around the browser's viewer of PDF.
async function opened(tab, address) {
  const response = await arrive(tab, address)
  if (response === false) return 'saved'
  if (response.status() >= 400) return 'refused'
  await linger(tab, response.headers()['content-type'] === 'application/pdf' ? 300 : 20)
  const seen = await tab.evaluate(() => {
    let cookies
    try { cookies = document.cookie } catch { cookies = null } // of no origin
    return { origin, type: document.contentType, title: document.title, cookies, scripts: document.scripts.length }
  })
  const mayBeOurs = /^((video|audio)\/|application\/pdf$)/.test(seen.type)
  assert.match(seen.type, /^((image|video|audio)\/(?!.*xml)|text\/plain$|application\/(pdf|json)$)/, `${address} is shown as ${seen.type}`)
  assert.ok(seen.title !== 'pwned' && seen.scripts === 0, `${address} ran: ${JSON.stringify(seen)}`)
  if (seen.type !== 'application/json') { // which we write
    assert.ok(seen.origin === 'null' || mayBeOurs, `${address} has the origin ${seen.origin}`)
    assert.equal(seen.cookies, seen.origin === 'null' ? null : '', address)
  }
  return 'shown'
}

// Pages are ours, and their content is part of them as text, images and media alone.
async function looked(tab, address) {
  const response = await arrive(tab, address)
  assert.ok(response && response.status() === 200, `${address}: ${response && response.status()}`)
  await linger(tab, 20)
  await intact(tab, address)
  assert.notEqual(await tab.title(), 'pwned')
  for (const link of await tab.locator('main a').all()) { // a person who clicks everything, though not on what leads away
    assert.match(await link.getAttribute('href'), /^(\/(?!\/)|\?|https?:|mailto:)/, address)
  }
}

const inFiles = (prefix) => (file) => `${prefix}/${encodeURIComponent(file.name)}`
const doors = {
  ann: {
    pages: [inFiles('/view/files')],
    content: [inFiles('/raw/files'), (f) => `${inFiles('/raw/files')(f)}?version=${f.version}`, (f) => `${inFiles('/raw/files')(f)}?download`, (f) => `${inFiles('/thumb/files')(f)}?size=480`,
      inFiles('/api/v1/thumbnails/files')],
  },
  visitor: {
    pages: [inFiles(share)],
    content: [(f) => f.link, ...['raw', 'download', 'thumb=480'].map((query) => (f) => `${inFiles(share)(f)}?${query}`)],
  },
  program: { pages: [], content: ['/dav/files', '/remote.php/dav/files/ann/files'].map(inFiles) },
}

// by is somebody who opens every file by every door of theirs.
async function by(who, person) {
  const count = { saved: 0, shown: 0, refused: 0 }
  for (const file of files) {
    for (const door of doors[who].pages) await looked(person.tab, door(file))
    for (const door of doors[who].content) {
      // Chromium now and then closes a tab that leaves its viewer of PDF while that is about to say something.
      if (person.tab.isClosed() && file.name.endsWith('.pdf')) person.tab = await person.newTab()
      count[await opened(person.tab, door(file)).catch(async (error) => {
        if (!person.tab.isClosed() || !file.name.endsWith('.pdf')) throw error
        person.tab = await person.newTab()
        return opened(person.tab, door(file))
      })]++
    }
  }
  assert.ok(count.saved > 0 && count.shown > 0, `${who}: ${JSON.stringify(count)}`)
  return count
}

// named looks at every page and answer that tells a hostile name; each of the pages has to have it.
async function named(tab) {
  const it = encodeURIComponent(markup)
  const start = markup.slice(0, 40) // of a device no more than 48 characters are told
  const q = encodeURIComponent(start)
  for (const address of ['/drive/', '/drive/named?view=grid', '/drive/named?view=list', `/drive/named/${it}`, `/drive/named/${it}.txt?details`, `/drive/named/${it}?details`, `/drive/named/${it}.txt?delete`,
    `/drive/named/${it}.txt?versions`, `/view/named/${it}.txt`, `/search?q=${q}`, '/trash', '/account/shares', '/account/app-passwords', '/account/sessions', '/account/activity', '/admin/newcomers', '/admin/audit', share]) {
    const told = address === '/drive/' ? 'unfinished ' + start : start
    await arrive(tab, address)
    await tab.waitForFunction((text) => [document.body.innerText, ...[...document.querySelectorAll('input')].map((e) => e.value)].join('\n').includes(text), told)
      .catch((error) => { throw new Error(`${address} does not tell the name`, { cause: error }) })
    await intact(tab, address)
  }
  for (const address of ['/api/v1/files/named', `/api/v1/search?q=${q}`, '/api/v1/trash', '/api/v1/shares', '/api/v1/sessions', '/api/v1/app-passwords', '/api/v1/uploads', '/api/v1/changes', '/api/v1/me/audit', '/api/v1/admin/invitations']) {
    assert.equal(await opened(tab, address), 'shown', address)
  }
  // What is not there is answered with what was asked for.
  for (const address of [`/view/${it}`, `/drive/${it}`, `/raw/${it}`, `/thumb/${it}`, `/s/${it}`, `/d/${it}/${it}`, `/${it}`, `/api/v1/files/${it}`, `/api/v1/${it}`, `/files/${it}`, `/drop/${it}`, `/login?next=${it}`, `/open?ticket=${it}`,
    `/register?invitation=${it}`, '/login?next=javascript:alert(%27pwned%27)', `/drive/?after=${it}&sort=${it}&view=${it}&removed=${it}`, `${share}?after=${it}`, `/account/shares?made=${it}`, `/admin/audit?user=${it}&event=${it}`]) {
    await arrive(tab, address)
    await linger(tab, 20)
    await intact(tab, address).catch((error) => {
      // An answer without a body is followed by a page of the browser's own, which may come only now.
      if (!/Execution context was destroyed/.test(String(error))) throw error
      return intact(tab, address)
    })
  }
}

const people = []

// everything is looked at by three people at once, in a browser that is new.
async function everything() {
  people.length = 0
  const [ann, visitor, program] = [await somebody(), await somebody(), await somebody({ httpCredentials: { username: 'ann', password, origin: base } })]
  people.push(ann, visitor, program)
  wrong.length = 0 // the first tabs of all are windows, too
  await ann.tab.goto(`${base}/login`)
  await signIn(ann.tab)
  await ann.tab.waitForURL('**/drive**')
  const counts = await Promise.all([by('ann', ann), by('visitor', visitor), by('program', program)])
  await named(ann.tab)
  for (const list of ['/dav/named/', '/remote.php/dav/files/ann/named/']) assert.equal(await opened(program.tab, list), 'shown')
  await program.tab.goto(`${base.replace('://', `://ann:${password}@`)}/dav/files/is%20html.txt`) // the same by an address
  assert.equal(await program.tab.evaluate(() => origin), 'null')
  await linger(ann.tab, 300)
  assert.deepEqual(wrong, [])

  await visitor.tab.goto(`${elsewhere}/bait`, { waitUntil: 'load' })
  await visitor.tab.waitForFunction(() => document.title === 'pwned')
  for (const what of ['dialog: ', 'console: ', 'a script ran', elsewhere]) assert.ok(wrong.some((w) => w.includes(what)), `the bait is not seen: ${what}`)
  tell('looked', { ann: counts[0], visitor: counts[1], program: counts[2] })
}

// Chromium itself falls over now and then, all of it, where a tab leaves the viewer of a PDF whose script is about to say something: then all
// begins anew, and what was seen until then counts.
for (let falls = 0; ; falls++) {
  browser = await launch(executablePath)
  try {
    await everything()
    break
  } catch (error) {
    if (!browser.isConnected() && wrong.length === 0 && falls < 3) {
      console.error('Chromium fell over')
      continue
    }
    for (const [i, { context }] of people.entries()) await failed(context, join(folder, `hostile-failed-${i}.png`))
    console.error('it did what nothing may:', wrong)
    throw error
  } finally {
    await browser.close()
  }
}
tell('done')
