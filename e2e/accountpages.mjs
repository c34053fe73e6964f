// A person registers in Chromium, and walks every page of the account to its end: profile, password, devices, app passwords, the second
// factor, shared links, activity, data, and leaving. Each page is looked at by axe-core, its buttons keep to one line, and in Chinese no
// English is left on it.
//
//   node accountpages.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE
//
// FOLDER takes screenshots. What is filled in and sent is found by its name, not by words, so that it is the same in each language.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { code, launch, look as lookAt, password, person, register, signIn, statuses, tell, touchable } from './chromium.mjs'

const [size, executablePath, byAddress, folder, language] = process.argv.slice(2)
const base = byAddress.replace('127.0.0.1', 'localhost') // passkeys belong to a name
const chinese = language === 'zh-CN'
const newPassword = 'another horse, another battery'
let page

const picture = (name) => join(folder, `account-${language}-${parseInt(size)}-${name}.png`)

// sameEverywhere are words that Chinese pages spell in Latin letters.
const sameEverywhere = ['Satchel', 'WebDAV', 'ZIP', 'TOTP', 'PIN', 'JavaScript', 'ann', 'anna']

async function look(name) {
  await lookAt(page, picture(name), { fullPage: true })
  await touchable(page, 'main button, main summary, main .button, main nav a', { what: name, least: { width: 0, height: 44 } })
  const wrapped = await page.evaluate(() => [...document.querySelectorAll('button, .button')].filter((e) => e.checkVisibility()).flatMap((e) => {
    const lines = new Set()
    for (const texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT); texts.nextNode();) {
      if (texts.currentNode.parentElement.closest('.unseen')) continue // for who hears it
      const text = document.createRange()
      text.selectNodeContents(texts.currentNode)
      for (const r of text.getClientRects()) if (r.width > 1) lines.add(Math.round(r.bottom / 8))
    }
    return lines.size > 1 || e.scrollWidth > e.clientWidth + 1 ? [e.textContent.trim()] : []
  }))
  assert.deepEqual(wrapped, [], `${name}: buttons that do not fit into a line`)
  if (!chinese) return
  const words = await page.evaluate((known) => {
    const copy = document.body.cloneNode(true)
    // What people typed or the server made, and languages in their own name.
    for (const e of copy.querySelectorAll('script, svg, bdi, code, time, .codes, [lang]')) e.remove()
    const read = [copy.textContent, ...[...copy.querySelectorAll('[alt], [placeholder], [title], [aria-label]')]
      .flatMap((e) => ['alt', 'placeholder', 'title', 'aria-label'].map((a) => e.getAttribute(a) ?? ''))]
    return [document.title, ...read].join(' ').match(/[A-Za-z]{2,}/g)?.filter((w) => !known.includes(w)) ?? []
  }, sameEverywhere)
  assert.deepEqual(words, [], `${name}: not in Chinese`)
}

const go = (path) => page.goto(base + '/account' + path)
const form = (action) => page.locator(`form:has(input[name=action][value="${action}"])`)
const send = (within) => within.locator('button[type=submit]').last().click()

async function comingIn() {
  await page.goto(base + '/login')
  assert.equal(await page.locator('html').getAttribute('lang'), language)
  await look('login')
  await page.goto(base + '/register')
  await look('register')
  await page.locator('#username').fill('a b')
  await page.locator('#password').fill(password)
  await page.locator('#password').press('Enter')
  await page.locator('#username-problem').waitFor()
  await look('register-refused')
  await page.goto(base + '/forgot')
  await look('forgot')
  await register(page, base, 'ann')
  await go('')
  await look('account')
}

async function profile() {
  await go('/profile')
  await look('profile')
  await page.locator('#username').fill('anna')
  await page.locator('#username-password').fill(password)
  await send(form('username'))
  await page.locator('.notice.good').waitFor()
  await look('profile-saved')
  await page.locator('#username').fill('ann')
  await page.locator('#username-password').fill(password)
  await send(form('username'))
  await page.locator('.notice.good').waitFor()
}

async function changingThePassword() {
  await go('/password')
  await look('password')
  for (const [present, what] of [['wrong', '#problem'], [password, '.notice.good']]) {
    await page.locator('#password').fill(present)
    await page.locator('#new-password').fill(newPassword)
    await page.locator('#new-password').press('Enter')
    await page.locator(what).waitFor()
    await look(`password-${what.slice(1).replace('.', '-')}`)
  }
}

async function appPasswords() {
  await go('/app-passwords')
  await look('app-passwords')
  await page.locator('#name').fill('phone & <b>')
  await page.locator('#days').selectOption('90')
  await page.locator('input[name=read_only]').check()
  if (await page.locator('#password').count()) await page.locator('#password').fill(newPassword)
  await send(form('make'))
  await page.locator('#made-password').waitFor()
  await look('app-password-made')
  await page.locator('.made .button').click()
  await page.locator('.rows li').waitFor()
  await look('app-password-listed')
  await send(form('revoke'))
  await page.locator('.notice.good').waitFor()
  await look('app-password-removed')
}

async function secondFactor() {
  await go('/second-factor')
  await look('factor-off')
  const app = page.locator('#totp')
  await app.locator('summary').click()
  await page.locator('#passkeys summary').click()
  await look('factor-asks')
  await app.locator('input[name=password]').fill(newPassword)
  await send(app)
  const secret = await page.locator('#enroll input[name=secret]').inputValue()
  await look('factor-enroll')
  await page.locator('#code').fill('000000')
  await page.locator('#code').press('Enter')
  await page.locator('#problem').waitFor()
  await page.locator('#code').fill(code(secret))
  await page.locator('#code').press('Enter')
  await page.locator('#codes').waitFor()
  const [recovery, another] = await page.locator('#codes code').allTextContents()
  await look('factor-codes')
  await page.locator('#codes .button').click()
  await page.locator('#recovery').waitFor()
  await look('factor-on')

  await page.locator('form[action="/logout"] button').click()
  await page.waitForURL('**/login')
  await signIn(page, 'ann', newPassword)
  await page.locator('#otp').waitFor()
  await look('second-step')
  await page.locator('#otp').fill(code(secret, 1))
  await page.locator('#otp').press('Enter')
  await page.waitForURL('**/drive**')

  await go('/password')
  await look('password-factor')
  for (const [proof, what] of [['none', '#problem'], [another, '.notice.good']]) {
    await page.locator('#password').fill(newPassword)
    await page.locator('#new-password').fill(newPassword)
    await page.locator('#otp').fill(proof)
    await page.locator('#otp').press('Enter')
    await page.locator(what).waitFor()
    await look(`password-factor-${what.slice(1).replace('.', '-')}`)
  }
  for (const [path, of] of [['/profile', '#username-otp'], ['/data/delete', '#otp']]) {
    await go(path)
    await page.locator(of).waitFor()
    await look(path.split('/').at(-1) + '-factor')
  }

  await go('/second-factor')
  await page.locator('#totp summary').click()
  await page.locator('#totp input[name=password]').fill(newPassword)
  await page.locator('#totp input[name=otp]').fill(recovery)
  await send(page.locator('#totp'))
  await page.locator('.notice.good').waitFor()
  await look('factor-off-again')
}

// A passkey is asked for, and nobody touches the device.
async function passkey(context) {
  const device = await context.newCDPSession(page)
  await device.send('WebAuthn.enable')
  await device.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', automaticPresenceSimulation: false } })
  await go('/second-factor')
  await page.locator('#passkeys summary').click()
  await page.locator('#passkeys input[name=name]').fill('phone')
  await page.locator('#passkeys input[name=password]').fill(newPassword)
  await send(page.locator('#passkeys'))
  await page.locator('form#passkey').waitFor()
  await look('passkey')
}

async function devices(browser) {
  const elsewhere = await browser.newContext({ userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0' })
  for (let i = 0; i < 2; i++) {
    const other = await elsewhere.newPage()
    await elsewhere.clearCookies()
    await other.goto(base + '/login')
    await signIn(other, 'ann', newPassword)
    await other.waitForURL('**/drive**')
  }
  await elsewhere.close()
  await go('/sessions')
  await look('sessions')
  await form('end').first().locator('button').click()
  await page.locator('.notice.good').waitFor()
  await look('session-ended')
  await form('end-others').locator('button').click()
  await page.locator('.notice.good').waitFor()
  await look('sessions-ended')
}

async function rest() {
  for (const part of ['shares', 'activity', 'data']) {
    await go('/' + part)
    await look(part)
  }
}

async function leaving() {
  await go('/data')
  await page.locator('main a[href="/account/data/delete"]').click()
  await page.locator('#password').waitFor()
  await look('leave')
  await page.locator('#password').fill('wrong')
  await page.locator('#password').press('Enter')
  await page.locator('#problem').waitFor()
  await look('leave-refused')
  await page.locator('#password').fill(newPassword)
  await page.locator('#password').press('Enter')
  await page.locator('main a[href="/login"]').waitFor()
  await look('farewell')
}

const browser = await launch(executablePath)
try {
  // Who fills in something wrong is answered with these.
  await person(browser, picture('failed'), { size, locale: language, ignore: statuses(400, 401, 403, 422) }, async (opened, context) => {
    page = opened
    for (const step of [comingIn, profile, changingThePassword, appPasswords, secondFactor, devices, rest, passkey, leaving]) {
      await step(step === devices ? browser : context)
      tell(step.name)
    }
  })
  tell('done')
} finally {
  await browser.close()
}
