// Drives Chromium as a person with a small phone who signs in at an OpenID Connect provider. Says what it did, one JSON object a line.
//
//   node oidc.mjs SCENARIO CHROMIUM URL FOLDER PROVIDER
//
// FOLDER takes screenshots.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { launch, password, person as somebody, shot, signIn, statuses, tell } from './chromium.mjs'

const [, executablePath, base, folder, provider] = process.argv.slice(2)
const browser = await launch(executablePath)

// person is somebody whose browser must have nothing to complain about but the statuses named, and the pages of the provider.
function person(codes, does, options = {}) {
  const expected = statuses(...codes)
  const ignore = (complaint) => expected(complaint) || (!complaint.startsWith('uncaught') && !complaint.includes(base))
  return somebody(browser, join(folder, 'oidc-failed.png'), { ignore, ...options }, does)
}

const screenshot = (page, name) => shot(page, join(folder, `oidc-${name}.png`), { fullPage: true })

async function at(page, login) {
  await page.waitForURL(`${provider}/authorize**`)
  await page.getByLabel('Who are you?').fill(login)
  await page.getByRole('button', { name: 'Let me in' }).click()
}

const signedInAs = (page, name) => page.getByRole('link', { name: `Account of ${name}` }).waitFor()

try {
  for (const options of [{}, { javaScriptEnabled: false }]) {
    await person([], async (page) => {
      await page.goto(`${base}/drive/?q=1`) // sends to sign in, and back here afterwards
      if (options.javaScriptEnabled !== false) await screenshot(page, 'login')
      await page.getByRole('button', { name: 'Continue with Acme' }).click()
      await at(page, 'mia')
      await page.waitForURL(`${base}/drive/?q=1`)
      await signedInAs(page, 'mia') // the second time it is the same account, and not mia-2
    }, options)
    tell('signed in')
  }

  await person([403], async (page) => {
    await page.goto(`${base}/login`)
    await page.getByRole('button', { name: 'Continue with Acme' }).click()
    await page.waitForURL(`${provider}/authorize**`)
    await page.getByRole('button', { name: 'Rather not' }).click()
    await page.getByText('was cancelled').waitFor()
    assert.ok(!(await page.content()).includes('own words'), 'the page repeats what the provider says')
    await screenshot(page, 'cancelled')
    tell('cancelled')
  })

  await person([409], async (page) => {
    await page.goto(`${base}/register`)
    await page.getByLabel('User name').fill('ann')
    await page.getByLabel('Password').fill(password)
    await page.getByLabel('E-mail').fill('ann@example.org')
    await page.getByRole('button', { name: 'Make the account' }).click()
    await signedInAs(page, 'ann')
    await page.getByRole('button', { name: 'Sign out' }).click()

    await page.getByRole('button', { name: 'Continue with Acme' }).click()
    await at(page, 'ann')
    await page.getByText('has your e-mail address already').waitFor()
    await screenshot(page, 'collision')
    tell('collision')

    await signIn(page)
    await signedInAs(page, 'ann')
    await page.goto(`${base}/account/identities`)
    await screenshot(page, 'none')
    await page.getByLabel('Your password here').fill(password)
    await page.getByRole('button', { name: 'Link with Acme' }).click()
    await at(page, 'ann')
    await page.waitForURL(`${base}/account/identities`)
    await page.getByText('ann@example.org').first().waitFor()
    await screenshot(page, 'linked')
    tell('linked')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Continue with Acme' }).click()
    await at(page, 'ann')
    await signedInAs(page, 'ann')
    await page.goto(`${base}/account/identities`)
    await page.getByRole('button', { name: 'Unlink' }).click()
    await page.getByText('No account elsewhere opens this one.').waitFor()
    tell('unlinked')
  })

  await person([403], async (page) => {
    await page.goto(`${base}/login`)
    await screenshot(page, 'login-wide')
    await page.getByRole('button', { name: 'Continue with Acme' }).click()
    await at(page, 'mia')
    await signedInAs(page, 'mia')
    await page.goto(`${base}/account/identities`)
    await screenshot(page, 'linked-wide-dark')
    await page.getByRole('button', { name: 'Unlink' }).click()
    await page.getByText('Nothing else opens this account').waitFor()
    await screenshot(page, 'last')
    tell('the last one stays')
  }, { size: '1280x800', colorScheme: 'dark' })
  tell('done')
} finally {
  await browser.close()
}
