package main

import (
	"fmt"
	"log/slog"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/authn/sender"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/webhook"
)

// senders are what brings codes to e-mail addresses and to phones, as the settings say; nil for what nothing does.
func senders(c *config.Config, log *slog.Logger) (mail, texts authn.Sender, err error) {
	if c.CodeLog {
		mail, texts = sender.Log{To: log}, sender.Log{To: log}
	}
	if c.MailSMTP != "" {
		if mail, err = sender.NewSMTP(c.MailSMTP, c.MailFrom, nil); err != nil {
			return nil, nil, fmt.Errorf("mail_smtp, mail_from: %w", err)
		}
	}
	if c.CodeWebhook != "" {
		if texts, err = sender.NewWebhook(c.CodeWebhook, c.CodeWebhookSecret); err != nil {
			return nil, nil, fmt.Errorf("code_webhook, code_webhook_secret: %w", err)
		}
	}
	return mail, texts, nil
}

// receiver looks at where events go.
func receiver(c *config.Config) error {
	if c.EventsWebhook == "" {
		return nil
	}
	if _, err := webhook.New(c.EventsWebhook, c.EventsWebhookSecret); err != nil {
		return fmt.Errorf("events_webhook, events_webhook_secret: %w", err)
	}
	return nil
}

// site is what messages call this server.
func site(c *config.Config) string {
	if c.PublicURL == nil {
		return ""
	}
	return c.PublicURL.Host
}
