package sender

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/satchelhq/satchel/authn"
)

// mailServer is a real SMTP server that keeps what it gets.
type mailServer struct {
	address string
	trust   *tls.Config

	mu      sync.Mutex
	letters []letter
	refuse  error // answered to RCPT
}

type letter struct {
	from string
	to   []string
	user string // who signed in
	tls  bool
	data []byte
}

// startMail serves on a free port; tlsFrom is "starttls", "start" or "never".
func startMail(t *testing.T, tlsFrom string) *mailServer {
	t.Helper()
	certificate, pool := newCertificate(t)
	m := &mailServer{trust: &tls.Config{RootCAs: pool}}
	server := smtp.NewServer(m)
	server.Domain, server.AllowInsecureAuth, server.ReadTimeout, server.WriteTimeout = "mail.example.org", false, 10*time.Second, 10*time.Second
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	switch tlsFrom {
	case "starttls":
		server.TLSConfig = config
	case "start":
		listener = tls.NewListener(listener, config)
	}
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // a server that has not begun to serve does not know it
		<-done
	})
	m.address = listener.Addr().String()
	return m
}

func newCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &mailSession{server: m, letter: letter{tls: encrypted}}, nil
}

type mailSession struct {
	server *mailServer
	letter letter
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if password != "s3cret/word" {
			return smtp.ErrAuthFailed
		}
		s.letter.user = username
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.letter.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.refuse != nil {
		return s.server.refuse
	}
	s.letter.to = append(s.letter.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) (err error) {
	if s.letter.data, err = io.ReadAll(r); err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.letters = append(s.server.letters, s.letter)
	return nil
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

func sample() authn.Message {
	return authn.Message{ID: "0123", Kind: "email", To: "ann@example.org", Purpose: "reset", Code: "123456",
		Language: "zh-CN",
		Subject:  "files.example.org 验证码", Text: "123456 is your code for a new password of the account Zoë."}
}

func TestMailOverSTARTTLS(t *testing.T) {
	for tlsFrom, scheme := range map[string]string{"starttls": "smtp", "start": "smtps"} {
		t.Run(scheme, func(t *testing.T) {
			server := startMail(t, tlsFrom)
			s, err := NewSMTP(scheme+"://satchel:s3cret%2Fword@"+server.address, "Satchel <files@example.org>", server.trust)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Send(t.Context(), sample()); err != nil {
				t.Fatal(err)
			}
			if len(server.letters) != 1 {
				t.Fatalf("%d letters", len(server.letters))
			}
			got := server.letters[0]
			if got.from != "files@example.org" || !slices.Equal(got.to, []string{"ann@example.org"}) || got.user != "satchel" || !got.tls {
				t.Errorf("%+v", got)
			}
			message, err := mail.ReadMessage(bytes.NewReader(got.data))
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{
				"From": `"Satchel" <files@example.org>`, "To": "<ann@example.org>", "Subject": "files.example.org 验证码", "Content-Language": "zh-CN",
				"Message-Id": "<0123@example.org>", "Auto-Submitted": "auto-generated",
			} {
				got, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get(name))
				if err != nil || got != want {
					t.Errorf("%s is %q, %v; want %q", name, got, err, want)
				}
			}
			text, err := io.ReadAll(quotedprintable.NewReader(message.Body))
			if err != nil || strings.TrimSpace(string(text)) != sample().Text {
				t.Errorf("the text is %q, %v", text, err)
			}
		})
	}
}

// A server that does not encrypt gets no code and no password, unless the settings say so.
func TestMailIsNotSentInTheClear(t *testing.T) {
	server := startMail(t, "never")
	for query, want := range map[string]int{"": 0, "?starttls=required": 0, "?starttls=optional": 1, "?starttls=off": 1} {
		s, err := NewSMTP("smtp://"+server.address+query, "files@example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		server.letters = nil
		if err := s.Send(t.Context(), sample()); (err == nil) != (want == 1) || len(server.letters) != want {
			t.Errorf("%q: %d letters, %v", query, len(server.letters), err)
		}
	}
	s, err := NewSMTP("smtp://satchel:s3cret%2Fword@"+server.address+"?starttls=off", "files@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), sample()); err == nil {
		t.Error("the password went over a connection that anybody may read")
	}
	encrypted := startMail(t, "starttls")
	if s, err = NewSMTP("smtp://"+encrypted.address, "files@example.org", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), sample()); err == nil || len(encrypted.letters) > 0 {
		t.Error("a certificate that nobody signed was believed")
	}
}

func TestWhatTheMailServerRefuses(t *testing.T) {
	server := startMail(t, "starttls")
	s, err := NewSMTP("smtp://satchel:s3cret%2Fword@"+server.address, "files@example.org", server.trust)
	if err != nil {
		t.Fatal(err)
	}
	for code, final := range map[int]bool{550: true, 451: false} {
		server.refuse = &smtp.SMTPError{Code: code, Message: "no"}
		if err := s.Send(t.Context(), sample()); err == nil || errors.Is(err, authn.ErrRejected) != final {
			t.Errorf("%d: %v", code, err)
		}
	}
	if s, err = NewSMTP("smtp://satchel:wrong@"+server.address, "files@example.org", server.trust); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), sample()); err == nil || errors.Is(err, authn.ErrRejected) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong password: %v", err)
	}
}

// Attack: a mail server that says nothing must not keep a message, or the end of the program, for ever.
func TestASilentMailServerIsLeft(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s, err := NewSMTP("smtp://"+listener.Addr().String(), "files@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, sample()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// Attack: line ends in what becomes a header.
func TestMailHeadersCannotBeInjected(t *testing.T) {
	server := startMail(t, "starttls")
	s, err := NewSMTP("smtp://"+server.address, "files@example.org", server.trust)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*authn.Message){
		func(m *authn.Message) { m.To = "ann@example.org\r\nBcc: bob@example.org" },
		func(m *authn.Message) { m.To = "ann@example.org>\r\nRCPT TO:<bob@example.org" },
		func(m *authn.Message) { m.To = "ann@example.org, bob@example.org" },
		func(m *authn.Message) { m.To = "Ann <ann@example.org>" },
		func(m *authn.Message) { m.Subject = "Hello\nBcc: bob@example.org" },
		func(m *authn.Message) { m.Subject = "Hello\r\n\r\nAnother text" },
		func(m *authn.Message) { m.Language = "en\r\nBcc: bob@example.org" },
		func(m *authn.Message) { m.ID = "x\r\nBcc: bob@example.org" },
	} {
		m := sample()
		change(&m)
		if err := s.Send(t.Context(), m); !errors.Is(err, authn.ErrRejected) {
			t.Errorf("%q, %q: %v", m.To, m.Subject, err)
		}
	}
	if len(server.letters) > 0 {
		t.Errorf("%d letters were sent", len(server.letters))
	}
	for _, from := range []string{"a@example.org\r\nBcc: b@example.org", "no address", "", "a@example.org, b@example.org"} {
		if _, err := NewSMTP("smtp://"+server.address, from, nil); err == nil {
			t.Errorf("the sender %q was taken", from)
		}
	}
}

func TestMailSettingsThatAreWrong(t *testing.T) {
	for _, address := range []string{"", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://h/path", "smtp://u:pa%zz@h", "smtp://h:99999", "smtps://h?starttls=off", "smtp://h?starttls=perhaps"} {
		if _, err := NewSMTP(address, "a@example.org", nil); err == nil || strings.Contains(err.Error(), "pa%zz") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
