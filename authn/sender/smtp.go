package sender

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/satchelhq/satchel/authn"
)

// smtpTimeout bounds each step of a conversation with a mail server.
const smtpTimeout = 20 * time.Second

// SMTP hands messages to a mail server (RFC 5321, RFC 6409).
type SMTP struct {
	host    string
	options []gomail.Option
	from    *mail.Address
}

// NewSMTP makes a sender for a mail server:
//
//	smtp://USER:PASSWORD@HOST[:587]   encrypted by STARTTLS (RFC 3207); a server that does not offer it gets nothing
//	smtps://USER:PASSWORD@HOST[:465]  encrypted from the start (RFC 8314)
//
// Of smtp://, ?starttls=optional takes what the server offers, and ?starttls=off nothing, for a server on this machine. Without USER nobody signs in.
// from is the sender's address, with a name or without. trust is for servers whose certificate the system does not know; nil is the system's.
// An error does not hold the password.
func NewSMTP(address, from string, trust *tls.Config) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("the mail server: want smtp://USER:PASSWORD@HOST:PORT or smtps://… (special characters percent-encoded)")
	}
	sender, err := mail.ParseAddress(from)
	if err != nil || strings.ContainsAny(from, "\r\n") {
		return nil, errors.New("the sender of mail: want an address such as Satchel <files@example.org>")
	}
	s := &SMTP{host: u.Hostname(), from: sender, options: []gomail.Option{gomail.WithTimeout(smtpTimeout)}}
	port := 587
	switch starttls := u.Query().Get("starttls"); {
	case u.Scheme == "smtps" && starttls == "":
		port = 465
		s.options = append(s.options, gomail.WithSSL())
	case u.Scheme == "smtp" && (starttls == "" || starttls == "required"):
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case u.Scheme == "smtp" && starttls == "optional":
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case u.Scheme == "smtp" && starttls == "off":
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, errors.New("the mail server: want smtp:// or smtps://, and starttls=required, optional or off of smtp://")
	}
	if text := u.Port(); text != "" {
		if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
			return nil, errors.New("the mail server: want a port from 1 to 65535")
		}
	}
	s.options = append(s.options, gomail.WithPort(port))
	if trust != nil {
		trust = trust.Clone()
		trust.ServerName = s.host
		s.options = append(s.options, gomail.WithTLSConfig(trust))
	}
	if u.User != nil && u.User.Username() != "" {
		password, _ := u.User.Password()
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	if _, err := gomail.NewClient(s.host, s.options...); err != nil {
		return nil, fmt.Errorf("the mail server: %w", err)
	}
	return s, nil
}

// Send hands the message over. What the server refuses for good (RFC 5321, section 4.2.1, 5yz) is final.
func (s *SMTP) Send(ctx context.Context, m authn.Message) error {
	message, err := s.compose(m)
	if err != nil {
		return fmt.Errorf("mail: %w: %w", err, authn.ErrRejected)
	}
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- client.DialAndSendWithContext(ctx, message) }()
	select {
	case err = <-done:
	case <-ctx.Done(): // only dialing looks at it; what was begun ends by its own timeout
		return ctx.Err()
	}
	var refused *gomail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		return fmt.Errorf("mail: %w: %w", err, authn.ErrRejected)
	}
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

// compose writes the mail. Whatever is not one address or one line is refused, though nothing of the kind should come here.
func (s *SMTP) compose(m authn.Message) (*gomail.Msg, error) {
	if strings.ContainsAny(m.To+m.Subject+m.ID+m.Language, "\r\n") {
		return nil, errors.New("a line end where none may be")
	}
	to, err := mail.ParseAddress(m.To)
	if err != nil || to.Address != m.To {
		return nil, errors.New("not one address")
	}
	message := gomail.NewMsg()
	message.FromMailAddress(s.from)
	message.ToMailAddress(to)
	message.Subject(m.Subject)
	message.SetDate()
	_, domain, _ := strings.Cut(s.from.Address, "@")
	message.SetMessageIDWithValue(m.ID + "@" + domain)
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday answers it
	message.SetGenHeader("Content-Language", m.Language)     // RFC 3282
	message.SetBodyString(gomail.TypeTextPlain, m.Text+"\n")
	return message, nil
}
