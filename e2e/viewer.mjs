// Looks at files in Chromium. Says what it saw, one JSON object a line.
//
//   node viewer.mjs SCENARIO CHROMIUM URL FOLDER NAMES
//
// FOLDER takes screenshots. NAMES is a list of files, as JSON.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const [scenario, executablePath, base, folder, list] = process.argv.slice(2)
const password = 'correct-horse-battery'
const tell = (event, more = {}) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n')

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--no-first-run'],
})

async function signedIn(options) {
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  await page.goto(base + '/login')
  await page.getByLabel('User name').fill('ann')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/drive**')
  return { context, page }
}

const listed = (page, name) => page.getByRole('region', { name: 'Files and folders' }).getByRole('link', { name, exact: true })

const scenarios = {
  async hostile() {
    const { context, page } = await signedIn({ viewport: { width: 1280, height: 800 } })
    const wrong = []
    const watch = (p) => {
      p.on('console', (m) => m.text().includes('pwned') && !/Content Security Policy|sandboxed/.test(m.text()) && wrong.push(`console: ${m.text()}`))
      p.on('dialog', (d) => { wrong.push(`dialog: ${d.message()}`); d.dismiss() })
    }
    watch(page)
    context.on('page', watch)
    context.on('request', (r) => {
      const url = new URL(r.url())
      if (url.protocol.startsWith('http') && url.origin !== base) wrong.push(`elsewhere: ${r.url()}`)
      if (url.pathname === '/pwned') wrong.push('a script ran')
    })
    for (const name of JSON.parse(list)) {
      const path = encodeURIComponent(name)
      for (const address of [`/view/${path}`, `/raw/${path}`, `/thumb/${path}?size=480`, `/thumb/${path}`]) {
        await page.goto(base + address, { waitUntil: 'load' }).catch((error) => {
          if (!/Download is starting|ERR_ABORTED/.test(String(error))) throw error
        })
        await page.waitForTimeout(150)
      }
      await page.goto(`${base}/view/${path}`)
      for (const link of await page.locator('.prose a').all()) { // a person who clicks everything, though not on what leads away
        const href = await link.getAttribute('href')
        assert.match(href, /^(\/view\/|https?:|mailto:)/, `${name}: a link to ${href}`)
      }
      const foreign = await page.evaluate(() => document.querySelectorAll('main script, main iframe, main object, main embed, main style, main [onerror], main [onload], main [onclick]').length)
      assert.equal(foreign, 0, `${name}: elements came out of it`)
      tell('looked', { name })
    }
    await page.goto(base + '/drive/')
    await page.waitForTimeout(300)
    assert.deepEqual(wrong, [])
    await page.evaluate(() => fetch('/pwned')) // what would have been seen
    assert.deepEqual(wrong, ['a script ran'])
    tell('done')
  },

  async look() {
    for (const [width, height, colorScheme] of [[360, 740, 'light'], [360, 740, 'dark'], [1280, 800, 'light'], [1280, 800, 'dark']]) {
      const { context, page } = await signedIn({ viewport: { width, height }, colorScheme, hasTouch: width < 500 })
      const complaints = []
      page.on('console', (m) => ['error', 'warning'].includes(m.type()) && complaints.push(`${m.type()}: ${m.text()}`))
      page.on('pageerror', (error) => complaints.push(`uncaught: ${error}`))
      page.on('response', (r) => r.status() >= 400 && complaints.push(`${r.status()} ${r.url()}`))
      const shot = async (name) => {
        const wide = await page.evaluate(() => document.documentElement.scrollWidth)
        assert.ok(wide <= width, `${name} is ${wide} px wide in a window of ${width}`)
        for (const tool of await page.locator('main a:visible, main button:visible').all()) {
          if (await tool.evaluate((e) => Boolean(e.closest('.prose')))) continue
          const box = await tool.boundingBox()
          assert.ok(box.height >= 44 && box.width >= 44, `${name}: ${await tool.textContent()} is ${box.width} by ${box.height} px`)
        }
        await page.screenshot({ path: join(folder, `view-${name}-${width}-${colorScheme}.png`) })
      }

      await listed(page, '1 beach.jpg').click()
      await page.getByRole('heading', { name: '1 beach.jpg' }).waitFor()
      const shown = () => page.locator('.stage img').evaluate(async (img) => { await img.decode(); const box = img.getBoundingClientRect(); return img.naturalWidth > 0 && box.width <= innerWidth && box.height <= innerHeight })
      assert.ok(await shown(), 'the image does not fit')
      await shot('image')
      assert.equal(await page.locator('a[rel=prev]').count(), 0)
      await page.keyboard.press('ArrowRight')
      await page.getByRole('heading', { name: '2 forest.jpg' }).waitFor()
      if (width < 500) { // a finger from right to left
        const finger = await context.newCDPSession(page)
        const touch = (type, x) => finger.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y: 400 }] })
        await touch('touchStart', 300)
        for (const x of [250, 180, 90]) await touch('touchMove', x)
        await touch('touchEnd')
      } else {
        await page.getByRole('link', { name: 'Next image' }).click()
      }
      await page.getByRole('heading', { name: '4 glass.png' }).waitFor()
      assert.ok(await shown())
      await shot('glass')
      await page.keyboard.press('ArrowLeft')
      await page.getByRole('heading', { name: '2 forest.jpg' }).waitFor()
      await page.keyboard.press('Escape')

      for (const [name, what] of [['drawing.svg', 'svg'], ['3 notes between.txt', 'text'], ['readme.md', 'markdown'], ['main.go', 'code'], ['paper.pdf', 'pdf'], ['archive.zip', 'nothing']]) {
        await listed(page, name).click()
        await page.getByRole('heading', { name, exact: true }).waitFor()
        if (what === 'svg') assert.ok(await shown())
        if (what === 'markdown') await page.getByRole('heading', { name: 'A title' }).waitFor()
        await shot(what)
        if (what === 'markdown') {
          await page.locator('.prose a').click()
          await page.getByRole('heading', { name: '3 notes between.txt' }).waitFor()
        }
        await page.goto(base + '/drive/')
      }

      await listed(page, 'song.wav').click()
      const ranges = []
      page.on('response', (r) => r.url().includes('/raw/') && ranges.push(r.status()))
      const at = await page.locator('audio').evaluate(async (audio) => {
        audio.muted = true
        await new Promise((go) => (audio.readyState > 0 ? go() : audio.addEventListener('loadedmetadata', go)))
        const sought = new Promise((go) => audio.addEventListener('seeked', go))
        audio.currentTime = 50
        await sought
        return [audio.currentTime, audio.duration]
      })
      assert.deepEqual(at, [50, 60])
      await shot('audio')
      assert.deepEqual(complaints, [], 'the browser complained')
      tell('looked', { width, height, colorScheme, ranges })
      await context.close()
    }
    tell('done')
  },
}

try {
  await scenarios[scenario]()
} finally {
  await browser.close()
}
