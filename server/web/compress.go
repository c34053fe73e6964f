package web

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

// newCompress makes what compressed uses: gzip, which every browser takes, also without TLS. Padding hides the exact length.
func newCompress() func(http.Handler) http.HandlerFunc {
	wrap, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(6), gzhttp.EnableZstd(false), gzhttp.RandomJitter(64, 0, false))
	if err != nil { // the options are constants
		panic(err)
	}
	return wrap
}

// compressed runs send with a writer that compresses for who takes it. It is only for an answer that repeats nothing of what was asked for and
// holds no secret: the length of a compressed answer tells what in it is alike, also through TLS (BREACH, CVE-2013-3587).
func (h *Web) compressed(w http.ResponseWriter, r *http.Request, send func(w http.ResponseWriter) error) (err error) {
	h.compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { err = send(w) })).ServeHTTP(w, r)
	return err
}
