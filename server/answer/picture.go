package answer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

// Picture writes an image of our own making. fixed says that the address names the content, so that whoever has it need not ask again;
// nobody else who uses the same browser is served from there, because that has other credentials. Pages of other origins may not show it, unless the header
// says so already.
func Picture(w http.ResponseWriter, r *http.Request, mediaType string, content []byte, fixed bool) {
	sum := sha256.Sum256(content)
	header := w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	if header.Get("Cross-Origin-Resource-Policy") == "" {
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
	}
	header.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	header.Add("Vary", "Cookie, Authorization")
	if fixed {
		header.Set("Cache-Control", "private, max-age=31536000, immutable")
	} else {
		header.Set("Cache-Control", "private, no-cache")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
