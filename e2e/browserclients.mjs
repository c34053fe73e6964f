// Runs upload clients in Chromium: a job a line on standard input, what was seen of it a line on standard output.
//
//   node browserclients.mjs CHROMIUM PAGE
//
// PAGE is the address of clientpage.mjs's page. job.reload opens it anew before the job, as a person does who comes back.
import { createInterface } from 'node:readline'
import { launch } from './chromium.mjs'

const [executablePath, address] = process.argv.slice(2)
const browser = await launch(executablePath)
try {
  const page = await browser.newPage()
  let complaints = []
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error}`))
  page.on('console', (message) => message.text().includes('CORS') && complaints.push(message.text()))
  await page.goto(address)
  for await (const line of createInterface({ input: process.stdin })) {
    const job = JSON.parse(line)
    if (job.reload) await page.reload()
    complaints = []
    const seen = await page.evaluate((job) => window.perform(job), job)
    process.stdout.write(JSON.stringify({ ...seen, complaints }) + '\n')
  }
} finally {
  await browser.close()
}
