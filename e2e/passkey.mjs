// Drives Chromium, with a virtual authenticator, through the second factor as a person does. Says what it saw, one
// JSON object a line.
//
//   node passkey.mjs SCENARIO CHROMIUM URL FOLDER WIDTHxHEIGHT LANGUAGE
//
// URL is that of an IP address; passkeys belong to a name, so most of it happens at localhost. FOLDER takes screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { code, launch, password, person, look, register, signIn as fillIn, statuses, tell, touchable, words } from './chromium.mjs'

const [scenario, executablePath, byAddress, folder, size, language] = process.argv.slice(2)
const say = words(language)
const picture = (name) => join(folder, `passkey-${language}-${parseInt(size)}-${name}.png`)
const byName = byAddress.replace('127.0.0.1', 'localhost')
// Who signs in with something wrong is answered with these.
const refused = statuses(400, 401, 403, 422)
const visit = (options, does) => person(browser, picture(`${scenario}-failed`), { size, locale: language, ignore: refused, ...options }, does)

async function screenshot(page, name) {
  await touchable(page, 'main button, main summary, main .button, main nav a', { what: name, least: { width: 0, height: 44 } })
  await look(page, picture(name), { fullPage: true })
}

async function signIn(page, base, name) {
  await page.goto(base + '/login')
  await fillIn(page, name)
}

// ask opens one of the page's forms and fills in who asks.
async function ask(page, within, opener, otp) {
  const place = page.locator(within)
  await place.getByText(opener, { exact: true }).first().click()
  await place.getByLabel(say('proof.password')).filter({ visible: true }).fill(password)
  if (otp) await place.getByLabel(say('proof.code')).filter({ visible: true }).fill(otp)
  return place
}

const settings = (page, base) => page.goto(base + '/account/second-factor')
const signOut = (page) => page.getByRole('button', { name: say('frame.sign-out') }).click()
const codes = (page) => page.locator('#codes code').allTextContents()

const scenarios = {
  // Register a passkey, sign out, sign in with it, use it as a second step, remove it.
  async passkey() {
    await visit({}, async (page, context) => {
      const device = await context.newCDPSession(page)
      await device.send('WebAuthn.enable')
      const { authenticatorId } = await device.send('WebAuthn.addVirtualAuthenticator', {
        options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
      })
      await register(page, byName, 'ann')
      await settings(page, byName)
      await screenshot(page, 'factor-off')
      let form = await ask(page, '#passkeys', say('passkey.add'))
      await form.getByLabel(say('passkey.name')).fill('My phone')
      await screenshot(page, 'passkey-add')
      await form.getByRole('button', { name: say('factor.continue') }).click()
      await page.getByRole('heading', { name: say('factor.recovery.yours') }).waitFor()
      await screenshot(page, 'factor-codes')
      const kept = await codes(page)
      assert.equal(kept.length, 10)
      const { credentials } = await device.send('WebAuthn.getCredentials', { authenticatorId })
      assert.equal(credentials.length, 1)
      assert.equal(credentials[0].rpId, 'localhost')
      assert.ok(credentials[0].isResidentCredential)

      await page.getByRole('link', { name: say('factor.recovery.kept') }).click()
      await page.getByText('My phone').first().waitFor()
      await screenshot(page, 'factor-passkey')
      await page.goto(byName + '/account/password') // this session is from before the passkey
      await page.getByLabel(say('proof.recovery-code')).waitFor()
      await screenshot(page, 'password-passkey')

      await signOut(page)
      await screenshot(page, 'login-passkey')
      await page.getByRole('button', { name: say('passkey.sign-in') }).click()
      await page.waitForURL('**/drive/')
      tell('signed in with a passkey alone')
      await page.goto(byName + '/account/password') // the passkey was just used, so no code is asked for
      await page.locator('#password').fill(password)
      await page.locator('#new-password').fill(password)
      assert.equal(await page.locator('input[name=otp]').count(), 0)
      await page.locator('#new-password').press('Enter')
      await page.getByText(say('password.changed')).waitFor()

      await signOut(page)
      await signIn(page, byName, 'ann')
      await page.getByRole('heading', { name: say('second-step.heading') }).waitFor()
      assert.ok(!(await page.content()).includes(password))
      await screenshot(page, 'second-step')
      await page.getByRole('button', { name: say('passkey.use'), exact: true }).click()
      await page.waitForURL('**/drive/')
      tell('signed in with password and passkey')

      // A person who does not let the device verify them is told, and can try again.
      await signOut(page)
      await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
      await page.getByRole('button', { name: say('passkey.sign-in') }).click()
      await page.getByText(say('passkey.not-used')).waitFor()
      await screenshot(page, 'passkey-refused')
      await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
      await page.getByRole('button', { name: say('passkey.use'), exact: true }).click()
      await page.waitForURL('**/drive/')

      await settings(page, byName)
      form = await ask(page, '#passkeys', `${say('passkey.remove')} My phone`, kept[0])
      await form.getByRole('button', { name: say('passkey.remove'), exact: true }).click()
      await page.getByText(say('passkey.removed')).waitFor()
      await signOut(page)
      await page.getByRole('button', { name: say('passkey.sign-in') }).click()
      await page.getByText(say.problem('This passkey was not accepted.')).waitFor()
      await signIn(page, byName, 'ann')
      await page.waitForURL('**/drive/')
      tell('done')
    })
  },

  // An authenticator app without script, by an IP address, where passkeys are not offered.
  async app() {
    await visit({ javaScriptEnabled: false }, async (page) => {
      await register(page, byAddress, 'ann')
      await settings(page, byAddress)
      await page.getByText(say.problem('Passkeys belong to a name, and this page was opened by an IP address. Open it by its name to use them.')).waitFor()
      let form = await ask(page, '#totp', say('factor.app.set-up'))
      await form.getByRole('button', { name: say('factor.continue') }).click()
      const secret = await page.locator('#enroll code').textContent()
      assert.ok((await page.locator('.qr').boundingBox()).width >= 200)
      await page.getByLabel(say('code.label')).fill(code(secret))
      await page.getByRole('button', { name: say('factor.app.turn-on') }).click()
      const kept = await codes(page)
      assert.equal(kept.length, 10)
      await page.getByRole('link', { name: say('factor.recovery.kept') }).click()
      await signOut(page)
      await signIn(page, byAddress, 'ann')
      await page.getByRole('heading', { name: say('second-step.heading') }).waitFor()
      assert.equal(await page.getByRole('button', { name: say('passkey.use'), exact: true }).count(), 0)
      await page.getByLabel(say('code.label')).fill('000000')
      await page.getByRole('button', { name: say('second-step.sign-in'), exact: true }).click()
      await page.getByText(say.problem('This code is wrong, or was used already.')).waitFor()
      await page.getByLabel(say('code.label')).fill(code(secret, 1))
      await page.getByRole('button', { name: say('second-step.sign-in'), exact: true }).click()
      await page.waitForURL('**/drive/')
      await settings(page, byName) // signed in at another name: not here
      await page.waitForURL('**/login**')
      await signIn(page, byName, 'ann')
      await page.getByLabel(say('code.label')).fill(kept[0])
      await page.getByRole('button', { name: say('second-step.sign-in'), exact: true }).click()
      await settings(page, byName)
      await page.getByText(say('passkey.without-script')).waitFor()
      form = await ask(page, '#totp', say('factor.app.turn-it-off'), kept[1])
      await form.getByRole('button', { name: say('factor.app.turn-off') }).click()
      await page.getByText(say('factor.app.is-off')).waitFor()
      tell('done')
    })
  },

  // What the app's pages look like. Screenshots measure with script.
  async look() {
    await visit({ colorScheme: 'dark' }, async (page) => {
      await register(page, byAddress, 'ann')
      await settings(page, byAddress)
      const form = await ask(page, '#totp', say('factor.app.set-up'))
      await form.getByRole('button', { name: say('factor.continue') }).click()
      await page.locator('#enroll').waitFor()
      await screenshot(page, 'factor-enroll')
      tell('done')
    })
  },
}

const browser = await launch(executablePath)
try {
  await scenarios[scenario]()
} finally {
  await browser.close()
}
