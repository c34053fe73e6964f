// Opens the drive in Chromium as a slow phone does for the first time, and says what came and when it could be used.
//
//   node firstload.mjs RUNS CHROMIUM URL FOLDER
//
// The account "ann" has a folder "hundred". Each run tells "load"; times are in ms from the start of the navigation. The slow phone has
// Lighthouse's "slow 4G" (150 ms, 1.6 Mbit/s down, 750 kbit/s up) and a processor four times slower.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, person, profile, signIn, tell } from './chromium.mjs'

const [runs, executablePath, base, pictures] = process.argv.slice(2)
const folder = `${base}/drive/hundred`
const slow4G = { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 750e3 / 8 }

// watch is put into the page before anything of it runs. It chooses the first row as soon as the script can have heard of it, and notes when the
// page has shown that it did.
function watch() {
  window.seen = { tasks: [] }
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.seen.tasks.push([Math.round(task.startTime), Math.round(task.duration)])
  }).observe({ type: 'longtask', buffered: true })
  const look = () => {
    const box = document.querySelector('#listing tbody input[name=item]')
    const count = document.querySelector('.chosen .count')
    if (box && !window.seen.row) window.seen.row = performance.now()
    if (!box?.checked && box && performance.getEntriesByName('first-contentful-paint').length > 0) box.click()
    if (box?.checked && count?.textContent) {
      const shown = new MessageChannel()
      shown.port1.onmessage = () => { window.seen.usable = performance.now() }
      return requestAnimationFrame(() => shown.port2.postMessage(0))
    }
    if (box?.checked) box.click() // nobody heard of it
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}

async function load(storageState) {
  const { context, complaints } = await profile(browser, { isMobile: true, deviceScaleFactor: 2, storageState })
  const page = await context.newPage()
  await page.addInitScript(watch)
  const devtools = await context.newCDPSession(page)
  await devtools.send('Network.enable')
  await devtools.send('Network.emulateNetworkConditions', slow4G)
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  const kinds = new Map()
  const bytes = {}
  devtools.on('Network.responseReceived', (event) => {
    assert.ok(!event.response.fromDiskCache, `${event.response.url} was in the cache`)
    kinds.set(event.requestId, event.type)
  })
  devtools.on('Network.loadingFinished', (event) => {
    const kind = kinds.get(event.requestId)
    bytes[kind] = (bytes[kind] ?? 0) + event.encodedDataLength
  })
  await page.goto(folder, { waitUntil: 'load' })
  await page.waitForFunction(() => window.seen.usable)
  const seen = await page.evaluate(() => ({
    ...window.seen,
    painted: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    ready: performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd,
    rows: document.querySelectorAll('#listing tr[data-id]').length,
    resources: performance.getEntriesByType('resource').map((r) => [r.name.replace(/.*[/]/, ''), Math.round(r.startTime), Math.round(r.responseStart), Math.round(r.responseEnd)]),
    html: Math.round(performance.getEntriesByType('navigation')[0].responseEnd),
  }))
  assert.deepEqual(complaints, [])
  await context.close()
  tell('load', { bytes, ...seen })
}

const browser = await launch(executablePath)
try {
  let state
  await person(browser, join(pictures, 'firstload-failed.png'), {}, async (page, context) => {
    await page.goto(folder)
    await signIn(page)
    await page.locator('#listing tr[data-id]').first().waitFor()
    state = await context.storageState()
  })
  for (let run = 0; run < Number(runs); run++) await load(state)
  tell('done')
} finally {
  await browser.close()
}
