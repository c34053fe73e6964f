package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stormClient works in a folder of its own, one request after the other, so it knows what is in there. Each request goes to some node, or to nginx.
//
// An answer may be what it should be, or a refusal, after which nothing may have changed, or be lost or broken. What was asked for is done then or not:
// the client finds out which, and holds the servers to one of the two. Anything else is a wrong answer, which fails the test and ends the client.
type stormClient struct {
	s      *nodeStorm
	folder string
	a      *Account
	random *rand.Rand // of its choices
	pauses *rand.Rand // of its waits, apart, so that refusals change no choice
	has    tree
	sends  []*stormUpload
	sent   map[string]content // by SHA-256
	named  int
	begun  int      // uploads
	first  int      // size of the first one, or 0 for chance
	told   []string // what it asked for last, and the answers
	broken bool     // it saw a wrong answer
}

// stormPatience is how long an answer may take, whatever is down.
const stormPatience = 2 * time.Minute

// stormTold is how many requests are told of, where one got a wrong answer.
const stormTold = 80

func (c *stormClient) wrong(format string, args ...any) {
	c.s.t.Errorf("%s of %s: %s\n%s", c.folder, c.a.Name, fmt.Sprintf(format, args...), strings.Join(c.told, "\n"))
	c.broken = true
}

// stormAnswer is what a request came to. Its status is 0 if the connection broke.
type stormAnswer struct {
	status int
	header http.Header
	body   []byte
	by     string // who answered: the address and the request's name
}

// refused reports whether it is one of the answers that any request may have while something is down or somebody else is at work.
func (a stormAnswer) refused() bool {
	return a.status == 0 || a.status == http.StatusLocked || a.status == http.StatusTooManyRequests || a.status >= 500
}

// uncertain reports whether what was asked for may have been done all the same.
func (a stormAnswer) uncertain() bool { return a.status == 0 || a.status >= 500 }

func (a stormAnswer) String() string {
	return fmt.Sprintf("%d of %s: %.300s", a.status, a.by, a.body)
}

func (c *stormClient) ask(method, location string, header map[string]string, body []byte) stormAnswer {
	return c.compare(method, location, header, body, nil)
}

// compare sends a request to some node. The body of a good answer is compared, unless compare is nil, and not kept.
func (c *stormClient) compare(method, location string, header map[string]string, body, compare []byte) (a stormAnswer) {
	targets := append(c.s.cluster.Nodes[:], c.s.cluster.Front)
	base := targets[c.random.IntN(len(targets))]
	ctx, stop := context.WithTimeout(context.Background(), stormPatience)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, method, base+location, bytes.NewReader(body))
	if err != nil {
		c.wrong("%v", err)
		return a
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	if to := header["Destination"]; to != "" {
		r.Header.Set("Destination", base+to)
	}
	if strings.HasPrefix(location, "/dav/") {
		r.SetBasicAuth(c.a.Name, password)
	} else {
		r.Header.Set("Authorization", "Bearer "+c.a.Token)
	}
	begin := time.Now()
	defer func() {
		c.s.count(method, a.status)
		c.told = append(c.told, fmt.Sprintf("%s %3d ms %s %s%s %v: %d %s", begin.Format("05.000"), time.Since(begin).Milliseconds(), method, base, location, header, a.status, a.header.Get("X-Request-Id")))
		c.told = c.told[max(0, len(c.told)-stormTold):]
	}()
	answer, err := c.s.client.Do(r)
	if err == nil {
		a = stormAnswer{answer.StatusCode, answer.Header, nil, base + " " + answer.Header.Get("X-Request-Id")}
		if right := (&comparing{want: compare}); answer.StatusCode < 300 && compare != nil {
			_, err = io.Copy(right, answer.Body)
			if right.differs || (err == nil && len(right.want) > 0) {
				c.wrong("%s %s: %v: other bytes than what is in the file, %d of %d before the end", method, location, a, len(right.want), len(compare))
			}
		} else {
			a.body, err = io.ReadAll(answer.Body)
		}
		answer.Body.Close()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		c.wrong("%s %s%s: no answer within %v", method, base, location, stormPatience)
	}
	if a.status == http.StatusInternalServerError {
		c.wrong("%s %s: %v", method, location, a) // whatever is down is expected to be, and is told as 503
	}
	if err != nil {
		a.status = 0
	}
	return a
}

// comparing takes the bytes that it wants, and no others.
type comparing struct {
	want    []byte
	differs bool
}

func (w *comparing) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(w.want, p) {
		w.differs = true
		return 0, errors.New("other bytes")
	}
	w.want = w.want[len(p):]
	return len(p), nil
}

func (c *stormClient) dav(p string) string { return escape("/dav/" + c.folder + "/" + p) }

func (c *stormClient) pause() {
	time.Sleep(time.Duration(20+c.pauses.IntN(200)) * time.Millisecond)
}

// insist asks again and again until ok answers true, which it does in the end, because everything that is down comes back.
func (c *stormClient) insist(what string, ok func() bool) {
	for begin := time.Now(); !c.broken && !ok(); c.pause() {
		if time.Since(begin) > stormPatience {
			c.wrong("%s: only refusals for %v", what, stormPatience)
		}
	}
}

// change asks for something over WebDAV after which the folder is like after.
func (c *stormClient) change(after tree, method, location string, header map[string]string, body []byte) {
	switch a := c.ask(method, location, header, body); {
	case a.status == http.StatusCreated || a.status == http.StatusNoContent:
		c.has = after
	case a.uncertain():
		c.settle(method+" "+location, after)
	case a.refused():
		c.pause()
	default:
		c.wrong("%s %s %v: %v", method, location, header, a)
	}
}

// settle finds out whether a change was made whose answer was lost. A node that was killed may have told the database to commit just before: another
// change of the same drive comes after that.
func (c *stormClient) settle(what string, after tree) {
	last := c.s.pool.cut(c.random, 100)
	c.insist("a write after "+what, func() bool {
		a := c.ask(http.MethodPut, c.dav("settled"), nil, c.s.pool.bytes(last))
		if !a.refused() && a.status != http.StatusCreated && a.status != http.StatusNoContent {
			c.wrong("PUT: %v", a)
		}
		return !a.refused()
	})
	c.sent[c.s.pool.sha256(last)] = last
	before := c.has.with("settled", last)
	after = after.with("settled", last)
	now := c.look()
	switch {
	case c.broken:
	case maps.Equal(now, after):
		c.has = after
	case maps.Equal(now, before):
		c.has = before
	default:
		c.wrong("%s was answered by nothing, and neither was it done (%s) nor was it not (%s)", what, now.differs(after), now.differs(before))
	}
}

// look lists the folder and all below it over the API, whose listings tell hashes.
func (c *stormClient) look() tree {
	found := tree{}
	var list func(folder string)
	list = func(folder string) {
		var listing struct {
			Children []struct {
				Name, SHA256 string
				Folder       bool
				Size         int
			}
			Next string
		}
		c.insist("a listing", func() bool {
			a := c.ask(http.MethodGet, escape(path.Join("/api/v1/files/"+c.folder, folder))+"?limit=1000", nil, nil)
			if a.refused() {
				return false
			}
			if a.status != http.StatusOK || json.Unmarshal(a.body, &listing) != nil || listing.Next != "" {
				c.wrong("the listing of %q: %v", folder, a)
			}
			return true
		})
		for _, child := range listing.Children {
			p := path.Join(folder, child.Name)
			if found[p] = folderContent; child.Folder {
				list(p)
				continue
			}
			sent, known := c.sent[child.SHA256]
			if !known || sent.size != child.Size {
				sent = content{-2, child.Size} // of nobody
			}
			found[p] = sent
		}
	}
	list("")
	return found
}

// act does one thing, by chance.
func (c *stormClient) act() {
	files, folders := c.has.paths(false), c.has.paths(true)
	pick := func(of []string) string { return of[c.random.IntN(len(of))] }
	full := len(files) > 12 || c.has.size() > 64<<20
	switch n := c.random.IntN(100); {
	case n < 40:
		c.send(full)
	case n < 48 && !full:
		c.put()
	case n < 62 && len(files) > 0:
		c.read(pick(files))
	case n < 70:
		c.list(pick(append(folders, "")))
	case n < 78 && len(files) > 0:
		c.move(pick(files))
	case n < 84 && len(files) > 0 && !full:
		if from, to := pick(files), c.place(); from != to {
			c.change(c.has.copied(from, to), "COPY", c.dav(from), map[string]string{"Destination": c.dav(to)}, nil)
		}
	case n < 88 && len(folders) < 3:
		to := c.name("d")
		c.change(c.has.with(to, folderContent), "MKCOL", c.dav(to), nil, nil)
	case n < 92 && len(folders) > 0:
		from, to := pick(folders), c.name("d")
		if full || c.random.IntN(3) > 0 {
			c.change(c.has.moved(from, to), "MOVE", c.dav(from), map[string]string{"Destination": c.dav(to)}, nil)
		} else {
			c.change(c.has.copied(from, to), "COPY", c.dav(from), map[string]string{"Destination": c.dav(to)}, nil)
		}
	case n < 94 && len(folders) > 1:
		from := pick(folders)
		c.change(c.has.without(from), http.MethodDelete, c.dav(from), nil, nil)
	case n >= 94 && len(files) > 4 || full:
		from := pick(files)
		c.change(c.has.without(from), http.MethodDelete, c.dav(from), nil, nil)
	}
}

// name is a new one.
func (c *stormClient) name(kind string) string {
	c.named++
	return kind + strconv.Itoa(c.named)
}

// place is a new path, or now and then that of a file.
func (c *stormClient) place() string {
	files, folders := c.has.paths(false), c.has.paths(true)
	switch n := c.random.IntN(6); {
	case n == 0 && len(files) > 0:
		return files[c.random.IntN(len(files))]
	case n < 3 && len(folders) > 0:
		return path.Join(folders[c.random.IntN(len(folders))], c.name("f"))
	}
	return c.name("f")
}

// fresh is new content.
func (c *stormClient) fresh(size int) content {
	made := c.s.pool.cut(c.random, size)
	c.sent[c.s.pool.sha256(made)] = made
	return made
}

func (c *stormClient) put() {
	to, made := c.place(), c.fresh(c.random.IntN(1<<(4+c.random.IntN(18))))
	c.change(c.has.with(to, made), http.MethodPut, c.dav(to), nil, c.s.pool.bytes(made))
}

// move gives a file another path. Onto another file is how programs save.
func (c *stormClient) move(from string) {
	if to := c.place(); to != from {
		c.change(c.has.moved(from, to), "MOVE", c.dav(from), map[string]string{"Destination": c.dav(to)}, nil)
	}
}

// read reads a file, or a range of it.
func (c *stormClient) read(from string) {
	whole := c.s.pool.bytes(c.has[from])
	var header map[string]string
	want, status := whole, http.StatusOK
	if len(whole) > 0 && c.random.IntN(2) == 0 {
		begin := c.random.IntN(len(whole))
		end := begin + c.random.IntN(len(whole)-begin)
		header, want, status = map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", begin, end)}, whole[begin:end+1], http.StatusPartialContent
	}
	if a := c.compare(http.MethodGet, c.dav(from), header, nil, want); !a.refused() && a.status != status {
		c.wrong("GET %s %v: %v", from, header, a)
	}
}

// list compares what WebDAV tells of a folder with what is there.
func (c *stormClient) list(folder string) {
	a := c.ask("PROPFIND", c.dav(folder), map[string]string{"Depth": "1"}, nil)
	if a.refused() {
		c.pause()
		return
	}
	var told struct {
		Responses []struct {
			Href   string `xml:"href"`
			Length string `xml:"propstat>prop>getcontentlength"`
		} `xml:"response"`
	}
	if err := xml.Unmarshal(a.body, &told); a.status != http.StatusMultiStatus || err != nil {
		c.wrong("PROPFIND of %q: %v, %v", folder, a, err)
		return
	}
	var names []string
	for _, r := range told.Responses {
		location, err := url.PathUnescape(r.Href)
		if err != nil {
			c.wrong("PROPFIND of %q tells of %q", folder, r.Href)
			return
		}
		p, ok := strings.CutPrefix(strings.TrimSuffix(location, "/"), "/dav/"+c.folder)
		if p = strings.TrimPrefix(p, "/"); !ok || p == folder {
			continue
		}
		names = append(names, path.Base(p))
		if is := c.has[p]; is.size >= 0 && r.Length != strconv.Itoa(is.size) {
			c.wrong("PROPFIND of %q: %s has %s bytes, want %d", folder, p, r.Length, is.size)
		}
	}
	slices.Sort(names)
	if want := c.has.children(folder); !slices.Equal(names, want) {
		c.wrong("PROPFIND of %q tells of %v, want %v (%s)", folder, names, want, a.by)
	}
}
