// Takes the pictures of README.md: the folder Photos of ann as a grid on a desktop, and as a list on a phone, in Chinese and dark.
//
//   node pictures.mjs readme CHROMIUM URL FOLDER
import { join } from 'node:path'
import { launch, listed, person, signIn, tell } from './chromium.mjs'

const [, executablePath, base, pictures] = process.argv.slice(2)
const browser = await launch(executablePath)
const shown = async (name, options, view) => {
  const picture = join(pictures, name)
  await person(browser, picture, options, async (page) => {
    await page.goto(`${base}/login`)
    await signIn(page)
    await page.waitForURL('**/drive**')
    await page.goto(`${base}/drive/Photos?view=${view}`)
    await listed(page, 'Winter').waitFor()
    await page.waitForFunction(() => [...document.querySelectorAll('#listing img')].every((image) => image.complete && image.naturalWidth > 0))
    await page.screenshot({ path: picture })
  })
}
await shown('drive.png', { size: '1280x800' }, 'grid')
await shown('phone.png', { size: '360x740', deviceScaleFactor: 2, locale: 'zh-CN', colorScheme: 'dark' }, 'list')
await browser.close()
tell('done')
