// Does in Chromium what a person does whose drive was wrecked: a program renamed and overwrote files, left others and removed some. The
// person chooses a moment, sees what would change, goes back, and takes it back; at last a folder alone goes back, without script
// and in the dark. Each page is looked at by axe-core. Names are hostile.
//
//   node rewind.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE
//
// The account "ann" is there. FOLDER takes screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { hostile, hostileFolder, launch, listed, look as lookAt, password, person, shot, signIn, tell, touchable, words } from './chromium.mjs'

const [size, executablePath, base, folder, language] = process.argv.slice(2)
const say = words(language)
const picture = (name) => join(folder, `rewind-${language}-${parseInt(size)}-${name}.png`)
let page

const headers = { Authorization: 'Basic ' + btoa(`ann:${password}`) }
const dav = (path) => base + '/dav/' + path.split('/').map(encodeURIComponent).join('/')

async function another(method, path, body, more = {}) {
  const response = await fetch(dav(path), { method, body, headers: { ...headers, ...more } })
  assert.ok(response.ok, `${method} ${path}: ${response.status}`)
}

const holds = async (path) => (await fetch(dav(path), { headers })).text()
const look = (name, options = {}) => lookAt(page, picture(name), { foreign: 'main img, main svg[onload]', ...options })
const file = `${hostileFolder}/${hostile}`

// A moment as the page takes it has whole minutes, so the test goes back to one that the drive told.
async function wreck() {
  await another('MKCOL', hostileFolder)
  await another('PUT', file, 'what it held')
  await another('PUT', 'letter.txt', 'to a friend')
  await another('PUT', 'removed for good.txt', 'nobody brings it back')
  const then = (await (await fetch(base + '/api/v1/changes', { headers })).json()).since
  await another('PUT', file, 'spoiled')
  await another('MOVE', 'letter.txt', undefined, { Destination: dav('letter.txt.locked') })
  await another('PUT', 'READ ME.txt', 'pay')
  await another('DELETE', 'removed for good.txt')
  const [removed] = (await (await fetch(base + '/api/v1/trash', { headers })).json()).items
  await fetch(`${base}/api/v1/trash/${removed.id}`, { method: 'DELETE', headers })
  return then
}

// A person comes from the trash, and types a moment in the own time zone: before that, the drive was not there.
async function choosing() {
  await page.goto(base + '/trash')
  await signIn(page)
  await page.getByRole('link', { name: say('trash.rewind') }).click()
  await page.getByText(say('rewind.zone', {}, 'Asia/Shanghai')).waitFor()
  await look('choose')
  await touchable(page, 'main a.button, main button, main input')
  const utc = new Date(Date.now() + 60_000).toISOString().slice(0, 16)
  await page.evaluate(() => document.querySelector('#at').removeAttribute('max')) // the minute that has just begun, for the test alone
  await page.getByLabel(say('rewind.own'), { exact: true }).fill(new Date(Date.now() + 60_000 + 8 * 3600_000).toISOString().slice(0, 16))
  await page.getByRole('button', { name: say('rewind.look') }).click()
  await page.getByText(say('rewind.nothing')).waitFor()
  assert.equal(new URL(page.url()).searchParams.get('to'), `${utc}:00.000Z`, 'the zone was not minded')
  await look('nothing')
}

async function goingBack(then) {
  await page.goto(`${base}/rewind?to=${then}`)
  for (const kind of ['moved', 'rewritten', 'removed', 'gone']) {
    await page.getByText(say(`rewind.${kind}`, { count: 1 })).first().click()
  }
  await page.getByText(`/${file}`, { exact: true }).waitFor()
  await page.getByText(say('rewind.from', { path: '/letter.txt.locked' })).waitFor()
  await look('seen', { fullPage: true })
  await touchable(page, 'main summary, main .choice > *')
  await page.getByRole('button', { name: say('rewind.do') }).click()
  await page.getByText(say('rewind.done', { count: 3 })).waitFor()
  await page.getByText(say('rewind.left', { count: 1 })).waitFor()
  await look('done')
  assert.equal(await holds(file), 'what it held')
  assert.equal(await holds('letter.txt'), 'to a friend')
  await page.getByRole('link', { name: say('rewind.open') }).click()
  await listed(page, 'letter.txt').waitFor()
  assert.equal(await listed(page, 'READ ME.txt').count(), 0)
}

// A lock stands in the way, and says so; without it everything is as before.
async function takingBack() {
  await page.goBack()
  const lock = await fetch(dav('letter.txt'), {
    method: 'LOCK', headers, body: '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>',
  })
  assert.equal(lock.status, 200)
  await page.getByRole('link', { name: say('rewind.undo') }).click()
  await page.getByText(say.problem('Something that would be put back is locked. Close the programs that have it open, or wait until the lock ends.')).waitFor()
  await look('locked', { fullPage: true })
  await another('UNLOCK', 'letter.txt', undefined, { 'Lock-Token': lock.headers.get('Lock-Token') })
  await page.reload()
  await page.getByRole('button', { name: say('rewind.do') }).click()
  await page.getByText(say('rewind.done', { count: 3 })).waitFor()
  assert.equal(await holds(file), 'spoiled')
  assert.equal(await holds('letter.txt.locked'), 'to a friend')
}

// Without script the time is in UTC, and everything is there; here for a folder, and in the dark.
async function withoutScript(browser, then) {
  await person(browser, picture('without-script-failed'), { size, javaScriptEnabled: false, locale: language, colorScheme: 'dark' }, async (page) => {
    await page.goto(`${base}/drive/${encodeURIComponent(hostileFolder)}?details`)
    await signIn(page)
    await page.getByRole('link', { name: say('details.rewind') }).click()
    await page.getByText(say('rewind.utc')).waitFor()
    await shot(page, picture('without-script-choose'))
    await page.goto(`${base}/rewind?path=${encodeURIComponent('/' + hostileFolder)}&to=${then}`)
    await page.getByText(say('rewind.rewritten', { count: 1 })).click()
    await shot(page, picture('without-script-seen'), { fullPage: true })
    await page.getByRole('button', { name: say('rewind.do') }).click()
    await page.getByText(say('rewind.done', { count: 1 })).waitFor()
    await shot(page, picture('without-script-done'))
  })
  assert.equal(await holds(file), 'what it held')
  assert.equal(await holds('letter.txt.locked'), 'to a friend', 'what is elsewhere went back too')
}

const browser = await launch(executablePath)
try {
  const then = await wreck()
  await person(browser, picture('failed'), { size, locale: language, timezoneId: 'Asia/Shanghai' }, async (opened) => {
    page = opened
    for (const step of [choosing, goingBack, takingBack]) {
      await step(then)
      tell(step.name)
    }
  })
  await withoutScript(browser, then)
  tell('done')
} finally {
  await browser.close()
}
