// Drives Chromium on the pages as a person with a small phone does. Says what it saw, one JSON object a line.
//
//   node browser.mjs SCENARIO CHROMIUM URL FOLDER
//
// FOLDER holds the file to upload and takes downloads and screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, listed, password, person, shot, tell } from './chromium.mjs'

const [scenario, executablePath, base, folder] = process.argv.slice(2)
const screenshot = (page, name) => shot(page, join(folder, `${name}.png`), { fullPage: true })

async function register(page, name) {
  await page.goto(base + '/')
  if (!page.url().endsWith('/register')) await page.getByRole('link', { name: 'Make an account' }).click()
  await page.getByLabel('User name').fill(name)
  await page.getByLabel('Password').fill(password)
  await screenshot(page, `${scenario}-register`)
  await page.getByRole('button', { name: 'Make the account' }).click()
  await page.waitForURL('**/drive**')
}

async function download(page, name) {
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `Download ${name}` }).click()])
  assert.equal(saved.suggestedFilename(), name)
  await saved.saveAs(join(folder, 'downloaded'))
}

const scenarios = {
  // Register, upload by the file input, see the file, download it, make a folder, delete, sign out and in again.
  async visit() {
    const name = 'holiday photo ü 熊.bin'
    await person(browser, join(folder, `${scenario}-failed.png`), {}, async (page) => {
      await register(page, 'ann')
      await page.getByLabel('Upload files').setInputFiles(join(folder, name))
      await listed(page, name).waitFor()
      await page.getByText('Done', { exact: true }).waitFor()
      await screenshot(page, 'visit-drive')
      await download(page, name)

      await page.getByText('New folder', { exact: true }).click()
      await page.getByLabel('Name of the new folder').fill('Sommer')
      await page.getByRole('button', { name: 'Make', exact: true }).click()
      await listed(page, 'Sommer').click()
      await page.getByRole('heading', { name: 'Sommer' }).waitFor()
      await page.getByLabel('Upload files').setInputFiles(join(folder, name))
      await listed(page, name).waitFor()
      await page.getByLabel(`Choose ${name}`).check()
      await page.getByRole('button', { name: 'Delete', exact: true }).click()
      await listed(page, name).waitFor({ state: 'detached' })
      await screenshot(page, 'visit-folder')

      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.goto(base + '/drive')
      await page.getByLabel('User name').fill('ann')
      await page.getByLabel('Password').fill(password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await listed(page, name).waitFor()
      tell('done', { name })
    })
  },

  // Pause an upload, reload the page, choose the file again and go on from where it was.
  async resume() {
    const name = 'long film.bin'
    await person(browser, join(folder, `${scenario}-failed.png`), {}, async (page, context) => {
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
      await page.getByLabel('Upload files').setInputFiles(join(folder, name))
      const row = page.getByRole('region', { name: 'Uploads' }).getByRole('listitem')
      await page.waitForFunction(() => document.querySelector('#uploads progress')?.value > 0.2)
      await row.getByRole('button', { name: 'Pause' }).click()
      await row.getByText('Paused').waitFor()
      await screenshot(page, 'resume-paused')

      await page.reload()
      await row.getByText('Choose the same file again').waitFor()
      await screenshot(page, 'resume-reloaded')
      await throttle(-1)
      const [picker] = await Promise.all([page.waitForEvent('filechooser'), row.getByRole('button', { name: 'Resume' }).click()])
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
    await person(browser, join(folder, `${scenario}-failed.png`), { javaScriptEnabled: false }, async (page) => {
      await register(page, 'ann')
      await page.locator('#files').setInputFiles(join(folder, name))
      await page.getByRole('button', { name: 'Upload', exact: true }).click()
      await listed(page, name).waitFor()
      await screenshot(page, 'plain-drive')
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
