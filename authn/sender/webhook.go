package sender

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/webhook"
)

// Webhook hands messages to a gateway: a POST with a JSON object, signed as Standard Webhooks has it. webhook-id is the same at every try, so that the
// gateway can tell a repetition.
type Webhook struct{ to *webhook.Client }

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

// NewWebhook makes a sender for a gateway's address; address and secret are as webhook.New wants them.
func NewWebhook(address, secret string) (*Webhook, error) {
	to, err := webhook.New(address, secret)
	if err != nil {
		return nil, err
	}
	return &Webhook{to}, nil
}

// Send posts the message. Anything but a 2xx is an error; a 4xx other than 408, 425 and 429 is final, and so is a redirect.
func (h *Webhook) Send(ctx context.Context, m authn.Message) error {
	body, err := json.Marshal(webhookBody{"message.send", time.Now().UTC().Truncate(time.Second), webhookData{m.To, m.Purpose, m.Code, m.Language, m.Text}})
	if err != nil {
		return err
	}
	status, err := h.to.Post(ctx, m.ID, body)
	switch {
	case err != nil:
		return err
	case webhook.Taken(status):
		return nil
	case webhook.Final(status):
		return fmt.Errorf("webhook: status %d: %w", status, authn.ErrRejected)
	}
	return fmt.Errorf("webhook: status %d", status)
}
