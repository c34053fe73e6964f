// Goes through a folder of many files in Chromium as people do: by wheel, by jumps, by keys. The page holds few rows whatever the folder holds,
// each file is met once and in order, and what is chosen stays chosen while its row is away.
//
//   node longfolder.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE FILES
//
// The folder "long" of ann has so many files, whose names begin with their number, five digits. Tells each step, with its longest frame in ms and
// how many rows were on the page at most.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, look, password, person, signIn, tell, words } from './chromium.mjs'

const [size, executablePath, base, pictures, language, number] = process.argv.slice(2)
const say = words(language)
const picture = (name) => join(pictures, `long-${language}-${parseInt(size)}-${name}.png`)
const folder = `${base}/drive/long`
const files = Number(number)
const rowsAtMost = 1000
let page

// another is a client beside the browser.
async function another(method, name) {
  const address = folder.replace('/drive/', '/dav/') + '/' + encodeURIComponent(name)
  const response = await fetch(address, { method, headers: { Authorization: 'Basic ' + btoa(`ann:${password}`) } })
  assert.ok(response.ok, `${method} ${name}: ${response.status}`)
}

// record notes, in each frame, how long it was and which rows are on the page.
function record() {
  const seen = (window.seen = { frames: [], most: 0, names: new Map(), wrong: [] })
  let before = performance.now()
  const frame = (now) => {
    seen.frames.push(Math.round(now - before))
    before = now
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
  const look = () => {
    const rows = [...document.querySelectorAll('#listing tr[data-id]')]
    seen.most = Math.max(seen.most, rows.length)
    let last = ''
    for (const row of rows) {
      const name = row.querySelector('.name bdi').textContent
      if (name <= last) seen.wrong.push(`${name} after ${last}`)
      last = name
      const known = seen.names.get(name)
      if (known && known !== row.getAttribute('aria-rowindex')) seen.wrong.push(`${name} is row ${row.getAttribute('aria-rowindex')} and was ${known}`)
      seen.names.set(name, row.getAttribute('aria-rowindex'))
    }
  }
  new MutationObserver(look).observe(document.getElementById('listing'), { childList: true, subtree: true, attributeFilter: ['aria-rowindex'] })
  look()
}

const report = async (step) => {
  const { longest, most } = await page.evaluate(() => {
    const frames = window.seen.frames.splice(0)
    return { longest: Math.max(...frames), most: window.seen.most }
  })
  tell(step, { longest, rows: most })
}

const rest = () => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
const shownNumbers = () => page.evaluate(() => [...document.querySelectorAll('#listing tr[data-id]')]
  .filter((row) => row.getBoundingClientRect().bottom > 0 && row.getBoundingClientRect().top < innerHeight)
  .map((row) => Number(row.querySelector('.name bdi').textContent.slice(0, 5))))
const showing = (least, greatest) => page.waitForFunction(([least, greatest]) =>
  [...document.querySelectorAll('#listing tr[data-id]')].some((row) => {
    const box = row.getBoundingClientRect()
    const at = Number(row.querySelector('.name bdi').textContent.slice(0, 5))
    return box.bottom > 0 && box.top < innerHeight && at >= least && at <= greatest
  }), [least, greatest]).catch(async (error) => {
  throw new Error(`none of ${least} to ${greatest} shows, but ${await shownNumbers()}`, { cause: error })
})
const ticked = (name) => page.locator('#listing tr', { hasText: name }).locator('input[name=item]').isChecked()

// down goes to the end, as fast as the parts come.
async function down() {
  for (;;) {
    await page.mouse.wheel(0, 1500)
    await rest()
    const { end, more } = await page.evaluate(() => ({
      end: scrollY + innerHeight >= document.documentElement.scrollHeight - 2,
      more: Boolean(document.querySelector('.parts a[rel=next]')),
    }))
    if (end && !more) break
  }
  await showing(files - 1, files - 1)
  const { names, wrong } = await page.evaluate(() => ({ names: [...window.seen.names.keys()], wrong: window.seen.wrong }))
  assert.deepEqual(wrong, [], 'rows out of order, or twice')
  assert.deepEqual(names.map((name) => Number(name.slice(0, 5))).toSorted((a, b) => a - b), Array.from({ length: files }, (_, i) => i))
  assert.equal(await page.locator('#listing table').getAttribute('aria-rowcount'), String(files + 1))
  await report('down by wheel')
}

// jumps go to places of the whole height, as by the scroll bar.
async function jumps() {
  const height = await page.evaluate(() => document.documentElement.scrollHeight)
  for (const place of [0, 0.5, 0.1, 0.9, 0.3, 0.7]) {
    await page.evaluate((top) => scrollTo(0, top), place * height)
    await showing(files * place - files * 0.05 - 60, files * place + files * 0.05 + 60)
  }
  await page.evaluate(() => scrollTo(0, 0))
  await showing(0, 0)
  await report('jumps')
}

async function upByWheel() {
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight / 4))
  await showing(files * 0.2 - 60, files * 0.3 + 60)
  let last = Infinity
  while (await page.evaluate(() => scrollY > 0)) {
    await page.mouse.wheel(0, -900)
    await rest()
    const numbers = await shownNumbers()
    if (numbers.length === 0) continue // they are coming
    assert.ok(numbers[0] <= last, `scrolling up went from ${last} to ${numbers[0]}`)
    last = numbers[0]
  }
  await showing(0, 0)
  await report('up by wheel')
}

// chosenStays: a row that was chosen is sent with the form while it is away, and is ticked when it is back.
async function chosenStays() {
  const box = page.locator('#listing input[name=item]')
  await box.nth(3).check()
  await page.evaluate(() => document.activeElement.blur())
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight / 2))
  await showing(files * 0.4, files * 0.6)
  await page.waitForFunction(() => ![...document.querySelectorAll('#listing .name bdi')].some((e) => e.textContent.startsWith('00003')))
  const sent = () => page.evaluate(() => new FormData(document.getElementById('chosen')).getAll('item').map((name) => name.slice(0, 5)))
  assert.deepEqual(await sent(), ['00003'])
  await page.evaluate(() => scrollTo(0, 0))
  await showing(3, 3)
  assert.ok(await ticked('00003 '))
  // A range whose beginning is away.
  await page.evaluate(() => scrollTo(0, 0))
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight * 0.05))
  const far = Math.round(files * 0.05)
  await showing(far - 60, far + 60) // heights of what was never seen are guessed
  const numbers = await shownNumbers()
  const end = String(numbers[Math.floor(numbers.length / 2)]).padStart(5, '0')
  await page.locator('#listing tr', { hasText: `${end} ` }).locator('input[name=item]').click({ modifiers: ['Shift'] })
  assert.equal((await sent()).length, Number(end) - 3 + 1)
  await page.keyboard.press('Escape')
  assert.deepEqual(await sent(), [])
  await report('choosing')
}

async function all() {
  await page.keyboard.press('Control+a')
  await page.getByText(say('chosen.too-many', { most: 1000 }, files)).waitFor()
  assert.ok(await page.locator('.chosen').getByRole('button', { name: say('do.delete') }).isDisabled())
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight * 0.6))
  await showing(files * 0.55, files * 0.65)
  assert.equal(await page.locator('#listing input[name=item]:not(:checked)').count(), 0)
  await page.keyboard.press('Escape')
  assert.equal(await page.locator('#listing input[name=item]:checked').count(), 0)
  await report('choosing all')
}

// live: what another client does shows where one looks, and later elsewhere; the place on the screen stays.
async function live() {
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight * 0.4))
  await showing(files * 0.35, files * 0.45)
  const before = await shownNumbers()
  const at = before[Math.floor(before.length / 2)]
  const prefix = String(at).padStart(5, '0')
  await another('PUT', `${prefix} and a half`)
  await page.locator('#listing .name bdi', { hasText: `${prefix} and a half` }).waitFor()
  assert.ok((await shownNumbers()).includes(at), 'the place on the screen was lost')
  await another('DELETE', `${prefix} and a half`)
  await page.locator('#listing .name bdi', { hasText: `${prefix} and a half` }).waitFor({ state: 'detached' })
  await page.evaluate(() => scrollTo(0, 0))
  await showing(0, 0)
  await report('live changes')
}

// keys: the focus goes down row by row, and the part that it is in stays.
async function keys() {
  await page.locator('#listing tbody .name a').first().focus()
  for (let i = 0; i < 250; i++) {
    await page.waitForFunction((i) => document.activeElement.closest('tr')?.textContent.includes(String(i).padStart(5, '0')), i)
    await page.keyboard.press('ArrowDown')
  }
  await page.mouse.wheel(0, 20_000)
  await rest()
  await page.waitForFunction(() => document.querySelectorAll('#listing tbody:empty').length > 0)
  assert.ok(await page.evaluate(() => document.activeElement.closest('tr')?.textContent.includes('00250')), 'the focus was lost')
  await page.keyboard.press('ArrowDown')
  await page.waitForFunction(() => document.activeElement.closest('tr')?.textContent.includes('00251'))
  await report('keys')
}

// grid goes through the tiles.
async function grid() {
  await page.goto(`${folder}?view=grid`)
  await page.evaluate(record)
  await down()
  await jumps()
  await page.setViewportSize({ width: 800, height: 800 })
  await rest()
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight * 0.5))
  await showing(files * 0.4, files * 0.6)
  assert.ok((await page.evaluate(() => window.seen.most)) <= rowsAtMost)
  await report('grid')
}

const browser = await launch(executablePath)
try {
  await person(browser, picture('failed'), { size, locale: language }, async (opened) => {
    page = opened
    await page.goto(`${folder}?sort=name&order=asc&view=list`)
    await signIn(page)
    await page.waitForURL('**/drive/long**')
    await page.evaluate(record)
    for (const step of [down, jumps, upByWheel, chosenStays, all, live, keys]) {
      await step()
      assert.ok((await page.evaluate(() => window.seen.most)) <= rowsAtMost, `${step.name}: more than ${rowsAtMost} rows on the page`)
    }
    await look(page, picture('list'))
    await grid()
    await look(page, picture('grid'))
  })
  tell('done')
} finally {
  await browser.close()
}
