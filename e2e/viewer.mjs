// Looks at files in Chromium. Says what it saw, one JSON object a line.
//
//   node viewer.mjs look CHROMIUM URL FOLDER WIDTHxHEIGHT LANGUAGE
//
// FOLDER takes screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, listed, look, person, signIn, tell, touchable, words } from './chromium.mjs'

const [scenario, executablePath, base, folder, ...more] = process.argv.slice(2)

async function enter(page) {
  await page.goto(base + '/login')
  await signIn(page)
  await page.waitForURL('**/drive**')
}

const scenarios = {
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
          if (what === 'text') assert.ok(await page.locator('pre.text').evaluate((e) => e.scrollWidth <= e.clientWidth), 'lines are read sideways')
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
