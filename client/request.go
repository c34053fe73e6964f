package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// maxAnswer bounds what is read of an answer that is not a file's content: a page of 1000 names with paths of 4096 bytes fits.
const maxAnswer = 16 << 20

// request is what is asked. Its path is escaped.
type request struct {
	method, path string
	query        url.Values
	header       map[string]string
	body         []byte
	sent         func(n int) // told as the body leaves; may be nil
}

// do sends a request once, or twice where a token had to be renewed in between. An answer from 300 on is an error: a fault with the
// server's own sentence. The caller closes the answer's body.
func (c *Client) do(ctx context.Context, q request) (*http.Response, error) {
	answer, used, err := c.once(ctx, q)
	if !fault.Is(err, fault.Unauthenticated) || used == "" {
		return answer, err
	}
	again, renewing := c.credentials.renew(ctx, c, used)
	if renewing != nil {
		return nil, renewing
	}
	if !again {
		return nil, err
	}
	answer, _, err = c.once(ctx, q)
	return answer, err
}

func (c *Client) once(ctx context.Context, q request) (answer *http.Response, used string, err error) {
	whole := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(standstill, func() { cancel(errStandstill) })
	address := c.server.String() + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	body := &outgoing{content: bytes.NewReader(q.body), watch: watch, sent: q.sent}
	r, err := http.NewRequestWithContext(ctx, q.method, address, body)
	if err != nil {
		cancel(nil)
		return nil, "", fault.As(fault.Invalid, "client.request", err)
	}
	if r.ContentLength = int64(len(q.body)); r.ContentLength == 0 {
		r.Body = nil
		watch.Stop()
	}
	r.Header.Set("User-Agent", c.o.Agent)
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	if used, err = c.credentials.authorize(ctx, c, r); err != nil {
		watch.Stop()
		cancel(nil)
		return nil, used, err
	}
	answer, err = c.http.Do(r)
	watch.Stop()
	if err != nil {
		cause := context.Cause(ctx)
		cancel(nil)
		if whole.Err() != nil {
			return nil, used, whole.Err() // whoever asked does not want it any more
		}
		return nil, used, c.lost(err, cause)
	}
	answer.Body = &incoming{ReadCloser: answer.Body, cancel: cancel, whole: whole, watch: time.AfterFunc(standstill, func() { cancel(errStandstill) })}
	if answer.StatusCode >= http.StatusMultipleChoices {
		defer answer.Body.Close()
		return nil, used, c.refusal(answer)
	}
	return answer, used, nil
}

var errStandstill = errors.New("nothing moved for a minute")

// lost is the error of a request that got no answer.
func (c *Client) lost(err, cause error) error {
	if cause != nil {
		err = cause
	}
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err // without the URL around it
	}
	var dial *net.OpError
	begun := !errors.As(err, &dial) || dial.Op != "dial"
	return &lostError{fmt.Errorf("%s: %w", c.server.Host, err), begun}
}

// outgoing is a body on its way; one that stands still is cut.
type outgoing struct {
	content *bytes.Reader // no part of it: its WriteTo would send all at once
	watch   *time.Timer
	sent    func(int)
}

func (o *outgoing) Read(p []byte) (int, error) {
	n, err := o.content.Read(p[:min(len(p), 64<<10)])
	if o.content.Len() == 0 {
		o.watch.Stop() // from now on the answer is waited for
	} else {
		o.watch.Reset(standstill)
	}
	if o.sent != nil {
		o.sent(n)
	}
	return n, err
}

func (o *outgoing) Close() error { return nil }

// incoming is the body of an answer; one that stands still is cut.
type incoming struct {
	io.ReadCloser
	whole  context.Context // of whoever asked
	cancel context.CancelCauseFunc
	watch  *time.Timer
}

func (i *incoming) Read(p []byte) (int, error) {
	n, err := i.ReadCloser.Read(p)
	i.watch.Reset(standstill)
	if err != nil && err != io.EOF {
		if i.whole.Err() != nil {
			return n, i.whole.Err()
		}
		err = &lostError{err, true}
	}
	return n, err
}

func (i *incoming) Close() error {
	i.watch.Stop()
	err := i.ReadCloser.Close()
	i.cancel(nil)
	return err
}

// kinds are what statuses mean (fault's own table, read backwards).
func kindOf(status int) fault.Kind {
	switch status {
	case http.StatusUnauthorized:
		return fault.Unauthenticated
	case http.StatusForbidden:
		return fault.Forbidden
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return fault.NotFound
	case http.StatusConflict:
		return fault.Exists
	case http.StatusGone:
		return fault.Gone
	case http.StatusRequestTimeout:
		return fault.Timeout
	case http.StatusPreconditionFailed:
		return fault.Precondition
	case http.StatusRequestEntityTooLarge:
		return fault.TooLarge
	case http.StatusLocked:
		return fault.Locked
	case statusChecksumMismatch:
		return fault.ChecksumMismatch
	case http.StatusTooManyRequests:
		return fault.TooMany
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fault.Busy
	case http.StatusInsufficientStorage:
		return fault.Full
	}
	if status >= http.StatusInternalServerError {
		return fault.Internal
	}
	return fault.Invalid
}

// refusal is the error that an answer is.
func (c *Client) refusal(answer *http.Response) error {
	e := &fault.Error{Kind: kindOf(answer.StatusCode), Op: "client", Wait: retryAfter(answer.Header.Get("Retry-After"), time.Now())}
	if answer.StatusCode < http.StatusBadRequest {
		e.Code, e.Public = "redirected", fmt.Sprintf("%s sends on to %s: sign in at that address.", c.server, answer.Header.Get("Location"))
		return e
	}
	if answer.StatusCode >= http.StatusInternalServerError && e.Kind != fault.Full {
		e.Err = &serverError{answer.Status}
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		text = nil // its status says enough
	}
	var problem struct {
		Detail string        `json:"detail"`
		Code   string        `json:"code"`
		Fields []fault.Field `json:"fields"`
	}
	switch kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); {
	case kind == "application/problem+json" && json.Unmarshal(text, &problem) == nil:
		e.Code, e.Public, e.Fields = problem.Code, problem.Detail, problem.Fields
	case kind == "text/plain":
		e.Code, e.Public = plain(string(text))
	}
	if e.Public == "" {
		e.Public = "The server answered " + answer.Status + "."
	}
	return e
}

// plain reads a refusal of tus: "code: sentence (request …)" from its handler, a sentence and lines of "code: …" from what is before it.
func plain(text string) (code, sentence string) {
	sentence, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	for line := range strings.Lines(rest) {
		if told, ok := strings.CutPrefix(strings.TrimSpace(line), "code: "); ok {
			code = told
		}
	}
	if told, after, ok := strings.Cut(sentence, ": "); ok && strings.Trim(told, "abcdefghijklmnopqrstuvwxyz_") == "" {
		code, sentence = told, after
	}
	sentence, _, _ = strings.Cut(sentence, " (request ")
	return code, sentence
}

// retryAfter reads Retry-After (RFC 9110, section 10.2.3).
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// call asks the API and reads its answer into out, which may be nil. It is tried again while patience lasts: one that may be repeated
// after any failure, another only where the server has not done it.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any, repeat bool) error {
	q := request{method: method, path: path, query: query}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fault.Wrap(err, "client.call")
		}
		q.body, q.header = body, map[string]string{"Content-Type": "application/json"}
	}
	return c.insist(ctx, q, out, repeat)
}

// insist is call for a request that is made already.
func (c *Client) insist(ctx context.Context, q request, out any, repeat bool) error {
	again := patience{limit: c.o.Patience}
	for {
		err := c.ask(ctx, q, out)
		var lost *lostError
		if err == nil || !repeat && (errors.As(err, &lost) && lost.begun || fault.Is(err, fault.Internal)) {
			return err
		}
		if err := again.wait(ctx, err, nil); err != nil {
			return err
		}
	}
}

func (c *Client) ask(ctx context.Context, q request, out any) error {
	answer, err := c.do(ctx, q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if len(text) > maxAnswer {
		return fault.As(fault.Internal, "client.ask", fmt.Errorf("the server's answer is longer than %d bytes", maxAnswer))
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fault.As(fault.Internal, "client.ask", fmt.Errorf("%s does not answer as Satchel does: %w", c.server, err))
	}
	return nil
}
