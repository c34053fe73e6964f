package tus

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/fault"
)

// checksumHeader is the header, or trailer, of the extensions checksum and checksum-trailer.
const checksumHeader = "Upload-Checksum"

// algorithms is what Tus-Checksum-Algorithm lists, in the order of preference.
const algorithms = "sha256,sha512,sha1,md5,crc32c"

func newHash(algorithm string) (hash.Hash, bool) {
	switch algorithm {
	case "sha1":
		return sha1.New(), true
	case "sha256":
		return sha256.New(), true
	case "sha512":
		return sha512.New(), true
	case "md5":
		return md5.New(), true
	case "crc32c":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli)), true
	}
	return nil, false
}

// checked is the body of a request that carries a checksum: it computes every digest that may be asked for
// while the bytes pass, and knows whether the body came to its end. The handler hides that from whom it hands bytes to.
type checked struct {
	io.ReadCloser
	request *http.Request
	want    string // the header; empty when a trailer brings it
	hashes  map[string]hash.Hash
	ended   bool
}

// withChecksum makes r's body verify itself, and answers what tells the result; nil when no checksum was announced.
// Invalid with code "invalid_checksum" for an algorithm that is not known or a value that cannot be.
func withChecksum(r *http.Request) (verify func() error, err error) {
	c := &checked{ReadCloser: r.Body, request: r, hashes: map[string]hash.Hash{}}
	switch {
	case r.Header.Get(checksumHeader) != "":
		c.want = r.Header.Get(checksumHeader)
		algorithm, _, err := parseChecksum(c.want)
		if err != nil {
			return nil, err
		}
		c.hashes[algorithm], _ = newHash(algorithm)
	case announced(r):
		for algorithm := range strings.SplitSeq(algorithms, ",") { // which one it is comes last
			c.hashes[algorithm], _ = newHash(algorithm)
		}
	default:
		return nil, nil
	}
	r.Body = c
	return c.verify, nil
}

// announced reports whether a trailer will bring the checksum.
func announced(r *http.Request) bool {
	_, ok := r.Trailer[checksumHeader]
	return ok
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	for _, h := range c.hashes {
		h.Write(p[:n])
	}
	c.ended = c.ended || err == io.EOF
	return n, err
}

// verify compares. It is called when as many bytes were taken as fit: what follows, or a body that broke off, is refused.
func (c *checked) verify() error {
	if !c.ended {
		var one [1]byte
		switch n, err := io.ReadFull(c.ReadCloser, one[:]); {
		case n > 0:
			return fault.New(fault.TooLarge, "tus.verify", "The body is longer than the upload.").WithCode("upload_too_long")
		case !errors.Is(err, io.EOF):
			return &fault.Error{Kind: fault.Invalid, Op: "tus.verify", Code: "body_truncated", Public: "The body broke off, so its checksum says nothing. Send it again.", Err: err}
		}
	}
	want := c.want
	if want == "" {
		want = c.request.Trailer.Get(checksumHeader)
	}
	algorithm, sum, err := parseChecksum(want)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(c.hashes[algorithm].Sum(nil), sum) != 1 {
		return fault.New(fault.ChecksumMismatch, "tus.verify", "The bytes differ from their checksum. None of them was taken: send them again.")
	}
	return nil
}

// parseChecksum reads "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=".
func parseChecksum(header string) (algorithm string, sum []byte, err error) {
	algorithm, encoded, _ := strings.Cut(strings.TrimSpace(header), " ")
	h, known := newHash(algorithm)
	if !known {
		return "", nil, fault.New(fault.Invalid, "tus.parseChecksum", "Upload-Checksum: the algorithm is not one of "+algorithms+".").WithCode("invalid_checksum")
	}
	sum, err = base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || len(sum) != h.Size() {
		return "", nil, fault.New(fault.Invalid, "tus.parseChecksum", "Upload-Checksum: the checksum is not the algorithm's, in Base64.").WithCode("invalid_checksum")
	}
	return algorithm, sum, nil
}
