// Drives Chromium on the pages as a person does. Says what it saw, one JSON object a line.
//
//   node browser.mjs SCENARIO CHROMIUM URL FOLDER WIDTHxHEIGHT LANGUAGE
//
// FOLDER holds the file to upload and takes downloads and screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, listed, password, person, shot, tell, words } from './chromium.mjs'

const [scenario, executablePath, base, folder, size, language] = process.argv.slice(2)
const say = words(language)
const picture = (name) => join(folder, `${scenario}-${language}-${parseInt(size)}-${name}.png`)
const visit = (options, does) => person(browser, picture('failed'), { size, locale: language, ...options }, does)
const screenshot = (page, name) => shot(page, picture(name), { fullPage: true })

async function register(page, name) {
  await page.goto(base + '/')
  if (!page.url().endsWith('/register')) await page.getByRole('link', { name: say('login.register') }).click()
  await page.getByLabel(say('register.username')).fill(name)
  await page.getByLabel(say('register.password')).fill(password)
  await screenshot(page, 'register')
  await page.getByRole('button', { name: say('register.make') }).click()
  await page.waitForURL('**/drive**')
}

async function download(page, name) {
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: say('row.download', { name }) }).click()])
  assert.equal(saved.suggestedFilename(), name)
  await saved.saveAs(join(folder, 'downloaded'))
}

const scenarios = {
  // Register, upload by the file input, see the file, download it, make a folder, delete, sign out and in again.
  async visit() {
    const name = 'holiday photo ü 熊.bin'
    await visit({}, async (page) => {
      await register(page, 'ann')
      await page.getByLabel(say('upload.files'), { exact: true }).setInputFiles(join(folder, name))
      await listed(page, name).waitFor()
      await page.getByText(say('upload.done'), { exact: true }).waitFor()
      await screenshot(page, 'drive')
      await download(page, name)

      await page.getByText(say('folder.new.open'), { exact: true }).click()
      await page.getByLabel(say('folder.new.label')).fill('Sommer')
      await page.getByRole('button', { name: say('folder.new.make'), exact: true }).click()
      await listed(page, 'Sommer').click()
      await page.getByRole('heading', { name: 'Sommer' }).waitFor()
      await page.getByLabel(say('upload.files'), { exact: true }).setInputFiles(join(folder, name))
      await listed(page, name).waitFor()
      await page.getByLabel(say('row.choose', { name })).check()
      await page.getByRole('button', { name: say('do.delete'), exact: true }).click()
      await listed(page, name).waitFor({ state: 'detached' })
      await screenshot(page, 'folder')

      await page.getByRole('button', { name: say('frame.sign-out') }).click()
      await page.goto(base + '/drive')
      await page.getByLabel(say('login.name')).fill('ann')
      await page.getByLabel(say('login.password')).fill(password)
      await page.getByRole('button', { name: say('login.title'), exact: true }).click()
      await listed(page, name).waitFor()
      tell('done', { name })
    })
  },

  // Pause an upload, reload the page, choose the file again and go on from where it was.
  async resume() {
    const name = 'long film.bin'
    await visit({}, async (page, context) => {
      await register(page, 'ann')
      const network = await context.newCDPSession(page)
      const throttle = (uploadThroughput) =>
        network.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput })
      await network.send('Network.enable')
      await throttle(6 << 20)

      const offsets = []
      page.on('request', (request) => {
        const method = request.method()
        if (request.url().includes('/files/') && method === 'POST') offsets.push('created')
        if (request.url().includes('/files/') && method === 'PATCH') offsets.push(Number(request.headers()['upload-offset']))
      })
      await page.getByLabel(say('upload.files'), { exact: true }).setInputFiles(join(folder, name))
      const row = page.getByRole('region', { name: say('upload.title') }).getByRole('listitem')
      await page.waitForFunction(() => document.querySelector('#uploads progress')?.value > 0.2)
      await row.getByRole('button', { name: say('upload.pause') }).click()
      await row.getByText(say('upload.paused')).waitFor()
      await screenshot(page, 'paused')

      await page.reload()
      await row.getByText(say('upload.choose')).waitFor()
      await screenshot(page, 'reloaded')
      await throttle(-1)
      const [picker] = await Promise.all([page.waitForEvent('filechooser'), row.getByRole('button', { name: say('upload.resume') }).click()])
      await picker.setFiles(join(folder, name))
      await listed(page, name).waitFor()
      assert.equal(offsets.filter((o) => o === 'created').length, 1, `requests: ${offsets}`)
      assert.ok(offsets.at(-1) > 0, `the last PATCH began at ${offsets.at(-1)}: ${offsets}`)
      await download(page, name)
      tell('done', { name, offset: offsets.at(-1) })
    })
  },

  // Without script a plain form uploads.
  async plain() {
    const name = 'without script.bin'
    await visit({ javaScriptEnabled: false }, async (page) => {
      await register(page, 'ann')
      await page.locator('#files').setInputFiles(join(folder, name))
      await page.getByRole('button', { name: say('upload.send'), exact: true }).click()
      await listed(page, name).waitFor()
      await screenshot(page, 'drive')
      await download(page, name)
      tell('done', { name })
    })
  },
}

const browser = await launch(executablePath)
try {
  await scenarios[scenario]()
} finally {
  await browser.close()
}
