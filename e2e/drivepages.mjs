// Does in Chromium what a person does with files on the pages of the drive: sorts, chooses, renames, moves, copies, removes, brings back,
// looks at versions, searches, and sees what another client does. Each page is looked at by axe-core. Names are hostile.
//
//   node drivepages.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE
//
// The account "ann" is there. FOLDER takes screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { hostile, hostileFolder, launch, listed as listedOn, look as lookAt, password, person, signIn, tell, words } from './chromium.mjs'

const [size, executablePath, base, folder, language] = process.argv.slice(2)
const width = parseInt(size)
const say = words(language)
const picture = (name) => join(folder, `drive-${language}-${width}-${name}.png`)
let page

// another is a client beside the browser.
async function another(method, path, body) {
  const headers = { Authorization: 'Basic ' + btoa(`ann:${password}`) }
  const response = await fetch(base + '/dav/' + path.split('/').map(encodeURIComponent).join('/'), { method, body, headers })
  assert.ok(response.ok, `${method} ${path}: ${response.status}`)
}

const look = (name) => lookAt(page, picture(name), { foreign: 'main img, main svg[onload]' })
const listed = (name) => listedOn(page, name)
const names = () => page.$$eval('#listing tr .name bdi', (all) => all.map((e) => e.textContent))
const choose = (name) => page.getByLabel(say('row.choose', { name }), { exact: true }).check()
const act = (key) => page.locator('.chosen').getByRole('button', { name: say(key), exact: true }).click()
const until = (what, want) => page.waitForFunction(([selector, want]) =>
  [...document.querySelectorAll(selector)].map((e) => e.textContent).join('|') === want, [what, want.join('|')])
const rowNames = '#listing tr .name bdi'

async function sorting() {
  await another('MKCOL', 'Trips')
  await another('MKCOL', hostileFolder)
  await another('PUT', 'b.txt', 'a longer one')
  await another('PUT', 'a.txt', 'short')
  await another('PUT', hostile, 'x')
  await page.goto(base + '/drive/')
  await signIn(page)
  await listed('a.txt').waitFor()
  assert.deepEqual(await names(), [hostileFolder, 'Trips', hostile, 'a.txt', 'b.txt'])
  await look('list')
  if (width > 640) { // at twice its size
    await page.setViewportSize({ width: 640, height: 400 })
    assert.ok(await listed('Trips').evaluate((e) => e.getBoundingClientRect().width > 200), 'the names have no room')
    await look('zoomed')
    await page.setViewportSize({ width, height: 800 })
  }
  await page.getByText(say('folder.sort'), { exact: true }).click()
  await look('sort')
  await page.getByRole('listitem').getByRole('link', { name: say('column.size') }).click()
  await until(rowNames, [hostileFolder, 'Trips', hostile, 'a.txt', 'b.txt'])
  await page.getByRole('link', { name: say('folder.grid'), exact: true }).click()
  await look('grid')
  await page.getByRole('link', { name: say('folder.list'), exact: true }).click()
  await listed('a.txt').waitFor()
}

// menus close by Escape, which gives the focus back, and the orders by whatever is done elsewhere. A new folder is named at once, where it stands.
async function menus() {
  await page.goto(base + '/drive/')
  const summary = page.locator('details.order summary')
  const open = page.locator('details.order[open]')
  await summary.press('Enter')
  await open.waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Escape')
  await open.waitFor({ state: 'detached' })
  assert.ok(await summary.evaluate((e) => e === document.activeElement), 'the focus is not back')
  await summary.click()
  await open.waitFor()
  await page.mouse.move(width / 2, 90)
  await page.mouse.down()
  await page.mouse.up()
  await open.waitFor({ state: 'detached' })

  await page.evaluate(() => { window.same = true })
  await page.locator('details.new-folder summary').click()
  await page.waitForFunction(() => document.activeElement.id === 'folder-name')
  await page.keyboard.type('made here')
  await page.keyboard.press('Enter')
  await listed('made here').waitFor()
  await page.waitForFunction(() => document.activeElement.matches('details.new-folder summary'))
  await choose('made here')
  await act('do.delete')
  await listed('made here').waitFor({ state: 'detached' })
  assert.ok(await page.evaluate(() => window.same), 'the page was loaded anew')
}

async function renaming() {
  await page.getByRole('link', { name: say('row.details', { name: hostile }) }).click()
  await page.getByRole('heading', { name: say('details.title') }).waitFor()
  await look('details')
  await page.getByLabel(say('details.new-name')).fill('renamed & <b>.txt')
  await page.getByRole('button', { name: say('details.rename') }).click()
  await listed('renamed & <b>.txt').waitFor()
}

async function movingAndCopying() {
  await choose('a.txt')
  await choose('b.txt')
  await page.getByText(say('chosen.several', {}, 2)).waitFor()
  await look('chosen')
  await act('do.move')
  await page.getByRole('button', { name: 'Trips' }).click()
  await page.getByText(say('pick.none')).waitFor()
  await look('pick')
  await page.getByRole('button', { name: say('pick.move-here') }).click()
  await page.getByRole('heading', { name: 'Trips' }).waitFor()
  await until(rowNames, ['a.txt', 'b.txt'])
  await choose('a.txt')
  await act('do.copy')
  await page.getByRole('button', { name: say('pick.copy-here') }).click()
  await listed('a (1).txt').waitFor()
}

async function removing() {
  await choose('a.txt')
  await choose('a (1).txt')
  await act('do.delete')
  await page.getByText(say('folder.removed-many', { count: 2 })).waitFor()
  await until(rowNames, ['b.txt'])
  await look('removed')
  await page.getByRole('button', { name: say('folder.undo') }).click()
  await listed('a (1).txt').waitFor()
  await choose('a (1).txt')
  await page.keyboard.press('Delete')
  await page.getByText(say('folder.removed', { name: 'a (1).txt' })).waitFor()

  await page.goto(base + '/trash')
  await look('trash')
  await choose('a (1).txt')
  await act('do.restore')
  await listed('a (1).txt').waitFor()
  await choose('a (1).txt')
  await act('do.delete')
  await listed('a (1).txt').waitFor({ state: 'detached' })
  await page.goto(base + '/trash')
  await choose('a (1).txt')
  await act('trash.purge')
  await look('purge')
  await page.getByRole('button', { name: say('purge.title') }).click()
  await page.getByText(say('trash.nothing')).waitFor()
  await look('trash-empty')
}

async function versions() {
  await another('PUT', 'Trips/b.txt', 'the second content')
  await page.goto(base + '/drive/Trips/b.txt?details')
  await page.getByRole('link', { name: say('details.kept', { count: 1 }) }).click()
  await look('versions')
  await page.getByRole('button', { name: say('do.restore') }).click()
  await page.getByText(say('versions.replaced', { size: '18 B', time: '' }).trim()).waitFor()
  const content = await page.evaluate(async () => (await fetch('/raw/Trips/b.txt')).text())
  assert.equal(content, 'a longer one')
}

async function searching() {
  await page.goto(base + '/drive/Trips')
  await page.getByLabel(say('places.label')).fill('RENAMED & <B>')
  await page.getByLabel(say('places.label')).press('Enter')
  await page.getByRole('link', { name: 'renamed & <b>.txt', exact: true }).waitFor()
  await look('search')
  await page.getByRole('link', { name: say('drive.root'), exact: true }).last().click()
  await listed('renamed & <b>.txt').waitFor()
}

// What another client does shows without a reload, and what is chosen stays chosen.
async function live() {
  await page.evaluate(() => { window.same = true })
  await choose('renamed & <b>.txt')
  await another('PUT', `from elsewhere ${hostile}`, 'x')
  await listed(`from elsewhere ${hostile}`).waitFor()
  await another('DELETE', `from elsewhere ${hostile}`)
  await listed(`from elsewhere ${hostile}`).waitFor({ state: 'detached' })
  assert.ok(await page.getByLabel(say('row.choose', { name: 'renamed & <b>.txt' })).isChecked(), 'the choice is gone')
  assert.ok(await page.evaluate(() => window.same), 'the page was loaded anew')
  await page.keyboard.press('Escape')
}

// By keys: down two rows, chosen on the way; dragged onto a folder.
async function byHand() {
  await listed('Trips').focus()
  await page.keyboard.press('Space')
  assert.ok(await page.getByLabel(say('row.choose', { name: 'Trips' })).isChecked())
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.getByText(say('chosen.several', {}, 2)).waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+a')
  await page.getByText(say('chosen.several', {}, 3)).waitFor()
  await page.keyboard.press('Escape')
  if (width < 600) return
  await listed('renamed & <b>.txt').dragTo(listed(hostileFolder))
  await listed('renamed & <b>.txt').waitFor({ state: 'detached' })
  await listed(hostileFolder).click()
  await listed('renamed & <b>.txt').waitFor()
}

// Rows come as they are scrolled near, and go when they are far away. longfolder.mjs has a folder of 10,000.
async function longFolder() {
  await another('MKCOL', 'long')
  for (let i = 0; i < 240; i++) await another('PUT', `long/file ${String(i).padStart(3, '0')}`, '')
  await page.goto(base + '/drive/long?sort=name&order=asc')
  await listed('file 000').waitFor()
  assert.ok((await names()).length <= 200, 'all of it came at once')
  while ((await listed('file 239').count()) === 0) {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)))
  }
  const all = await names()
  assert.deepEqual(all, all.toSorted())
  await look('long')
  await removingFarDown()
  await another('DELETE', 'long/file 120')
  await another('PUT', 'long/file 050 and a half', '')
  await page.evaluate(() => scrollTo(0, 0)) // what is far away is read anew when it comes near
  await listed('file 050 and a half').waitFor()
  await page.evaluate(() => document.querySelectorAll('#listing tbody')[1].scrollIntoView())
  await listed('file 119').waitFor()
  await listed('file 120').waitFor({ state: 'detached' })
  const after = await names()
  assert.equal(new Set(after).size, after.length, 'a row is there twice')
}

// removingFarDown: the place in the folder stays, the focus goes to the row behind, and the way back is in sight.
async function removingFarDown() {
  const [before, asked] = await page.evaluate(() => [scrollY, (window.same = true)])
  assert.ok(before > 2000 && asked)
  await choose('file 237')
  await page.keyboard.press('Delete')
  await listed('file 237').waitFor({ state: 'detached' })
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'file 238')
  const undo = page.getByRole('button', { name: say('folder.undo') })
  assert.ok(await undo.evaluate((e) => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= innerHeight), 'the way back is out of sight')
  await undo.click()
  await listed('file 237').waitFor()
  await undo.waitFor({ state: 'detached' })
  assert.ok(await page.evaluate((before) => window.same && scrollY > before - innerHeight, before), 'the place was lost')
}

const browser = await launch(executablePath)
try {
  await person(browser, picture('failed'), { size, locale: language, timezoneId: 'Europe/Berlin' }, async (opened) => {
    page = opened
    for (const step of [sorting, renaming, movingAndCopying, removing, menus, versions, searching, live, byHand, longFolder]) {
      await step()
      tell(step.name)
    }
  })
  tell('done')
} finally {
  await browser.close()
}
