// Does in Chromium what an administrator does: looks at how the server is doing, finds an account, limits its space, gives it a new password, disables
// it, ends an upload, invites somebody, reads the audit log and deletes the account. Each page is looked at by axe-core. Then the same
// pages in the dark, and without script.
//
//   node admin.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE
//
// The administrator "ann" is there, and the user "bob" with an unfinished upload.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, look as lookAt, person, shot, signIn, tell, touchable, words } from './chromium.mjs'

const [size, executablePath, base, folder, language] = process.argv.slice(2)
const say = words(language)
const picture = (name) => join(folder, `admin-${language}-${parseInt(size)}-${name}.png`)
let page

const look = async (name) => {
  await lookAt(page, picture(name), { fullPage: true })
  await touchable(page, 'main :is(button, .button, input:not([type=checkbox]), .check label, select, summary)', { what: name })
}
const goTo = (section) => page.locator('.sections').getByRole('link', { name: say(`admin.section.${section}`), exact: true }).click()
const heading = (name) => page.getByRole('heading', { name, exact: true }).waitFor()
const said = (text) => page.getByRole('status').getByText(text).waitFor()
const press = (key, values) => page.getByRole('button', { name: say(key, values), exact: true }).click()
const ask = async (key) => {
  const question = page.locator('details').filter({ has: page.locator('summary').getByText(say(key), { exact: true }) })
  await question.locator('summary').click()
  await question.getByRole('button', { name: say(`${key}-do`), exact: true }).click()
}

async function overview() {
  await page.goto(base + '/admin')
  await signIn(page)
  await heading(say('admin.overview.title'))
  await look('overview')
}

async function accounts() {
  await goTo('users')
  await heading(say('admin.section.users'))
  await look('users')
  await page.getByLabel(say('admin.users.search')).fill('BO')
  await press('admin.users.find')
  await page.getByRole('link', { name: 'bob', exact: true }).click()
  await heading('bob')
  await look('user')
  await page.getByLabel(say('admin.user.quota'), { exact: true }).fill('a lot')
  await press('admin.user.set')
  await page.locator('#quota-problem').waitFor()
  await look('user-problem')
  await page.getByLabel(say('admin.user.quota'), { exact: true }).fill('20MB')
  await press('admin.user.set')
  await said(say('admin.done.quota'))
  await ask('admin.user.give-password')
  await page.getByLabel(say('admin.user.password'), { exact: true }).waitFor()
  await look('user-password')
  await page.getByRole('link', { name: say('admin.user.noted') }).click()
  await ask('admin.user.disable')
  await said(say('admin.done.disable'))
  await press('admin.user.enable')
  await said(say('admin.done.enable'))
}

async function uploads() {
  await goTo('uploads')
  await page.getByText(say('admin.uploads.of', { offset: '300 kB', size: '50 MB' })).waitFor()
  assert.ok(!(await page.textContent('body')).includes('private'), 'the name of a file is told')
  await look('uploads')
  await ask('admin.uploads.end')
  await said(say('admin.done.upload'))
}

async function newcomers() {
  await goTo('newcomers')
  await heading(say('admin.invite.title'))
  await look('newcomers')
  await page.getByLabel(say('admin.invite.note')).fill('the choir')
  await page.getByLabel(say('admin.invite.uses'), { exact: true }).fill('12')
  await press('admin.invite.make')
  const link = await page.getByLabel(say('admin.invite.link'), { exact: true }).inputValue()
  assert.ok(link.startsWith(base + '/register?invitation='), link)
  await look('invitation')
  await page.getByLabel(say('account.name')).fill('bob')
  await press('admin.make.do')
  await page.locator('#make-user .notice').waitFor()
  await page.getByLabel(say('account.name')).fill('eve')
  await press('admin.make.do')
  await heading(say('admin.make.made', { name: 'eve' }))
  await page.goto(base + '/admin/newcomers')
  await press('admin.invite.revoke-this', { name: 'the choir' })
  await said(say('admin.done.revoked'))
}

async function auditLog() {
  await goTo('audit')
  await page.getByText(say('event.upload_ended')).last().waitFor()
  await look('audit')
  await page.getByLabel(say('admin.audit.event'), { exact: true }).selectOption('quota_changed')
  await press('admin.audit.filter')
  await page.getByText('20 MB').waitFor()
  assert.equal(await page.locator('.log li').count(), 1)
}

async function deleting() {
  await page.goto(base + '/admin/users?q=bob')
  await page.getByRole('link', { name: 'bob', exact: true }).click()
  await page.getByRole('link', { name: say('admin.user.delete') }).click()
  await look('delete')
  await page.getByLabel(say('admin.delete.type', { name: 'bob' })).fill('bob')
  await press('admin.delete.do')
  await said(say('admin.done.deleted'))
}

const pages = { overview: '/admin', users: '/admin/users', uploads: '/admin/uploads', newcomers: '/admin/newcomers', audit: '/admin/audit' }

async function inTheDark() {
  await page.goto(base + '/admin')
  await signIn(page)
  await page.waitForURL(base + '/admin')
  for (const [name, address] of Object.entries(pages)) {
    await page.goto(base + address)
    await look(`dark-${name}`)
  }
  await page.goto(base + '/admin/users?q=ann')
  await page.getByRole('link', { name: 'ann', exact: true }).click()
  await page.waitForURL('**/admin/users/*')
  await look('dark-user')
}

async function withoutScript() {
  await page.goto(base + '/admin')
  await signIn(page)
  await page.waitForURL(base + '/admin')
  await page.goto(base + '/admin/users')
  await page.getByRole('link', { name: 'eve', exact: true }).click()
  await ask('admin.user.promote')
  await said(say('admin.done.promote'))
  await shot(page, picture('plain-user'))
}

const browser = await launch(executablePath)
try {
  await person(browser, picture('failed'), { size, locale: language, ignore: (what) => /^(400|409) |status of (400|409)/.test(what) }, async (p) => {
    page = p
    for (const does of [overview, accounts, uploads, newcomers, auditLog, deleting]) {
      await does()
      tell(does.name)
    }
  })
  await person(browser, picture('failed-dark'), { size, locale: language, colorScheme: 'dark' }, async (p) => { page = p; await inTheDark() })
  await person(browser, picture('failed-plain'), { size, locale: language, javaScriptEnabled: false }, async (p) => { page = p; await withoutScript() })
  tell('done')
} finally {
  await browser.close()
}
