package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/traces"
)

const (
	timeout   = 15 * time.Second // of Post, from dialling to the end of the answer
	maxAnswer = 64 << 10         // bytes of an answer that are read
	minSecret = 16               // bytes
)

// Client posts to one address. It is safe for use by many goroutines.
type Client struct {
	address string
	key     []byte
	client  *http.Client
	now     func() time.Time
	timeout time.Duration
}

// New makes a client for an address, http:// or https://. The secret signs: it is "whsec_" and Base64, as Standard Webhooks spells secrets, or any
// text of 16 bytes and more. An error does not tell the address, which may hold a password, nor the secret.
func New(address, secret string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("the address of the webhook: want http:// or https://")
	}
	key := []byte(secret)
	if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return nil, errors.New("the secret of the webhook: want Base64 behind whsec_")
		}
	}
	if len(key) < minSecret {
		return nil, fmt.Errorf("the secret of the webhook: want %d bytes or more", minSecret)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxAnswer
	return &Client{address: u.String(), key: key, now: time.Now, timeout: timeout, client: &http.Client{
		Transport: transport,
		// What is signed for one address is for no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Post sends a JSON body and answers the status, whatever it is; no redirect is followed. The error is for no answer within 15 s. id becomes webhook-id:
// it is the same at every try, so that the receiver can tell a repetition.
func (c *Client) Post(ctx context.Context, id string, body []byte) (status int, err error) {
	ctx, stop := context.WithTimeout(ctx, c.timeout)
	defer stop()
	a, err := c.send(ctx, id, body)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(a.Body, maxAnswer)) // so that the connection can be used again
	return a.StatusCode, nil
}

// Answer is what a receiver says to a question.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
}

// Ask is Post for what wants an answer. How long one is waited for is ctx's to say. An answer that breaks off, or is longer than 64 KiB, is an error.
func (c *Client) Ask(ctx context.Context, id string, body []byte) (Answer, error) {
	a, err := c.send(ctx, id, body)
	if err != nil {
		return Answer{}, err
	}
	defer a.Body.Close()
	said, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer+1))
	if err != nil {
		return Answer{}, fmt.Errorf("webhook: %w", err)
	}
	if len(said) > maxAnswer {
		return Answer{}, fmt.Errorf("webhook: the answer is longer than %d bytes", maxAnswer)
	}
	return Answer{a.StatusCode, a.Header.Get("Content-Type"), said}, nil
}

func (c *Client) send(ctx context.Context, id string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	timestamp := strconv.FormatInt(c.now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Satchel")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", timestamp)
	r.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sign(c.key, id, timestamp, body)))
	// The receiver knows a repetition by webhook-id. So net/http may send it again on a new connection when it finds that a kept one was closed meanwhile;
	// this header says so, and is not sent while it is empty.
	r.Header["Idempotency-Key"] = []string{}
	answer, err := traces.Send(c.client, "webhook", r)
	if err != nil {
		var at *url.Error // its text holds the address, and that a password perhaps
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return answer, nil
}

// Taken reports whether a status says that the receiver has the message.
func Taken(status int) bool { return status >= 200 && status < 300 }

// Final reports whether a status says that the same message will not be taken later either: a redirect, or a 4xx other than 408, 425 and 429.
func Final(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return !Taken(status) && status < 500
}

// sign is the signature of a message (Standard Webhooks, "Signature scheme", symmetric).
func sign(key []byte, id, timestamp string, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(id + "." + timestamp + "."))
	_, _ = m.Write(body)
	return m.Sum(nil)
}
