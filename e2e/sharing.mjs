// Shares a file and folders from their details pages in Chromium, and opens the links as somebody without an account: with a wrong password and
// the right one, looks, downloads, and comes back when the link is ended or used up. Each page is looked at by axe-core. Names are hostile.
//
//   node sharing.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE
//
// The account "ann" is there, with /film.bin, and in /Reise 旅行 photo.png, notes.txt, the file hostile and the folder hostileFolder, which holds
// one too. FOLDER takes screenshots and what was downloaded: film.bin twice, notes.txt, all.zip and once.zip. A film is made here, and kept as
// film.webm.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import jsqr from 'jsqr'
import { hostile, hostileFolder, launch, look as lookAt, password, person, signIn, statuses, tell, words } from './chromium.mjs'

const [size, executablePath, base, folder, language] = process.argv.slice(2)
const say = words(language)
const options = { size, locale: language }
const secret = 'open sesame 芝麻'
const top = 'Reise 旅行'
const browser = await launch(executablePath)

const picture = (name) => join(folder, `sharing-${language}-${parseInt(size)}-${name}.png`)
const look = async (page, name) => {
  assert.equal(await page.locator('html').getAttribute('lang'), language, name)
  await lookAt(page, picture(name), { foreign: 'main svg[onload]', fullPage: true })
}

// film is a short WebM film, as this very browser records it.
async function film() {
  const page = await browser.newPage()
  const bytes = await page.evaluate(async () => {
    const canvas = document.createElement('canvas')
    const context = canvas.getContext('2d')
    const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: 'video/webm;codecs=vp8' })
    const pieces = []
    recorder.ondataavailable = ({ data }) => pieces.push(data)
    const ended = new Promise((go) => { recorder.onstop = go })
    recorder.start()
    for (let i = 0; i < 12; i++) {
      context.fillStyle = `hsl(${i * 30} 60% 50%)`
      context.fillRect(0, 0, canvas.width, canvas.height)
      await new Promise(requestAnimationFrame)
    }
    recorder.stop()
    await ended
    return [...new Uint8Array(await new Blob(pieces).arrayBuffer())]
  })
  await page.close()
  return Buffer.from(bytes)
}

// coded is what a QR code on the page says.
async function coded(page, selector) {
  const { width, height, pixels } = await page.locator(selector).evaluate(async (img) => {
    await img.decode()
    const margin = 40 // a reader wants one
    const canvas = Object.assign(document.createElement('canvas'), { width: img.naturalWidth + 2 * margin, height: img.naturalHeight + 2 * margin })
    const context = canvas.getContext('2d')
    context.fillStyle = '#fff'
    context.fillRect(0, 0, canvas.width, canvas.height)
    context.drawImage(img, margin, margin)
    return { width: canvas.width, height: canvas.height, pixels: [...context.getImageData(0, 0, canvas.width, canvas.height).data] }
  })
  return jsqr(Uint8ClampedArray.from(pixels), width, height)?.data
}

// shared fills in the form on the details page of something, and answers the link, which is copied and shown as a QR code.
async function shared(page, path, { name, password = '', days = '', most = '' }) {
  await page.goto(`${base}/drive/${path.split('/').map(encodeURIComponent).join('/')}?details`)
  if (name) await page.locator('#share-name').fill(name)
  await page.locator('#share-password').fill(password)
  await page.locator('#share-days').selectOption(days)
  await page.locator('#share-most').fill(most)
  if (most && password) await look(page, 'form')
  await page.locator('#share-most').press('Enter')
  await page.locator('.made h1', { hasText: say('shares.made', { name: name ?? path.split('/').at(-1) }) }).waitFor()
  const link = await page.locator('#made-link').inputValue()
  assert.ok(link.startsWith(`${base}/s/`), link)
  assert.equal(await coded(page, 'img.qr'), link, 'the QR code')
  await page.locator('[data-copy=made-link]').click()
  await page.locator('[data-copy=made-link] [role=status]', { hasText: say('copy.done') }).waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link, 'what was copied')
  return link
}

async function openWith(page, link, wrong) {
  await page.goto(link)
  await page.getByRole('heading', { name: say('shared.asks') }).waitFor()
  if (wrong) {
    await look(page, 'asks')
    await page.locator('#password').fill(wrong)
    await page.locator('#password').press('Enter')
    await page.locator('#problem', { hasText: say.problem('The password is wrong.') }).waitFor()
    await look(page, 'wrong')
  }
  await page.locator('#password').fill(secret)
  await page.locator('#password').press('Enter')
  await page.locator('h1.subject').waitFor()
}

async function saved(page, click, as) {
  const [download] = await Promise.all([page.waitForEvent('download'), click.click()])
  await download.saveAs(join(folder, as))
  return download.suggestedFilename()
}

const whole = (page) => page.locator('.tools .primary')
const entry = (page, name) => page.locator('.rows a.entry').filter({ has: page.locator('bdi').getByText(name, { exact: true }) })

async function gone(page, link, name) {
  const answer = await page.goto(link)
  assert.equal(answer.status(), 404, name)
  await page.getByRole('heading', { name: say('failure.not-found') }).waitFor()
  await look(page, name)
}

// looksAround is a visitor in a shared folder.
async function looksAround(page) {
  for (const name of ['photo.png', 'notes.txt', 'film.webm', hostile, hostileFolder]) await entry(page, name).waitFor()
  assert.ok(await page.locator('.rows img.thumb').evaluate(async (img) => { await img.decode(); return img.naturalWidth > 0 }), 'there is no thumbnail')
  await look(page, 'folder')

  await entry(page, 'photo.png').click()
  const { width, height } = await page.locator('.stage img').evaluate(async (img) => { await img.decode(); return img.getBoundingClientRect() })
  assert.ok(width > 100 && height > 50, `the image is ${width} by ${height} px`)
  await look(page, 'image')
  await page.goBack()

  await entry(page, 'notes.txt').click()
  assert.equal(await page.locator('pre.text').textContent(), '<script>document.title=1</script>\n熊 ü\n')
  await look(page, 'text')
  assert.equal(await saved(page, whole(page), 'notes.txt'), 'notes.txt')
  await page.goBack()

  await entry(page, 'film.webm').click()
  assert.equal(await page.locator('video').evaluate(async (video) => {
    video.muted = true
    const ended = new Promise((go, fail) => { video.onended = () => go('ended'); video.onerror = () => fail(new Error(video.error.message)) })
    await video.play()
    return ended
  }), 'ended')
  await look(page, 'video')
  await page.goBack()

  await entry(page, hostileFolder).click()
  await entry(page, hostile).click()
  await page.locator('h1.subject', { hasText: hostile }).waitFor()
  assert.deepEqual(await page.locator('.crumbs a').allTextContents(), ['<b>For</b> you & "me"', hostileFolder])
  await look(page, 'below')
  await page.locator('.crumbs a').first().click()
  await entry(page, 'notes.txt').waitFor()
  assert.equal(await saved(page, whole(page), 'all.zip'), `${top}.zip`)
}

try {
  const recorded = await film()
  writeFileSync(join(folder, 'film.webm'), recorded)
  const put = await fetch(`${base}/dav/${encodeURIComponent(top)}/film.webm`, { method: 'PUT', body: recorded, headers: { Authorization: 'Basic ' + btoa(`ann:${password}`), 'Content-Type': 'video/webm' } })
  assert.equal(put.status, 201)

  await person(browser, picture('ann-failed'), options, async (ann, hers) => {
    await hers.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: base })
    await ann.goto(`${base}/login`)
    await signIn(ann)
    await ann.waitForURL('**/drive**')
    const file = await shared(ann, 'film.bin', { password: secret, days: '7', most: '2' })
    await look(ann, 'made')
    const all = await shared(ann, top, { name: '<b>For</b> you & "me"', password: secret, days: '30' })
    const once = await shared(ann, top, { most: '1' })
    const deep = await shared(ann, `${top}/${hostileFolder}/${hostile}`, {})

    await person(browser, picture('visitor-failed'), { ...options, ignore: statuses(403, 404) }, async (visitor) => {
      await openWith(visitor, all, 'open barley')
      await looksAround(visitor)

      await openWith(visitor, file)
      await look(visitor, 'counted')
      for (const as of ['film-1.bin', 'film-2.bin']) assert.equal(await saved(visitor, whole(visitor), as), 'film.bin')
      await gone(visitor, file, 'used-up')
      await visitor.goto(once)
      await saved(visitor, whole(visitor), 'once.zip')
      await gone(visitor, once, 'used-up-folder')

      await ann.goto(`${base}/account/shares`)
      await ann.getByText(say('shares.downloads-of', { uses: 2, most: 2 })).waitFor()
      await look(ann, 'list')
      const row = ann.locator('.rows li').filter({ hasText: '<b>For</b> you & "me"' })
      await row.locator('form button').click()
      await row.waitFor({ state: 'detached' })
      await look(ann, 'ended')
      await gone(visitor, all, 'gone')
      await visitor.goto(deep) // the others are as they were
      await visitor.locator('pre.text').waitFor()
    })
  })
  for (const [one, other] of [['film-1.bin', 'film-2.bin'], ['all.zip', 'once.zip']]) assert.ok(readFileSync(join(folder, one)).equals(readFileSync(join(folder, other))), `${one} and ${other} differ`)
  tell('done')
} finally {
  await browser.close()
}
