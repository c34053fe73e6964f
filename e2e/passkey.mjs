// Drives Chromium, with a virtual authenticator, through the second factor as a person with a small phone does. Says what it saw, one
// JSON object a line.
//
//   node passkey.mjs SCENARIO CHROMIUM URL FOLDER
//
// URL is that of an IP address; passkeys belong to a name, so most of it happens at localhost. FOLDER takes screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { code, launch, password, person, register, shot, signIn as fillIn, statuses, tell, touchable } from './chromium.mjs'

const [scenario, executablePath, byAddress, folder] = process.argv.slice(2)
const byName = byAddress.replace('127.0.0.1', 'localhost')
// Who signs in with something wrong is answered with these.
const refused = statuses(400, 401, 403, 422)
const visit = (options, does) => person(browser, join(folder, `${scenario}-failed.png`), { ignore: refused, ...options }, does)

async function screenshot(page, name) {
  for (const [size, width] of [['phone', 360], ['desk', 1200]]) {
    await page.setViewportSize({ width, height: 740 })
    await touchable(page, 'main button, main summary, main .button, main nav a', { what: name, least: { width: 0, height: 44 } })
    await shot(page, join(folder, `${name}-${size}.png`), { fullPage: true })
  }
  await page.setViewportSize({ width: 360, height: 740 })
}

async function signIn(page, base, name) {
  await page.goto(base + '/login')
  await fillIn(page, name)
}

// ask opens one of the page's forms and fills in who asks.
async function ask(page, within, opener, otp) {
  const place = page.locator(within)
  await place.getByText(opener, { exact: true }).first().click()
  await place.getByLabel('Your password').filter({ visible: true }).fill(password)
  if (otp) await place.getByLabel('A code').filter({ visible: true }).fill(otp)
  return place
}

const settings = (page, base) => page.goto(base + '/account/second-factor')
const signOut = (page) => page.getByRole('button', { name: 'Sign out' }).click()
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
      let form = await ask(page, '#passkeys', 'Add a passkey')
      await form.getByLabel('Name').fill('My phone')
      await screenshot(page, 'passkey-add')
      await form.getByRole('button', { name: 'Continue' }).click()
      await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor()
      await screenshot(page, 'factor-codes')
      const kept = await codes(page)
      assert.equal(kept.length, 10)
      const { credentials } = await device.send('WebAuthn.getCredentials', { authenticatorId })
      assert.equal(credentials.length, 1)
      assert.equal(credentials[0].rpId, 'localhost')
      assert.ok(credentials[0].isResidentCredential)

      await page.getByRole('link', { name: 'I have kept them' }).click()
      await page.getByText('My phone').first().waitFor()
      await screenshot(page, 'factor-passkey')

      await signOut(page)
      await screenshot(page, 'login-passkey')
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.waitForURL('**/drive/')
      tell('signed in with a passkey alone')

      await signOut(page)
      await signIn(page, byName, 'ann')
      await page.getByRole('heading', { name: 'One more step' }).waitFor()
      assert.ok(!(await page.content()).includes(password))
      await screenshot(page, 'second-step')
      await page.getByRole('button', { name: 'Use a passkey' }).click()
      await page.waitForURL('**/drive/')
      tell('signed in with password and passkey')

      // A person who does not let the device verify them is told, and can try again.
      await signOut(page)
      await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByText('No passkey was used').waitFor()
      await screenshot(page, 'passkey-refused')
      await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
      await page.getByRole('button', { name: 'Use a passkey' }).click()
      await page.waitForURL('**/drive/')

      await settings(page, byName)
      form = await ask(page, '#passkeys', 'Remove My phone', kept[0])
      await form.getByRole('button', { name: 'Remove', exact: true }).click()
      await page.getByText('The passkey is removed').waitFor()
      await signOut(page)
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByText('This passkey was not accepted').waitFor()
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
      await page.getByText('opened by an IP address').waitFor()
      let form = await ask(page, '#totp', 'Set it up')
      await form.getByRole('button', { name: 'Continue' }).click()
      const secret = await page.locator('#enroll code').textContent()
      assert.ok((await page.locator('.qr').boundingBox()).width >= 200)
      await page.getByLabel('Code').fill(code(secret, -1))
      await page.getByRole('button', { name: 'Turn on' }).click()
      const kept = await codes(page)
      assert.equal(kept.length, 10)
      await page.getByRole('link', { name: 'I have kept them' }).click()
      await signOut(page)
      await signIn(page, byAddress, 'ann')
      await page.getByRole('heading', { name: 'One more step' }).waitFor()
      assert.equal(await page.getByRole('button', { name: 'Use a passkey' }).count(), 0)
      await page.getByLabel('Code').fill('000000')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByText('This code is wrong').waitFor()
      await page.getByLabel('Code').fill(code(secret))
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.waitForURL('**/drive/')
      await settings(page, byName) // signed in at another name: not here
      await page.waitForURL('**/login**')
      await signIn(page, byName, 'ann')
      await page.getByLabel('Code').fill(kept[0])
      await page.getByRole('button', { name: 'Sign in' }).click()
      await settings(page, byName)
      await page.getByText('Making a passkey needs JavaScript').waitFor()
      form = await ask(page, '#totp', 'Turn it off', kept[1])
      await form.getByRole('button', { name: 'Turn off' }).click()
      await page.getByText('Your authenticator app is off').waitFor()
      tell('done')
    })
  },

  // What the app's pages look like. Screenshots measure with script.
  async look() {
    await visit({ colorScheme: 'dark' }, async (page) => {
      await register(page, byAddress, 'ann')
      await settings(page, byAddress)
      const form = await ask(page, '#totp', 'Set it up')
      await form.getByRole('button', { name: 'Continue' }).click()
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
