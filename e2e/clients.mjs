// Runs upload clients in Node: a job a line on standard input, what was seen of it a line on standard output.
//
//   node clients.mjs STORE
//
// STORE is the file in which tus-js-client keeps the addresses of unfinished uploads.
import { createReadStream, readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { createInterface } from 'node:readline'
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'
import { canStoreURLs, FileUrlStorage, Upload } from 'tus-js-client'
import { perform } from './jobs.mjs'

const [store] = process.argv.slice(2)
const tell = (event) => process.stdout.write(JSON.stringify(event) + '\n')
if (!canStoreURLs) throw new Error('tus-js-client says that it cannot store addresses here')

const world = {
  Upload, Uppy, Tus,
  open(job) {
    if (job.client === 'uppy') return readFileSync(job.file)
    if (job.stream) return createReadStream(job.file).pipe(new PassThrough()) // something without a length
    return createReadStream(job.file)
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line)
  job.options = { urlStorage: new FileUrlStorage(store), ...job.options }
  tell(await perform(job, world, (bytes) => job.progress && tell({ end: '', bytes })))
}
