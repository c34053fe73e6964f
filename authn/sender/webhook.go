package sender

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/authn"
)

const (
	webhookTimeout = 15 * time.Second
	maxAnswer      = 64 << 10 // bytes of an answer that are read, so that the connection can be used again
	minSecret      = 16       // bytes
)

// Webhook hands messages to a gateway: a POST with a JSON object, signed as Standard Webhooks has it (webhook-id, webhook-timestamp, webhook-signature;
// standardwebhooks.com). webhook-id is the same at every try, so that the gateway can tell a repetition.
type Webhook struct {
	address string
	key     []byte
	client  *http.Client
	now     func() time.Time
}

// webhookBody is what is sent.
type webhookBody struct {
	Type      string      `json:"type"` // "message.send"
	Timestamp time.Time   `json:"timestamp"`
	Data      webhookData `json:"data"`
}

type webhookData struct {
	To       string `json:"to"`       // E.164
	Purpose  string `json:"purpose"`  // register, reset, phone, notice
	Code     string `json:"code"`     // six digits, for gateways that have texts of their own; empty if the message holds none
	Language string `json:"language"` // of the text, as BCP 47 names it
	Text     string `json:"text"`     // the whole message
}

// NewWebhook makes a sender for a gateway's address, http:// or https://. The secret signs: it is "whsec_" and Base64, as Standard Webhooks
// spells secrets, or any text of 16 bytes and more.
func NewWebhook(address, secret string) (*Webhook, error) {
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
	return &Webhook{address: u.String(), key: key, now: time.Now, client: &http.Client{
		Transport: transport, Timeout: webhookTimeout,
		// What is signed for one address is for no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Send posts the message. Anything but a 2xx is an error; a 4xx other than 408, 425 and 429 is final, and so is a redirect.
func (h *Webhook) Send(ctx context.Context, m authn.Message) error {
	now := h.now()
	body, err := json.Marshal(webhookBody{"message.send", now.UTC().Truncate(time.Second), webhookData{m.To, m.Purpose, m.Code, m.Language, m.Text}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Satchel")
	r.Header.Set("webhook-id", m.ID)
	r.Header.Set("webhook-timestamp", timestamp)
	r.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sign(h.key, m.ID, timestamp, body)))
	answer, err := h.client.Do(r)
	if err != nil {
		var at *url.Error // its text holds the address, and that a password perhaps
		if errors.As(err, &at) {
			err = at.Err
		}
		return fmt.Errorf("webhook: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	switch status := answer.StatusCode; {
	case status >= 200 && status < 300:
		return nil
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return fmt.Errorf("webhook: status %d", status)
	default:
		return fmt.Errorf("webhook: status %d: %w", status, authn.ErrRejected)
	}
}

// sign is the signature of a message (Standard Webhooks, "Signature scheme", symmetric).
func sign(key []byte, id, timestamp string, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(id + "." + timestamp + "."))
	_, _ = m.Write(body)
	return m.Sum(nil)
}
