// Somebody with the link of a drop box and no account, in Chromium: two files are sent, the page is loaded anew in the middle, and they go on where they were.
// Which requests carried them is told at the end.
//
//   node dropbox.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE LINK PASSWORD FILE FILE
//
// An empty PASSWORD is none. A box that takes two files alone is full in the middle: its page takes no more then, and brings those to their end.
import assert from 'node:assert/strict'
import { basename, join } from 'node:path'
import { launch, look, person, shot, statuses, tell } from './chromium.mjs'

const [size, executablePath, base, folder, language, link, password, ...files] = process.argv.slice(2)
const wide = size === '1280x800'
const picture = (name) => join(folder, `dropbox-${language}-${parseInt(size)}-${name}.png`)
const browser = await launch(executablePath)

const rows = (page) => page.locator('#uploads li')
const row = (page, file) => rows(page).filter({ hasText: basename(file) })
const share = (page, file) => row(page, file).locator('progress').evaluate((bar) => bar.value)
const paused = async (page, file) => { await row(page, file).and(page.locator('.paused')).waitFor() }

// throttle bounds what a page sends, in bytes a second.
async function throttle(page, uploadThroughput) {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput })
  return session
}

// drop drops files of this computer, by their paths, as a person does.
async function drop(page, paths) {
  const session = await page.context().newCDPSession(page)
  const { width, height } = page.viewportSize()
  const data = { items: [], files: paths, dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop']) await session.send('Input.dispatchDragEvent', { type, x: width / 2, y: height / 2, data })
}

const requests = []
function listen(context) {
  context.on('request', (request) => {
    const { pathname } = new URL(request.url())
    if (pathname.startsWith('/drop/')) requests.push({ method: request.method(), offset: Number(request.headers()['upload-offset'] ?? -1) })
    assert.ok(!pathname.startsWith('/api/') && !pathname.startsWith('/files/'), `a visitor's page asks the drive: ${pathname}`)
  })
}

await person(browser, picture('failed'), { size, locale: language, colorScheme: wide ? 'dark' : 'light', ignore: statuses(404) }, async (page, context) => {
  listen(context)
  page.on('dialog', (dialog) => dialog.accept()) // of leaving in the middle
  await page.goto(base + link)
  if (password) {
    await page.locator('#password').fill(password)
    await page.locator('#password').press('Enter')
  }
  await page.locator('.pick').waitFor()
  await look(page, picture('empty'))

  const slow = await throttle(page, wide ? 8 << 20 : 600 << 10)
  // A file that was dropped leads to itself after a reload, too; one that was picked does not, here.
  await drop(page, wide ? files : files.slice(0, 1))
  if (!wide) await page.locator('#files').setInputFiles(files[1])
  for (const file of files) await page.waitForFunction((bar) => bar.value > 0.2, await row(page, file).locator('progress').elementHandle())
  await look(page, picture('sending'))
  for (const file of files) {
    await row(page, file).locator('[data-do=pause]').click()
    await paused(page, file)
  }
  await look(page, picture('paused'))
  for (const file of files) await row(page, file).locator('[data-do=resume]').click()
  for (const file of files) await page.waitForFunction((bar) => bar.value > 0.4, await row(page, file).locator('progress').elementHandle())

  const before = requests.length
  await page.reload()
  for (const file of files) await row(page, file).waitFor()
  for (const file of files) assert.ok(await share(page, file) > 0, `${file} is shown from its beginning`)
  assert.equal(await page.locator('#files').count(), wide ? 0 : 1)
  await look(page, picture('unfinished'))
  await slow.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 })
  if (!wide) {
    await paused(page, files[1])
    const picker = page.waitForEvent('filechooser')
    await row(page, files[1]).locator('[data-do=resume]').click()
    await (await picker).setFiles(files[1])
  }
  await page.locator('#sent', { hasText: '2' }).waitFor()
  await page.waitForFunction(() => document.querySelectorAll('#uploads li:not(.done)').length === 0)
  await look(page, picture('sent'))
  const sent = requests.slice(before).filter(({ method }) => method === 'PATCH')
  assert.ok(sent.length >= 2 && sent.every(({ offset }) => offset > 0), `after the reload: ${JSON.stringify(sent)}`)
  tell('sent', { begun: requests.filter(({ method }) => method === 'POST').length })
})

// Without script it is a plain form.
if (!wide) {
  await person(browser, picture('plain-failed'), { size, locale: language, javaScriptEnabled: false }, async (page) => {
    await page.goto(base + link)
    await page.locator('#files').setInputFiles({ name: 'plain.txt', mimeType: 'text/plain', buffer: Buffer.from('by a form') })
    await shot(page, picture('plain'))
    await page.locator('.send button').click()
    await page.waitForURL('**?sent=1')
  })
}
await browser.close()
tell('done')
