// Drives Chromium as a person who signs in at an OpenID Connect provider. Says what it did, one JSON object a line.
//
//   node oidc.mjs WIDTHxHEIGHT CHROMIUM URL FOLDER LANGUAGE PROVIDER
//
// FOLDER takes screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, password, person as somebody, shot, signIn, statuses, tell, words } from './chromium.mjs'

const [size, executablePath, base, folder, language, provider] = process.argv.slice(2)
const say = words(language)
const picture = (name) => join(folder, `oidc-${language}-${parseInt(size)}-${name}.png`)
const browser = await launch(executablePath)

// person is somebody whose browser must have nothing to complain about but the statuses named, and the pages of the provider.
function person(codes, does, options = {}) {
  const expected = statuses(...codes)
  const ignore = (complaint) => expected(complaint) || (!complaint.startsWith('uncaught') && !complaint.includes(base))
  return somebody(browser, picture('failed'), { size, locale: language, ignore, ...options }, does)
}

const screenshot = (page, name) => shot(page, picture(name), { fullPage: true })

async function at(page, login) {
  await page.waitForURL(`${provider}/authorize**`)
  await page.getByLabel('Who are you?').fill(login)
  await page.getByRole('button', { name: 'Let me in' }).click()
}

const signedInAs = (page, name) => page.getByRole('link', { name: say('frame.account', { name }) }).waitFor()

try {
  for (const options of [{}, { javaScriptEnabled: false }]) {
    await person([], async (page) => {
      await page.goto(`${base}/drive/?q=1`) // sends to sign in, and back here afterwards
      if (options.javaScriptEnabled !== false) await screenshot(page, 'login')
      await page.getByRole('button', { name: say('elsewhere.continue', { name: 'Acme' }) }).click()
      await at(page, 'mia')
      await page.waitForURL(`${base}/drive/?q=1`)
      await signedInAs(page, 'mia') // the second time it is the same account, and not mia-2
    }, options)
    tell('signed in')
  }

  await person([403], async (page) => {
    await page.goto(`${base}/login`)
    await page.getByRole('button', { name: say('elsewhere.continue', { name: 'Acme' }) }).click()
    await page.waitForURL(`${provider}/authorize**`)
    await page.getByRole('button', { name: 'Rather not' }).click()
    await page.getByText(say.problem('The sign-in at {provider} was cancelled, or {name} does not let you in here.', { provider: 'Acme', name: 'Acme' })).waitFor()
    assert.ok(!(await page.content()).includes('own words'), 'the page repeats what the provider says')
    await screenshot(page, 'cancelled')
    tell('cancelled')
  })

  await person([409], async (page) => {
    await page.goto(`${base}/register`)
    await page.getByLabel(say('register.username')).fill('ann')
    await page.getByLabel(say('register.password')).fill(password)
    await page.getByLabel(say('register.email')).fill('ann@example.org')
    await page.getByRole('button', { name: say('register.make') }).click()
    await signedInAs(page, 'ann')
    await page.getByRole('button', { name: say('frame.sign-out') }).click()

    await page.getByRole('button', { name: say('elsewhere.continue', { name: 'Acme' }) }).click()
    await at(page, 'ann')
    await page.getByText(say.problem('An account here has your e-mail address already. Sign in to it, and link it with {provider} under Account, Sign-in elsewhere.', { provider: 'Acme' })).waitFor()
    await screenshot(page, 'collision')
    tell('collision')

    await signIn(page)
    await signedInAs(page, 'ann')
    await page.goto(`${base}/account/identities`)
    await screenshot(page, 'none')
    await page.getByLabel(say('identity.password')).fill(password)
    await page.getByRole('button', { name: say('identity.link', { name: 'Acme' }) }).click()
    await at(page, 'ann')
    await page.waitForURL(`${base}/account/identities`)
    await page.getByText('ann@example.org').first().waitFor()
    await screenshot(page, 'linked')
    tell('linked')

    await page.getByRole('button', { name: say('frame.sign-out') }).click()
    await page.getByRole('button', { name: say('elsewhere.continue', { name: 'Acme' }) }).click()
    await at(page, 'ann')
    await signedInAs(page, 'ann')
    await page.goto(`${base}/account/identities`)
    await page.getByRole('button', { name: say('identity.unlink') }).click()
    await page.getByText(say('identity.none')).waitFor()
    tell('unlinked')
  })

  await person([403], async (page) => {
    await page.goto(`${base}/login`)
    await screenshot(page, 'login-dark')
    await page.getByRole('button', { name: say('elsewhere.continue', { name: 'Acme' }) }).click()
    await at(page, 'mia')
    await signedInAs(page, 'mia')
    await page.goto(`${base}/account/identities`)
    await screenshot(page, 'linked-dark')
    await page.getByRole('button', { name: say('identity.unlink') }).click()
    await page.getByText(say.problem('Nothing else opens this account. Give it a password first.')).waitFor()
    await screenshot(page, 'last')
    tell('the last one stays')
  }, { colorScheme: 'dark' })
  tell('done')
} finally {
  await browser.close()
}
