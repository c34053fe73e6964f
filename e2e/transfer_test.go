package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// transfer is a tus upload by a client that remembers what it was answered, and holds the server to it.
type transfer struct {
	t       testing.TB
	a       *Account
	name    string
	content []byte
	extra   string // Upload-Concat, say: "Name: value"
	rename  bool   // what is in the way stays, and the file takes the next free name

	address string // of the upload, once it is known
	acked   int64  // the offset that the server answered last
	looked  bool   // whether acked was asked for since the last failure
	done    bool
}

// errServerGone is a request without an answer: the server was killed in the middle.
var errServerGone = errors.New("no answer")

// request sends one tus request. An answer that is not one of the statuses fails the test.
func (u *transfer) request(method, address string, header map[string]string, body []byte, statuses ...int) (reply, error) {
	u.t.Helper()
	r, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		u.t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	answer, err := u.a.Bearer.Do(r)
	if err != nil {
		u.looked = false
		return reply{}, errServerGone
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		u.looked = false
		return reply{}, errServerGone
	}
	for _, status := range statuses {
		if answer.StatusCode == status {
			return reply{answer, string(text)}, nil
		}
	}
	u.t.Errorf("%s of %s at %d: %s %s", method, u.name, u.acked, answer.Status, text)
	return reply{}, fmt.Errorf("%s: %s", method, answer.Status)
}

// step creates the upload, or asks for its offset, or sends a chunk of at most size bytes.
func (u *transfer) step(size int) error {
	u.t.Helper()
	if u.address == "" {
		conflict := "replace"
		if u.rename {
			conflict = "rename"
		}
		header := map[string]string{"Upload-Length": strconv.Itoa(len(u.content)), "Upload-Metadata": "filename " + base64Of(u.name) + ",conflict " + base64Of(conflict)}
		if name, value, ok := strings.Cut(u.extra, ": "); ok {
			header[name] = value
		}
		if strings.HasPrefix(header["Upload-Concat"], "final") {
			delete(header, "Upload-Length")
		}
		answer, err := u.request(http.MethodPost, u.a.s.URL+"/files/", header, nil, http.StatusCreated)
		if err != nil {
			return err
		}
		u.address, u.looked, u.done = answer.Header.Get("Location"), true, len(u.content) == 0 || strings.HasPrefix(header["Upload-Concat"], "final")
		return nil
	}
	if !u.looked {
		return u.look()
	}
	end := min(int(u.acked)+size, len(u.content))
	answer, err := u.request(http.MethodPatch, u.address, map[string]string{
		"Content-Type": "application/offset+octet-stream", "Upload-Offset": strconv.FormatInt(u.acked, 10),
	}, u.content[u.acked:end], http.StatusNoContent)
	if err != nil {
		return err
	}
	return u.moved(answer)
}

// parts is a file that is sent in parts, which are joined at its end.
type parts struct {
	sent  []*transfer
	whole *transfer
}

// inParts cuts what is to be sent at offsets.
func inParts(u *transfer, cuts ...int) *parts {
	p := &parts{whole: u}
	begin := 0
	for _, end := range append(cuts, len(u.content)) {
		p.sent = append(p.sent, &transfer{t: u.t, a: u.a, name: u.name, content: u.content[begin:end], extra: "Upload-Concat: partial"})
		begin = end
	}
	return p
}

// step is transfer's, for the first part that is not there yet. The request that joins them is the same each time.
func (p *parts) step(size int) error {
	p.whole.t.Helper()
	var addresses []string
	for _, part := range p.sent {
		if !part.done {
			return part.step(size)
		}
		addresses = append(addresses, part.address)
	}
	p.whole.extra = "Upload-Concat: final;" + strings.Join(addresses, " ")
	return p.whole.step(size)
}

// look asks where to go on. What was answered once must still be there.
func (u *transfer) look() error {
	u.t.Helper()
	answer, err := u.request(http.MethodHead, u.address, nil, nil, http.StatusOK)
	if err != nil {
		return err
	}
	u.looked = true
	return u.moved(answer)
}

func (u *transfer) moved(answer reply) error {
	u.t.Helper()
	offset, err := strconv.ParseInt(answer.Header.Get("Upload-Offset"), 10, 64)
	if err != nil || offset < u.acked || offset > int64(len(u.content)) {
		u.t.Errorf("%s: Upload-Offset is %q; %d bytes were acknowledged before, %d are to be sent", u.name, answer.Header.Get("Upload-Offset"), u.acked, len(u.content))
		return fmt.Errorf("offset %d", offset)
	}
	u.acked, u.done = offset, offset == int64(len(u.content))
	return nil
}

// check compares the file with what was sent.
func (u *transfer) check() {
	u.t.Helper()
	want := sha256.Sum256(u.content)
	if got, size := u.a.SHA256(u.t, u.name); got != hex.EncodeToString(want[:]) {
		u.t.Errorf("%s: the file has %d bytes with another hash; %d were sent", u.name, size, len(u.content))
	}
}

// fsck fails the test unless rows and bytes agree.
func (s *Server) fsck() {
	s.t.Helper()
	if out, err := s.Command("fsck").CombinedOutput(); err != nil {
		s.t.Errorf("fsck: %v\n%s", err, out)
	}
}

// revive waits for the end of a server that was killed, and starts it anew.
func (s *Server) revive() {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.t.Fatal("the server still runs")
	}
	s.Start()
}
