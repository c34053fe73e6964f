// Uploads a file with tus-js-client and tells on standard output what happens, one JSON object a line.
//
//   node upload.mjs ENDPOINT TOKEN FILE NAME CHUNK
//
// TOKEN is a bearer token, or an Authorization header as a whole.
import { createReadStream } from 'node:fs'
import { Upload } from 'tus-js-client'

const [endpoint, token, file, filename, chunk] = process.argv.slice(2)
const tell = (event, more = {}) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n')
const step = 1 << 20
let told = 0

const upload = new Upload(createReadStream(file), {
  endpoint,
  chunkSize: Number(chunk),
  headers: { Authorization: token.includes(' ') ? token : `Bearer ${token}` },
  metadata: { filename, filetype: 'application/octet-stream' },
  // Longer altogether than a server takes to start. Progress starts the list anew.
  retryDelays: [50, 100, 200, 400, 800, 1600, 3200, 6400, 12800],
  onProgress(bytes) {
    if (bytes < told || bytes >= told + step) {
      told = bytes
      tell('progress', { bytes })
    }
  },
  onChunkComplete: (size, bytes) => tell('accepted', { bytes }),
  onAfterResponse(request, response) {
    if (request.getMethod() === 'HEAD') tell('offset', { status: response.getStatus(), bytes: Number(response.getHeader('Upload-Offset')) })
  },
  onShouldRetry(error) {
    const status = error.originalResponse?.getStatus() ?? 0
    tell('broken', { status, message: String(error.originalRequest?.getMethod()) })
    return Math.floor(status / 100) !== 4 || status === 409 || status === 423 // what tus-js-client does by itself
  },
  onError(error) {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess: () => tell('done', { url: upload.url }),
})
upload.start()
