// Uploads in Chromium what the receiver of docs/webhooks.md does not want, and what it does: the page says the receiver's words.
//
//   node admission.mjs upload CHROMIUM URL FOLDER
//
// The account "ann" is there. FOLDER takes screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, listed, look, person, signIn, statuses, tell, words } from './chromium.mjs'

const [, executablePath, base, folder] = process.argv.slice(2)
const say = words('zh-CN')
const browser = await launch(executablePath)
const picture = join(folder, 'admission.png')
await person(browser, picture, { locale: 'zh-CN', ignore: statuses(403) }, async (page) => {
  await page.goto(base + '/drive')
  await signIn(page)
  await page.locator('#files').setInputFiles(['disk.iso', 'song.flac'].map((name) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(name) })))
  await page.getByText('No images of disks, please.').waitFor()
  await listed(page, 'song.flac').waitFor()
  await look(page, picture)
  assert.equal(await page.getByText(say('upload.error.forbidden')).count(), 0)
})
tell('done')
await browser.close()
