// Saves a file in Chromium as a person does who does not know that the bytes come from a bucket, and tells the hash of what was saved.
//
//   node redirect.mjs save CHROMIUM URL FOLDER BUCKET
//
// The account "ann" has Bär.mkv in her drive. BUCKET is the origin that the bytes come from.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { launch, profile, signIn, tell, words } from './chromium.mjs'

const [, executablePath, base, , bucket] = process.argv.slice(2)
const say = words('en')
const browser = await launch(executablePath)
const { context, complaints } = await profile(browser, { size: '1280x800' })
const page = await context.newPage()
await page.goto(base + '/drive')
await signIn(page)
const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: say('row.download', { name: 'Bär.mkv' }) }).click()])
assert.equal(saved.suggestedFilename(), 'Bär.mkv')
assert.ok(saved.url().startsWith(bucket + '/'), saved.url())
const sum = createHash('sha256')
for await (const bytes of createReadStream(await saved.path())) sum.update(bytes)
assert.deepEqual(complaints, [])
tell('saved', { sum: sum.digest('hex') })
await browser.close()
tell('done')
