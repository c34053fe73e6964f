package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// wire is one connection to a server. It does less than net/http's client, so that the processors are the server's: one
// request at a time, no goroutines.
type wire struct {
	conn   net.Conn
	reader *bufio.Reader
	host   string
	auth   string // the Authorization header, empty for none
	head   []byte // reused
	drain  []byte // reused: what a large answer is read into
	// keep, if set, gets the body of every answer that is no error.
	keep io.Writer
}

// drainSize is how much of a large answer is read at once: enough that the client costs few system calls.
const drainSize = 256 << 10

// requestPatience is how long one request may take: that of the largest body, on a slow disk.
const requestPatience = 3 * time.Minute

func dial(host, auth string) (*wire, error) {
	conn, err := net.DialTimeout("tcp", host, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), host: host, auth: auth}, nil
}

func (w *wire) close() { w.conn.Close() }

// content is a request's body: size bytes, which are block again and again, with the stamp over its beginning.
type content struct {
	size  int64
	stamp []byte
	block []byte
}

// answer is what a request came back with.
type answer struct {
	status int
	header http.Header
	size   int64 // bytes of the body
}

// do sends a request and reads its answer to the end. A status other than those of want is an error that quotes the answer.
func (w *wire) do(method, path string, header []string, body *content, want ...int) (answer, error) {
	if err := w.conn.SetDeadline(time.Now().Add(requestPatience)); err != nil {
		return answer{}, err
	}
	b := fmt.Appendf(w.head[:0], "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, w.host)
	if w.auth != "" {
		b = append(append(append(b, "Authorization: "...), w.auth...), "\r\n"...)
	}
	for _, line := range header {
		b = append(append(b, line...), "\r\n"...)
	}
	if body != nil {
		b = fmt.Appendf(b, "Content-Length: %d\r\n", body.size)
	} else if method == http.MethodPost {
		b = append(b, "Content-Length: 0\r\n"...)
	}
	b = append(b, "\r\n"...)
	if body != nil && body.size <= int64(len(body.block)) { // in one packet with the header
		b = append(b, body.stamp...)
		b = append(b, body.block[len(body.stamp):body.size]...)
		body = nil
	}
	w.head = b
	if _, err := w.conn.Write(b); err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if body != nil {
		if err := w.pour(body); err != nil {
			return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	a, err := w.read(method, want)
	if err != nil {
		err = fmt.Errorf("%s %s: %w", method, path, err)
	}
	return a, err
}

func (w *wire) pour(body *content) error {
	if _, err := w.conn.Write(body.stamp); err != nil {
		return err
	}
	for at := int64(len(body.stamp)); at < body.size; {
		from := at % int64(len(body.block))
		n, err := w.conn.Write(body.block[from:min(int64(len(body.block)), from+body.size-at)])
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// quoted is how much of a wrong answer an error repeats.
const quoted = 300

func (w *wire) read(method string, want []int) (answer, error) {
	asked := &http.Request{Method: method}
	for {
		r, err := http.ReadResponse(w.reader, asked)
		if err != nil {
			return answer{}, err
		}
		if r.StatusCode < 200 {
			continue
		}
		a := answer{status: r.StatusCode, header: r.Header}
		if !slices.Contains(want, r.StatusCode) {
			var start strings.Builder
			_, err := io.Copy(&start, io.LimitReader(r.Body, quoted))
			return a, errors.Join(fmt.Errorf("the answer is %s instead of %d: %s", r.Status, want, start.String()), err, r.Body.Close())
		}
		a.size, err = w.take(r.Body)
		return a, errors.Join(err, r.Body.Close())
	}
}

// take reads a body to its end.
func (w *wire) take(body io.Reader) (n int64, err error) {
	if w.keep != nil {
		return io.Copy(w.keep, body)
	}
	if body == http.NoBody {
		return 0, nil
	}
	if w.drain == nil {
		w.drain = make([]byte, drainSize)
	}
	for {
		m, err := body.Read(w.drain)
		n += int64(m)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
