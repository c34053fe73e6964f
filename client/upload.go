package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// Upload is one that is under way, begun by any device of the user's.
type Upload struct {
	ID       string       `json:"id"`
	URL      string       `json:"url"`
	Name     string       `json:"name"`
	Folder   string       `json:"folder"`
	Size     *int64       `json:"size"`   // bytes; nil while its client has not told it
	Offset   int64        `json:"offset"` // bytes that the server has for good
	Parts    []UploadPart `json:"parts"`  // where it is joined of some; else nil
	SHA256   *string      `json:"sha256"` // as its client said; nil if it did not
	Modified *time.Time   `json:"modified_at"`
	Created  time.Time    `json:"created_at"`
	Expires  time.Time    `json:"expires_at"`
}

// UploadPart is a run of an upload's bytes that go to an address of their own.
type UploadPart struct {
	URL    string `json:"url"`
	Size   *int64 `json:"size"`
	Offset int64  `json:"offset"`
}

// maxUploads is how many uploads the server lists.
const maxUploads = 1000

// Uploads are those that are under way, newest first; at most 1000.
func (c *Client) Uploads(ctx context.Context) ([]Upload, error) {
	var all struct{ Items []Upload }
	err := c.call(ctx, http.MethodGet, "/api/v1/uploads", url.Values{"limit": {strconv.Itoa(maxUploads)}}, nil, &all, true)
	return all.Items, err
}

// CancelUpload ends an upload with what it has received. One that has ended is no error.
func (c *Client) CancelUpload(ctx context.Context, u Upload) error {
	for _, address := range append([]string{u.URL}, partAddresses(u)...) {
		here, err := c.here(address)
		if err != nil {
			return err
		}
		if err := c.terminate(ctx, here); err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Gone) {
			return err
		}
	}
	return nil
}

func partAddresses(u Upload) []string {
	var all []string
	for _, p := range u.Parts {
		all = append(all, p.URL)
	}
	return all
}

// stretch is a run of a file's bytes that go to one address.
type stretch struct {
	address    string
	start, end int64
}

// transfer is an upload as bytes go to it.
type transfer struct {
	address   string
	joined    bool // it takes no bytes of its own
	stretches []stretch
	fresh     bool  // begun by this run, so all of its bytes are too
	at        int64 // of a fresh one: bytes that went along with its creation
}

// transferOf is how to go on with an upload of a content of a known size. Parts that do not make up the whole are an error.
func (c *Client) transferOf(u Upload, size int64) (transfer, error) {
	address, err := c.here(u.URL)
	if err != nil || u.Parts == nil {
		return transfer{address: address, stretches: []stretch{{address, 0, size}}}, err
	}
	t := transfer{address: address, joined: true}
	at := int64(0)
	for _, p := range u.Parts {
		part, err := c.here(p.URL)
		if err != nil {
			return t, err
		}
		if p.Size == nil || *p.Size < 0 || *p.Size > size-at {
			return t, errNotTheWhole
		}
		t.stretches = append(t.stretches, stretch{part, at, at + *p.Size})
		at += *p.Size
	}
	if at != size {
		return t, errNotTheWhole
	}
	return t, nil
}

var errNotTheWhole = errors.New("the parts of the upload do not make up the file")

// wanted asks for content by its hash.
type wanted struct {
	SHA256   string   `json:"sha256"`
	Size     int64    `json:"size"`
	Name     string   `json:"name"`
	Folder   string   `json:"folder"`
	Conflict Conflict `json:"conflict"`
}

// found is what the server knows of it.
type found struct {
	Status    string  `json:"status"` // complete, partial, challenge or none
	File      *Node   `json:"file"`
	Upload    *Upload `json:"upload"`
	Challenge *struct {
		ID     string `json:"id"`
		Nonce  []byte `json:"nonce"`
		Ranges []struct {
			Offset int64 `json:"offset"`
			Length int64 `json:"length"`
		} `json:"ranges"`
	} `json:"challenge"`
}

// maxProof bounds what a server may want to know of a content, in bytes.
const maxProof = 1 << 20

// lookUp asks whether content has to be sent at all. The server's challenge is answered.
func (c *Client) lookUp(ctx context.Context, content io.ReaderAt, w wanted) (found, error) {
	var f found
	if err := c.call(ctx, http.MethodPost, "/api/v1/uploads/lookup", nil, w, &f, true); err != nil {
		return f, err
	}
	if f.Status != "challenge" || f.Challenge == nil {
		return f, nil
	}
	proof := sha256.New()
	proof.Write(f.Challenge.Nonce)
	left := int64(maxProof)
	for _, r := range f.Challenge.Ranges {
		if left -= r.Length; r.Offset < 0 || r.Length < 0 || left < 0 {
			return f, fault.As(fault.Internal, "client.lookUp", fmt.Errorf("the server's challenge cannot be answered"))
		}
		b := make([]byte, r.Length)
		if _, err := content.ReadAt(b, r.Offset); err != nil {
			return f, shrunk(err)
		}
		proof.Write(b)
	}
	in := map[string]string{"challenge": f.Challenge.ID, "answer": hex.EncodeToString(proof.Sum(nil))}
	var proven found
	err := c.call(ctx, http.MethodPost, "/api/v1/uploads/proof", nil, in, &proven, false)
	switch code, _, _ := fault.Public(err); {
	case err == nil:
		return found{Status: "complete", File: proven.File}, nil
	case code == "proof_failed", code == "proof_not_found", passes(err): // then it is sent
		return found{Status: "none"}, nil
	}
	return f, err
}
