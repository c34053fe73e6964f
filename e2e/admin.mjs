// Does in Chromium what an administrator does: looks at how the server is doing, finds an account, limits its space, gives it a new password, disables
// it, ends an upload, invites somebody, reads the audit log and deletes the account. Each page is looked at by axe-core. Then the same
// pages in Chinese and dark, and without script.
//
//   node admin.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER
//
// The administrator "ann" is there, and the user "bob" with an unfinished upload.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, look as lookAt, person, shot, signIn, tell, touchable } from './chromium.mjs'

const [size, executablePath, base, folder] = process.argv.slice(2)
const width = parseInt(size)
const picture = (name) => join(folder, `admin-${width}-${name}.png`)
let page

const look = async (name) => {
  await lookAt(page, picture(name), { fullPage: true })
  await touchable(page, 'main :is(button, .button, input:not([type=checkbox]), .check label, select, summary)', { what: name })
}
const goTo = (name) => page.locator('.sections').getByRole('link', { name, exact: true }).click()
const heading = (name) => page.getByRole('heading', { name, exact: true }).waitFor()
const said = (text) => page.getByRole('status').getByText(text).waitFor()
const ask = async (name, sure = name) => {
  const question = page.locator('details').filter({ has: page.locator('summary', { hasText: name }) })
  await question.locator('summary').click()
  await question.getByRole('button', { name: sure, exact: true }).click()
}

async function overview() {
  await page.goto(base + '/admin')
  await signIn(page)
  await heading('How the server is doing')
  await look('overview')
}

async function accounts() {
  await goTo('Users')
  await heading('Users')
  await look('users')
  await page.getByLabel('begins with').fill('BO')
  await page.getByRole('button', { name: 'Find' }).click()
  await page.getByRole('link', { name: 'bob', exact: true }).click()
  await heading('bob')
  await look('user')
  await page.getByLabel('Limit', { exact: true }).fill('a lot')
  await page.getByRole('button', { name: 'Set', exact: true }).click()
  await page.locator('#quota-problem').waitFor()
  await look('user-problem')
  await page.getByLabel('Limit', { exact: true }).fill('20MB')
  await page.getByRole('button', { name: 'Set', exact: true }).click()
  await said('The limit is set.')
  await ask('New password', 'Make a new password')
  await page.getByLabel('Password', { exact: true }).waitFor()
  await look('user-password')
  await page.getByRole('link', { name: 'I have noted it' }).click()
  await ask('Disable', 'Disable the account')
  await said('The account is disabled.')
  await page.getByRole('button', { name: 'Enable' }).click()
  await said('The account is enabled.')
}

async function uploads() {
  await goTo('Uploads now')
  await page.getByText('300 kB of 50 MB').waitFor()
  assert.ok(!(await page.textContent('body')).includes('private'), 'the name of a file is told')
  await look('uploads')
  await ask('End', 'End the upload')
  await said('The upload is ended.')
}

async function newcomers() {
  await goTo('Newcomers')
  await heading('Invitations')
  await look('newcomers')
  await page.getByLabel('What it is for').fill('the choir')
  await page.getByLabel('Accounts', { exact: true }).fill('12')
  await page.getByRole('button', { name: 'Make an invitation' }).click()
  const link = await page.getByLabel('Link', { exact: true }).inputValue()
  assert.ok(link.startsWith(base + '/register?invitation='), link)
  await look('invitation')
  await page.getByLabel('User name').fill('bob')
  await page.getByRole('button', { name: 'Make the account' }).click()
  await page.locator('#make-user .notice').waitFor()
  await page.getByLabel('User name').fill('eve')
  await page.getByRole('button', { name: 'Make the account' }).click()
  await heading('The account eve is made')
  await page.goto(base + '/admin/newcomers')
  await page.getByRole('button', { name: 'Revoke the invitation the choir' }).click()
  await said('The invitation is revoked.')
}

async function auditLog() {
  await goTo('Audit log')
  await page.getByText('An unfinished upload was ended').last().waitFor()
  await look('audit')
  await page.getByLabel('What', { exact: true }).selectOption('quota_changed')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.getByText('20 MB').waitFor()
  assert.equal(await page.locator('.log li').count(), 1)
}

async function deleting() {
  await page.goto(base + '/admin/users?q=bob')
  await page.getByRole('link', { name: 'bob', exact: true }).click()
  await page.getByRole('link', { name: 'Delete…' }).click()
  await look('delete')
  await page.getByLabel('Type').fill('bob')
  await page.getByRole('button', { name: 'Delete for good' }).click()
  await said('The account is closed.')
}

const pages = { overview: '/admin', users: '/admin/users', uploads: '/admin/uploads', newcomers: '/admin/newcomers', audit: '/admin/audit' }

async function inChinese() {
  await page.goto(base + '/admin')
  await signIn(page)
  await page.waitForURL(base + '/admin')
  for (const [name, address] of Object.entries(pages)) {
    await page.goto(base + address)
    await look(`zh-dark-${name}`)
  }
  await page.goto(base + '/admin/users?q=ann')
  await page.getByRole('link', { name: 'ann', exact: true }).click()
  await page.waitForURL('**/admin/users/*')
  await look('zh-dark-user')
}

async function withoutScript() {
  await page.goto(base + '/admin')
  await signIn(page)
  await page.waitForURL(base + '/admin')
  await page.goto(base + '/admin/users')
  await page.getByRole('link', { name: 'eve', exact: true }).click()
  await ask('Make administrator')
  await said('The account is an administrator')
  await shot(page, picture('plain-user'))
}

const browser = await launch(executablePath)
try {
  await person(browser, picture('failed'), { size, ignore: (what) => /^(400|409) |status of (400|409)/.test(what) }, async (p) => {
    page = p
    for (const does of [overview, accounts, uploads, newcomers, auditLog, deleting]) {
      await does()
      tell(does.name)
    }
  })
  await person(browser, picture('failed-zh'), { size, locale: 'zh-CN', colorScheme: 'dark' }, async (p) => { page = p; await inChinese() })
  await person(browser, picture('failed-plain'), { size, javaScriptEnabled: false }, async (p) => { page = p; await withoutScript() })
  tell('done')
} finally {
  await browser.close()
}
