package e2e

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// stormUpload is an upload of a stormClient. Every request of it may go to another node.
type stormUpload struct {
	name    string
	content content
	parts   []*stormUpload // that it is joined of
	partial bool

	address string // the path of its address, once it is known
	acked   int    // the offset that was answered last
	looked  bool   // whether that was asked for since the last failure
	done    bool
}

// stormSize is how large an upload is: mostly small, sometimes more than two parts of an upload to S3.
func (c *stormClient) stormSize() int {
	n := c.random.IntN(100)
	if c.begun++; c.begun == 1 && c.first > 0 {
		return c.first
	}
	switch {
	case n < 50:
		return 1 + c.random.IntN(64<<10)
	case n < 80:
		return 64<<10 + c.random.IntN(2<<20)
	case n < 95:
		return 2<<20 + c.random.IntN(8<<20)
	}
	return 20<<20 + c.random.IntN(4<<20)
}

// send begins an upload, or goes on with one.
func (c *stormClient) send(full bool) {
	if len(c.sends) < 2 && !full && (len(c.sends) == 0 || c.random.IntN(3) == 0) {
		u := &stormUpload{name: c.name("f"), content: c.fresh(c.stormSize())}
		if files := c.has.paths(false); len(files) > 0 && c.random.IntN(5) == 0 {
			if name := files[c.random.IntN(len(files))]; !strings.Contains(name, "/") {
				u.name = name // another one's place
			}
		}
		if u.content.size > 100<<10 && c.random.IntN(3) == 0 {
			cuts := []int{1 + c.random.IntN(u.content.size-1), 1 + c.random.IntN(u.content.size-1)}
			slices.Sort(cuts)
			begin := 0
			for _, end := range append(cuts, u.content.size) {
				if end > begin {
					u.parts = append(u.parts, &stormUpload{name: u.name, content: content{u.content.at + begin, end - begin}, partial: true})
				}
				begin = end
			}
		}
		c.sends = append(c.sends, u)
	}
	if len(c.sends) == 0 {
		return
	}
	u := c.sends[c.random.IntN(len(c.sends))]
	if c.step(u); u.done {
		c.sends = slices.DeleteFunc(c.sends, func(other *stormUpload) bool { return other == u })
	}
}

// step makes an upload, or asks for its offset, or sends a piece.
func (c *stormClient) step(u *stormUpload) {
	for _, part := range u.parts {
		if !part.done {
			c.step(part)
			return
		}
	}
	switch {
	case u.parts != nil:
		// Whether it was joined, though its answer was lost, is asked by asking again.
		c.insist("a join", func() bool { return c.create(u) })
	case u.address == "":
		c.create(u)
	case !u.looked:
		if !c.offset(u) {
			c.pause()
		}
	default:
		c.patch(u)
	}
}

// create answers false for a refusal. An upload whose answer is lost is made anew: the first one is left for the end of the storm.
func (c *stormClient) create(u *stormUpload) bool {
	metadata := []string{"filename " + base64Of(u.name), "folder " + base64Of("/"+c.folder), "conflict " + base64Of("replace"), "sha256 " + base64Of(c.s.pool.sha256(u.content))}
	header := map[string]string{"Upload-Length": strconv.Itoa(u.content.size), "Upload-Metadata": strings.Join(metadata, ",")}
	if u.partial {
		header["Upload-Concat"] = "partial"
	}
	if u.parts != nil {
		delete(header, "Upload-Length")
		var addresses []string
		for _, part := range u.parts {
			addresses = append(addresses, part.address)
		}
		header["Upload-Concat"] = "final;" + strings.Join(addresses, " ")
	}
	a := c.tus(http.MethodPost, "/files/", header, nil)
	location, err := url.Parse(a.header.Get("Location"))
	switch {
	case a.refused():
		c.pause()
		return false
	case a.status != http.StatusCreated || err != nil || !strings.HasPrefix(location.Path, "/files/"):
		c.wrong("POST of %s: %v", u.name, a)
		return true
	}
	u.address, u.looked = location.Path, true
	if u.parts != nil {
		c.arrived(u)
	}
	return true
}

func (c *stormClient) tus(method, location string, header map[string]string, body []byte) stormAnswer {
	header["Tus-Resumable"] = "1.0.0"
	return c.ask(method, location, header, body)
}

// offset asks how far an upload is, and answers false for a refusal. What was acknowledged is there.
func (c *stormClient) offset(u *stormUpload) bool {
	a := c.tus(http.MethodHead, u.address, map[string]string{}, nil)
	if a.refused() {
		return false
	}
	if a.status != http.StatusOK {
		c.wrong("HEAD of %s at %d of %d: %v", u.name, u.acked, u.content.size, a)
		return true
	}
	u.looked = true
	c.moved(u, a, u.content.size)
	return true
}

func (c *stormClient) patch(u *stormUpload) {
	end := min(u.content.size, u.acked+1+c.random.IntN(min(u.content.size, 8<<20)))
	piece := c.s.pool.bytes(u.content)[u.acked:end]
	header := map[string]string{"Content-Type": octets, "Upload-Offset": strconv.Itoa(u.acked)}
	if c.random.IntN(4) == 0 {
		sum := sha1.Sum(piece)
		header["Upload-Checksum"] = "sha1 " + base64.StdEncoding.EncodeToString(sum[:])
	}
	a := c.tus(http.MethodPatch, u.address, header, piece)
	switch {
	case a.status == http.StatusNoContent:
		c.moved(u, a, end)
	case a.refused() || a.status == http.StatusConflict:
		u.looked = false
		c.pause()
		if end == u.content.size { // it may be in the folder by now
			c.insist("the offset of what may be done", func() bool { return c.offset(u) })
		}
	default:
		c.wrong("PATCH of %s at %d of %d: %v", u.name, u.acked, u.content.size, a)
	}
}

func (c *stormClient) moved(u *stormUpload, a stormAnswer, most int) {
	offset, err := strconv.Atoi(a.header.Get("Upload-Offset"))
	if err != nil || offset < u.acked || offset > most {
		c.wrong("%s: the offset is %q; %d bytes were acknowledged, %d sent (%v)", u.name, a.header.Get("Upload-Offset"), u.acked, most, a)
		return
	}
	if u.acked = offset; offset == u.content.size {
		c.arrived(u)
	}
}

// arrived says that all bytes are there. Those of a part are no file yet.
func (c *stormClient) arrived(u *stormUpload) {
	if u.done = true; !u.partial {
		c.has = c.has.with(u.name, u.content)
		c.s.finished(u.content.size)
	}
}

// finishAll sends what is still open of its own to its end.
func (c *stormClient) finishAll() {
	for _, u := range c.sends {
		c.insist(fmt.Sprintf("the rest of %s, at %d of %d", u.name, u.acked, u.content.size), func() bool {
			for range 100 {
				if c.step(u); u.done || c.broken {
					return true
				}
			}
			return false
		})
	}
	c.sends = nil
}
