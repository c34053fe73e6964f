package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// Get is a file to fetch.
type Get struct {
	From      Node
	Into      *os.Root // the folder, which nothing leaves
	Name      string   // in it
	Overwrite bool     // what is there and differs; else Exists
	Observe   func(Moment)
}

// partPrefix and partSuffix are around the names of files that are not whole yet.
const (
	partPrefix = ".satchel-"
	partSuffix = ".part"
)

// IsPart reports whether a name is that of a file which Get has not finished.
func IsPart(name string) bool {
	return strings.HasPrefix(name, partPrefix) && strings.HasSuffix(name, partSuffix)
}

// partName says what content is to get which name, so that a later run goes on with it, and with nothing else. Two runs that fetch the same
// write the same bytes to the same places.
func (g Get) partName() string {
	sum := sha256.Sum256([]byte(g.Name + "\x00" + g.From.SHA256))
	return partPrefix + hex.EncodeToString(sum[:12]) + partSuffix
}

// errOtherContent is a file that is not any more what was to be fetched.
var errOtherContent = errors.New("the file on the drive was changed meanwhile")

// Get fetches a file. It takes its name when all of it is there, durable, and has the SHA-256 on record; until then a file beside it
// holds what came, with which the same call goes on. Exists if something else has the name; Full if there is no space here.
func (c *Client) Get(ctx context.Context, g Get) (Done, error) {
	if g.Observe == nil {
		g.Observe = func(Moment) {}
	}
	for anew := 0; ; anew++ {
		done, err := c.getOnce(ctx, g)
		if !errors.Is(err, errOtherContent) || anew+1 >= maxAnew {
			return done, noSpace(err)
		}
		if g.From, err = c.Stat(ctx, g.From.Path); err != nil {
			return done, err
		}
		if g.From.Folder {
			return done, fault.New(fault.Exists, "client.Get", g.From.Path+" has become a folder.")
		}
	}
}

func (c *Client) getOnce(ctx context.Context, g Get) (Done, error) {
	done := Done{How: Moved, Size: g.From.Size, SHA256: g.From.SHA256}
	same, err := g.isThere(ctx)
	if err != nil {
		return done, err
	}
	if same {
		done.How = Same
		return done, g.Into.Chtimes(g.Name, time.Time{}, g.From.Modified)
	}
	name := g.partName()
	if info, err := g.Into.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return done, fmt.Errorf("%s is in the way: it is no regular file", name)
	}
	file, err := g.Into.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return done, err
	}
	r := receiving{c: c, g: g, file: file, done: &done, again: patience{limit: c.o.Patience}}
	err = r.all(ctx)
	if err == nil {
		err = file.Sync()
	}
	if errors.Is(err, errOtherContent) {
		err = errors.Join(err, g.Into.Remove(name))
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return done, err
	}
	return done, g.settle(name)
}

// isThere reports whether the name has the content already.
func (g Get) isThere(ctx context.Context) (bool, error) {
	taken := func(what string) error {
		return fault.New(fault.Exists, "client.Get", what+" is here already and differs. With --overwrite it is replaced.").WithCode("name_taken")
	}
	info, err := g.Into.Lstat(g.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.IsDir():
		return false, fault.New(fault.Exists, "client.Get", "A folder called "+g.Name+" is here already.").WithCode("name_taken")
	case !info.Mode().IsRegular():
		if !g.Overwrite {
			return false, taken(g.Name)
		}
		return false, nil
	}
	if info.Size() == g.From.Size {
		file, err := g.Into.Open(g.Name)
		if err != nil {
			return false, err
		}
		defer file.Close()
		d, err := digestOf(ctx, file, func(n int64) { g.Observe(Moment{Phase: Hashing, At: n}) })
		if err != nil || d.whole == g.From.SHA256 {
			return err == nil, err
		}
	}
	if !g.Overwrite {
		return false, taken(g.Name)
	}
	return false, nil
}

// settle gives what was fetched its name, and the time of the file on the drive.
func (g Get) settle(part string) error {
	if old, err := g.Into.Lstat(g.Name); err == nil && old.Mode().IsRegular() {
		if err := g.Into.Chmod(part, old.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := g.Into.Chtimes(part, time.Time{}, g.From.Modified); err != nil {
		return err
	}
	return g.Into.Rename(part, g.Name)
}

// noSpace says in a sentence that there is no room here.
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &fault.Error{Kind: fault.Full, Op: "client.Get", Code: "no_space_here", Public: "There is no space left on this machine. What came is kept: make room and run the command again.", Err: err}
	}
	return err
}

// receiving is a file on its way down.
type receiving struct {
	c      *Client
	g      Get
	file   *os.File
	stream io.Writer // instead of a file; may be nil
	done   *Done
	again  patience
	sum    hash.Hash
	at     int64 // bytes that are there and in sum
}

func (r *receiving) all(ctx context.Context) error {
	if err := r.resume(ctx); err != nil {
		return err
	}
	for wrong := false; ; {
		if err := r.rest(ctx); err != nil {
			return err
		}
		if hex.EncodeToString(r.sum.Sum(nil)) == r.g.From.SHA256 {
			return nil
		}
		// What an earlier run left may be damaged. What came in one go is not looked at twice.
		if wrong || r.done.Bytes == r.g.From.Size {
			return errors.Join(fmt.Errorf("what came of %s has not the SHA-256 on record", r.g.From.Path), r.restart())
		}
		wrong = true
		if err := r.restart(); err != nil {
			return err
		}
	}
}

// resume takes up what an earlier run left.
func (r *receiving) resume(ctx context.Context) error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > r.g.From.Size {
		return r.restart()
	}
	r.sum = sha256.New()
	buffer := make([]byte, 1<<20)
	for r.at < info.Size() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := r.file.ReadAt(buffer[:min(int64(len(buffer)), info.Size()-r.at)], r.at)
		r.sum.Write(buffer[:n])
		r.at += int64(n)
		r.g.Observe(Moment{Phase: Hashing, At: r.at})
		if err != nil && (err != io.EOF || n == 0) {
			return err
		}
	}
	return nil
}

func (r *receiving) restart() error {
	r.sum, r.at = sha256.New(), 0
	return r.file.Truncate(0)
}

// rest fetches what is missing.
func (r *receiving) rest(ctx context.Context) error {
	for r.at < r.g.From.Size {
		before := r.at
		err := r.take(ctx)
		if err == nil {
			return nil
		}
		if r.at > before {
			r.again.gotOn()
		}
		if fault.Is(err, fault.Precondition) {
			return fmt.Errorf("%w: %w", errOtherContent, err)
		}
		if err := r.again.wait(ctx, err, func(err error, d time.Duration) { r.g.Observe(Moment{Phase: Waiting, Wait: d, Err: err}) }); err != nil {
			return err
		}
	}
	return nil
}

// take asks for the rest once (RFC 9110, section 14), of the very content that is wanted.
func (r *receiving) take(ctx context.Context) error {
	header := map[string]string{"If-Match": r.g.From.ETag}
	if r.at > 0 {
		header["Range"] = fmt.Sprintf("bytes=%d-", r.at)
	}
	answer, err := r.c.do(ctx, request{method: http.MethodGet, path: "/dav" + escape(r.g.From.Path), header: header})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if r.at > 0 {
		begin := "bytes " + strconv.FormatInt(r.at, 10) + "-"
		if answer.StatusCode != http.StatusPartialContent || !strings.HasPrefix(answer.Header.Get("Content-Range"), begin) {
			return fault.As(fault.Internal, "client.Get", fmt.Errorf("the server sends something else than the rest of the file: %s", answer.Status))
		}
	}
	_, err = io.Copy(r, io.LimitReader(answer.Body, r.g.From.Size-r.at))
	if err == nil && r.at < r.g.From.Size {
		err = &lostError{io.ErrUnexpectedEOF, true}
	}
	return err
}

// Write adds bytes that came.
func (r *receiving) Write(p []byte) (int, error) {
	n, err := 0, error(nil)
	if r.stream != nil {
		n, err = r.stream.Write(p)
	} else {
		n, err = r.file.WriteAt(p, r.at)
	}
	r.sum.Write(p[:n])
	r.at += int64(n)
	r.done.Bytes += int64(n)
	r.g.Observe(Moment{Phase: Moving, At: r.at})
	return n, err
}

// Print writes a file's content to a stream, once and in order, and fails at its end if that was not what is on record. A connection that breaks
// goes on where it was; Precondition if the file was changed meanwhile.
func (c *Client) Print(ctx context.Context, from Node, to io.Writer) error {
	r := receiving{
		c: c, g: Get{From: from, Observe: func(Moment) {}}, stream: to, done: &Done{}, again: patience{limit: c.o.Patience}, sum: sha256.New(),
	}
	if err := r.rest(ctx); err != nil {
		return err
	}
	if hex.EncodeToString(r.sum.Sum(nil)) != from.SHA256 {
		return fmt.Errorf("what came of %s has not the SHA-256 on record", from.Path)
	}
	return nil
}
