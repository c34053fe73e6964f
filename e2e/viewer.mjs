// Looks at files in Chromium. Says what it saw, one JSON object a line.
//
//   node viewer.mjs hostile CHROMIUM URL FOLDER NAMES
//   node viewer.mjs look CHROMIUM URL FOLDER WIDTHxHEIGHT LANGUAGE
//
// FOLDER takes screenshots. NAMES is a list of files, as JSON.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, listed, look, person, profile, signIn, tell, touchable, words } from './chromium.mjs'

const [scenario, executablePath, base, folder, ...more] = process.argv.slice(2)

async function enter(page) {
  await page.goto(base + '/login')
  await signIn(page)
  await page.waitForURL('**/drive**')
}

const scenarios = {
  async hostile() {
    const [list] = more
    const { context } = await profile(browser, { size: '1280x800' })
    const wrong = []
    context.on('console', (m) => m.text().includes('pwned') && !/Content Security Policy|sandboxed/.test(m.text()) && wrong.push(`console: ${m.text()}`))
    context.on('dialog', (d) => { wrong.push(`dialog: ${d.message()}`); d.dismiss() })
    context.on('request', (r) => {
      const url = new URL(r.url())
      if (url.protocol.startsWith('http') && url.origin !== base) wrong.push(`elsewhere: ${r.url()}`)
      if (url.pathname === '/pwned') wrong.push('a script ran')
    })
    const page = await context.newPage()
    await enter(page)
    const addresses = [(path) => `/view/${path}`, (path) => `/raw/${path}`, (path) => `/thumb/${path}?size=480`, (path) => `/thumb/${path}`]
    const tabs = await Promise.all(addresses.map(() => context.newPage()))
    for (const name of JSON.parse(list)) {
      const path = encodeURIComponent(name)
      await Promise.all(tabs.map((tab, i) => tab.goto(base + addresses[i](path), { waitUntil: 'load' }).catch((error) => {
        if (!/Download is starting|ERR_ABORTED/.test(String(error))) throw error
      })))
      await page.waitForTimeout(150) // for what would come of it: no event tells that nothing does
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
    const [size, language] = more
    const say = words(language)
    const width = parseInt(size)
    for (const colorScheme of ['light', 'dark']) {
      const file = (name) => join(folder, `view-${language}-${width}-${colorScheme}-${name}.png`)
      await person(browser, file('failed'), { size, locale: language, colorScheme }, async (page, context) => {
        const picture = async (name) => {
          await touchable(page, 'main :is(a, button):not(.prose *)', { what: name })
          await look(page, file(name))
        }
        await enter(page)

        await listed(page, '1 beach.jpg').click()
        await page.getByRole('heading', { name: '1 beach.jpg' }).waitFor()
        const shown = () => page.locator('.stage img').evaluate(async (img) => { await img.decode(); const box = img.getBoundingClientRect(); return img.naturalWidth > 0 && box.width <= innerWidth && box.height <= innerHeight })
        assert.ok(await shown(), 'the image does not fit')
        await picture('image')
        assert.equal(await page.locator('a[rel=prev]').count(), 0)
        await page.keyboard.press('ArrowRight')
        await page.getByRole('heading', { name: '2 forest.jpg' }).waitFor()
        if (width < 600) { // a finger from right to left
          const finger = await context.newCDPSession(page)
          const touch = (type, x) => finger.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y: 400 }] })
          await touch('touchStart', 300)
          for (const x of [250, 180, 90]) await touch('touchMove', x)
          await touch('touchEnd')
        } else {
          await page.getByRole('link', { name: say('view.after', { name: '4 glass.png' }) }).click()
        }
        await page.getByRole('heading', { name: '4 glass.png' }).waitFor()
        assert.ok(await shown())
        await picture('glass')
        await page.keyboard.press('ArrowLeft')
        await page.getByRole('heading', { name: '2 forest.jpg' }).waitFor()
        await page.keyboard.press('Escape')

        for (const [name, what] of [['drawing.svg', 'svg'], ['3 notes between.txt', 'text'], ['readme.md', 'markdown'], ['main.go', 'code'], ['paper.pdf', 'pdf'], ['archive.zip', 'nothing']]) {
          await listed(page, name).click()
          await page.getByRole('heading', { name, exact: true }).waitFor()
          if (what === 'svg') assert.ok(await shown())
          if (what === 'markdown') await page.getByRole('heading', { name: 'A title' }).waitFor()
          await picture(what)
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
        await picture('audio')
        tell('looked', { size, colorScheme, ranges })
      })
    }
    tell('done')
  },
}

const browser = await launch(executablePath)
try {
  await scenarios[scenario]()
} finally {
  await browser.close()
}
