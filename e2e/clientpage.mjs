// The script of a page of another origin, which is bundled by the test and driven by browserclients.mjs.
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'
import { Upload } from 'tus-js-client'
import { perform } from './jobs.mjs'

const world = {
  Upload, Uppy, Tus,
  async open(job) {
    const content = await (await fetch(job.file)).blob()
    if (job.stream) return content.stream().getReader() // something without a length
    // The same file each time: tus-js-client knows it by name, time and size.
    return new File([content], job.name, { type: 'application/octet-stream', lastModified: 1_600_000_000_000 })
  },
}

window.perform = (job) => perform(job, world)
