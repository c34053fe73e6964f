// What the tests have a client do with one file, the same in Node and in a browser. The clients are used as their
// documentation shows: nothing in here makes up for a server.

// perform uploads by what a job says and answers what was seen. world holds the clients of the place: Upload, Uppy, Tus and
// open(job), which answers what is uploaded. progress is called with the bytes that were sent.
export async function perform(job, world, progress = () => {}) {
  const seen = { url: null, created: 0, resumedAt: [], foreign: [], lost: [] }
  const options = {
    endpoint: job.endpoint,
    headers: { Authorization: `Bearer ${job.token}` },
    // Longer altogether than the longest row of cuts. An upload that moved on starts the list anew.
    retryDelays: [0, ...Array(30).fill(40)],
    onAfterResponse: (request, response) => watch(job, seen, request, response),
    ...job.options,
  }
  const source = await world.open(job)
  const end = await (job.client === 'uppy' ? byUppy(job, world, options, source, progress) : byTus(job, world, options, source, progress))
  return { ...seen, ...end }
}

// offsets is the last offset that a server answered, by upload.
const offsets = new Map()

// watch holds a server to what it answered: offsets never go back, and addresses are those of the endpoint.
function watch(job, seen, request, response) {
  const method = request.getMethod()
  const status = response.getStatus()
  if (status < 200 || status > 299) return
  const location = response.getHeader('Location')
  if (method === 'POST' && location) {
    seen.created++
    if (!location.startsWith(job.endpoint)) seen.foreign.push(location)
  }
  const url = location ?? request.getURL()
  const offset = Number.parseInt(response.getHeader('Upload-Offset'), 10)
  if (Number.isNaN(offset)) return
  if (offset < (offsets.get(url) ?? 0)) seen.lost.push(`${url}: ${offset} after ${offsets.get(url)}`)
  offsets.set(url, offset)
  if (method === 'HEAD') seen.resumedAt.push(offset)
}

function byTus(job, { Upload }, options, source, progress) {
  return new Promise((resolve) => {
    let stopped = false
    let again = 0
    const upload = new Upload(source, {
      ...options,
      metadata: { filename: job.name, filetype: 'application/octet-stream', ...job.metadata },
      onError(error) {
        if (stopped) return
        // tus-js-client 4.3.1 tries every request again but the one that joins parallel parts. There a person does it.
        if (job.options?.parallelUploads > 1 && !error.originalRequest && ++again < 10) return upload.start()
        resolve({ end: 'failed', message: String(error), url: upload.url })
      },
      onSuccess: () => resolve({ end: 'done', url: upload.url }),
      async onProgress(bytes) {
        progress(bytes)
        if (job.stopAt === undefined || bytes < job.stopAt || stopped) return
        stopped = true
        const url = upload.url
        try {
          await upload.abort(job.terminate === true)
          resolve({ end: 'stopped', url })
        } catch (error) {
          resolve({ end: 'stopped', url, message: String(error), status: error.originalResponse?.getStatus() })
        }
      },
    })
    if (!job.resume) return upload.start()
    upload.findPreviousUploads().then((previous) => {
      if (previous.length !== 1) return resolve({ end: 'failed', message: `${previous.length} stored uploads` })
      upload.resumeFromPreviousUpload(previous[0])
      upload.start()
    })
  })
}

// byUppy pauses at job.stopAt, and goes on a moment later.
async function byUppy(job, { Uppy, Tus }, { endpoint, ...options }, source, progress) {
  const uppy = new Uppy({ autoProceed: false, meta: job.metadata ?? {} })
  uppy.use(Tus, { endpoint, ...options })
  uppy.addFile({ name: job.name, type: 'application/octet-stream', data: source })
  let paused = false
  uppy.on('upload-progress', (_file, { bytesUploaded }) => {
    progress(bytesUploaded)
    if (job.stopAt === undefined || bytesUploaded < job.stopAt || paused) return
    paused = true
    uppy.pauseAll()
    setTimeout(() => uppy.resumeAll(), 100)
  })
  const { successful, failed } = await uppy.upload()
  if (failed.length > 0) return { end: 'failed', message: String(failed[0].error) }
  if (job.stopAt !== undefined && !paused) return { end: 'failed', message: 'it ended before it could be paused' }
  return { end: 'done', url: successful[0].uploadURL }
}
