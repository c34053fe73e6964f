// What scenarios in Chromium have in common: starting it, people with profiles of their own, the words of the pages in their language,
// what the browser complains about, and looking at pages. A scenario is a script of this folder; scene in browser_test.go runs it as
//
//   node SCRIPT SCENARIO CHROMIUM URL FOLDER [MORE...]
//
// FOLDER takes screenshots. What it sees it tells on standard output, one JSON object a line, and "done" at its end.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'
import { parse } from 'smol-toml'

const catalogues = new URL('../pages/catalogue/', import.meta.url)
const toml = (file) => parse(readFileSync(new URL(file, catalogues), 'utf8'))
const plurals = ['zero', 'one', 'two', 'few', 'many', 'other']

// words answers say, which has the words that the pages say in a language, "en" or "zh-CN", from their catalogues:
//
//   say('row.choose', { name: 'a.txt' })           Choose a.txt
//   say('folder.removed-many', { count: 2 })       the plural form of a count
//   say('chosen.several', {}, 2)                   what a script fills into each #, from left to right
//   say.problem('This must be {n}.', { n: 3 })     a refusal, by the English sentence under which it is translated
//
// A key that is not there, and a gap without a value, are errors.
export function words(language) {
  const messages = new Map()
  const gather = (table, way) => {
    for (const [name, value] of Object.entries(table)) {
      const key = [...way, name]
      if (typeof value === 'string') messages.set(key.join('.'), { other: value })
      else if (Object.keys(value).every((form) => plurals.includes(form))) messages.set(key.join('.'), value)
      else gather(value, key)
    }
  }
  for (const file of readdirSync(new URL(`${language}/`, catalogues))) if (file !== 'problems.toml') gather(toml(`${language}/${file}`), [])
  const problems = toml('zh-CN/problems.toml')
  const form = new Intl.PluralRules(language)
  const fill = (text, gap, value) => text.replace(gap, (...found) => {
    const filled = value(found[1])
    assert.notEqual(filled, undefined, `nothing is filled into ${found[0]} of ${text}`)
    return filled
  })

  const say = (key, values = {}, ...script) => {
    const message = messages.get(key)
    assert.ok(message, `${language} has no words for ${key}`)
    const text = 'count' in values ? (message[form.select(values.count)] ?? message.other) : message.other
    const said = fill(fill(text, /#/g, () => script.shift()), /\{\{\.([a-z_]+)\}\}/g, (name) => values[name])
    assert.equal(script.length, 0, `${key} has fewer gaps for the script`)
    return said
  }
  say.problem = (sentence, values = {}) => {
    assert.ok(sentence in problems, `no refusal says: ${sentence}`)
    return fill(language === 'en' ? sentence : problems[sentence], /\{([a-z_]+)\}/g, (name) => values[name])
  }
  return say
}

// password is that of every account which the tests make.
export const password = 'correct-horse-battery'

// hostile and hostileFolder are names that become elements and run wherever a page takes them for markup; look sees both.
export const hostile = '"><img src=x onerror=document.title=1>.txt'
export const hostileFolder = '<svg onload=document.title=1>'

export const tell = (event, more = {}) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n')

// launch starts Chromium, which believes in the authority of the tests besides: BELIEVE in the environment is its key's pin.
export const launch = (executablePath) => chromium.launch({
  executablePath,
  args: [...(process.env.BELIEVE ? [`--ignore-certificate-errors-spki-list=${process.env.BELIEVE}`] : []),
    '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--no-first-run'],
})

// profile is a fresh profile, with touch where it is narrower than 600 px. Its complaints are what the browser says of all its pages:
// scripts that throw, a content security policy that is broken, addresses that are not there; those that ignore answers true for are
// expected, and so is that the events of a page are cut when its session ends. size is "WIDTHxHEIGHT". Other options are those of
// Playwright's newContext (locale: 'zh-CN', colorScheme: 'dark').
export async function profile(browser, { size = '360x740', ignore = () => false, ...options } = {}) {
  const [width, height] = size.split('x').map(Number)
  const context = await browser.newContext({ viewport: { width, height }, hasTouch: width < 600, locale: 'en', ...options })
  context.setDefaultTimeout(20_000)
  const complaints = []
  const cut = /ERR_(INCOMPLETE_CHUNKED_ENCODING|HTTP2_PROTOCOL_ERROR) \(.*\/events\b/
  const complain = (what) => cut.test(what) || ignore(what) || complaints.push(what)
  context.on('console', (message) => ['error', 'warning'].includes(message.type()) && complain(`${message.type()}: ${message.text()} (${message.location().url})`))
  context.on('weberror', (error) => complain(`uncaught: ${error.error()}`))
  context.on('response', (response) => response.status() >= 400 && complain(`${response.status()} ${response.request().method()} ${response.url()}`))
  return { context, complaints }
}

// statuses ignores answers with one of the codes, and what the console says of them.
export const statuses = (...codes) => (complaint) => codes.some((code) => complaint.startsWith(`${code} `) || complaint.includes(`with a status of ${code}`))

// person does something in a fresh profile, of which the browser must have nothing to complain. options are profile's. Where it fails,
// what was on the page is kept as the picture.
export async function person(browser, picture, options, does) {
  const { context, complaints } = await profile(browser, options)
  try {
    await does(await context.newPage(), context)
    assert.deepEqual(complaints, [], 'the browser complained')
  } catch (error) {
    await failed(context, picture)
    if (complaints.length > 0) console.error('the browser complained:', complaints)
    throw error
  } finally {
    await context.close()
  }
}

// failed keeps what is on the pages of a profile: as the picture, and as 2-, 3-… before its end if there are more.
export async function failed(context, picture) {
  for (const [i, page] of context.pages().entries()) {
    console.error('it failed at', page.url())
    await page.screenshot({ path: picture.replace(/\.png$/, i > 0 ? `-${i + 1}.png` : '.png'), fullPage: true }).catch(() => {}) // of a page that is dead there is none
  }
}

// shot takes a screenshot of a page where somebody wants to see it (PICTURES); it must not be wider than its window. It works without script too.
export async function shot(page, picture, { fullPage = false } = {}) {
  const [width, room, wide] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth,
    [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML.slice(0, 120))])
  assert.ok(width <= Math.min(room, page.viewportSize().width), `${picture}: the page is ${width} px wide in a window of ${room} because of ${wide.slice(-3).join(' · ')}`)
  if (process.env.PICTURES === '1') await page.screenshot({ path: picture, fullPage })
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

// audited are the pages that axe-core looks at: those of phones, since desktops have the same elements; all, where ALL_VIEWS says so.
const audited = (page) => page.viewportSize().width < 600 || process.env.ALL_VIEWS === '1'

// look is shot, and holds the page against WCAG 2.2 AA as far as axe-core can tell; and no name of a file became an element, or ran.
// foreign is a selector of more elements that the page never has by itself. It needs script.
export async function look(page, picture, { fullPage, foreign } = {}) {
  await shot(page, picture, { fullPage })
  if (audited(page)) await audit(page, picture)
  await intact(page, picture, foreign)
}

async function audit(page, picture) {
  // Playwright's own world is not bound by the page's policy, as an extension is not.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe)
  const { violations } = await page.evaluate((values) => window.axe.run(document, { runOnly: values, resultTypes: ['violations'] }), rules)
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ').slice(0, 400)}`), [], `${picture}: axe-core`)
}

// intact fails where the name of a file, or what else people wrote, became an element or ran. foreign is a selector of more elements that the
// page never has by itself.
export async function intact(page, what, foreign) {
  const never = ['main :is(script, style, base, meta, iframe, object, embed, img[src=x])', foreign].filter(Boolean).join(', ')
  const became = await page.evaluate((never) => [...document.querySelectorAll('*')]
    .filter((e) => e.matches(never) || [...e.attributes].some((a) => a.name.startsWith('on'))).map((e) => e.outerHTML.slice(0, 120)), never)
  assert.deepEqual(became, [], `${what}: a name became an element`)
  assert.notEqual(await page.title(), '1', `${what}: a name ran`)
}

// touchable fails for what the selector finds and a finger does not: visible, and smaller than 44 by 44 px.
export async function touchable(page, selector, { what = page.url(), least = { width: 44, height: 44 } } = {}) {
  const small = await page.evaluate(([selector, least]) => [...document.querySelectorAll(selector)].flatMap((e) => {
    const box = e.getBoundingClientRect()
    const shows = e.checkVisibility({ visibilityProperty: true }) && box.width > 0
    return shows && (box.height < least.height || box.width < least.width) ? [`${e.outerHTML.slice(0, 100)} is ${box.width} by ${box.height} px`] : []
  }), [selector, least])
  assert.deepEqual(small, [], `${what}: too small to be touched`)
}

// register makes an account, in every language and without script too, and ends at its drive.
export async function register(page, base, name = 'ann') {
  await page.goto(`${base}/register`)
  await page.locator('#username').fill(name)
  await page.locator('#password').fill(password)
  await page.locator('#password').press('Enter')
  await page.waitForURL('**/drive**')
}

// signIn fills in the page at which people sign in, where the browser is, in every language. It does not wait for what comes then.
export async function signIn(page, name = 'ann', word = password) {
  await page.locator('#login').fill(name)
  await page.locator('#password').fill(word)
  await page.locator('#password').press('Enter')
}

// listed is the row of a name in the folder that is shown.
export const listed = (page, name) => page.locator('#listing').getByRole('link', { name, exact: true })

// code is what an authenticator app shows (RFC 6238), or will show so many steps later: the server takes the step before and after. A code is
// taken once, so the second one of a test is the next.
export function code(secret, steps = 0) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let bits = ''
  for (const letter of secret) bits += letters.indexOf(letter).toString(2).padStart(5, '0')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps))
  const mac = createHmac('sha1', key).update(counter).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
