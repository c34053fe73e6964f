package openid

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/satchelhq/satchel/fault"
)

// maxIssuer bounds an issuer in bytes; it is stored with every account that is linked.
const maxIssuer = 512

// Options say which provider it is and who we are to it.
type Options struct {
	ID     string // in addresses: lower-case letters, digits and hyphens
	Name   string // as people know it; default the issuer's host
	Issuer string // exactly as the provider spells it; https, or http on this machine
	// ClientID and ClientSecret are what the provider gave us. A client without a secret is a public one (RFC 6749, section 2.1).
	ClientID, ClientSecret string
	Scopes                 []string      // asked for beside "openid"; default profile and email
	Patience               time.Duration // for an answer of the provider; default 10 s
	Log                    *slog.Logger  // default slog.Default()
	Now                    func() time.Time
}

// Provider is where people sign in. It is safe for use by many goroutines.
type Provider struct {
	o      Options
	client *http.Client
	slots  chan struct{} // for sign-ins that are being completed
	flight singleflight.Group

	mu      sync.Mutex
	known   *metadata // nil until it was found
	renewAt time.Time // when to ask again
	failed  error     // of the last attempt; nil if it was good
}

// New checks the options. It does not talk to the provider.
func New(o Options) (*Provider, error) {
	issuer, err := url.Parse(o.Issuer)
	switch {
	case err != nil || !secure(issuer) || issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" || len(o.Issuer) > maxIssuer:
		return nil, fmt.Errorf("the issuer %q: want https:// and a host, such as https://accounts.example.org (http:// only for a provider on this machine)", o.Issuer)
	case o.ClientID == "":
		return nil, errors.New("the provider gives every server that it signs people in for a client id: it is missing")
	case !validID(o.ID):
		return nil, fmt.Errorf("the id %q: want lower-case letters, digits and hyphens", o.ID)
	}
	if o.Name == "" {
		o.Name = issuer.Hostname()
	}
	if o.Scopes == nil {
		o.Scopes = []string{"profile", "email"}
	}
	// "openid" makes it OpenID Connect and comes first, once.
	o.Scopes = append([]string{"openid"}, slices.DeleteFunc(slices.Clone(o.Scopes), func(s string) bool { return s == "openid" })...)
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Provider{o: o, client: newClient(o.Patience), slots: make(chan struct{}, maxAtOnce)}, nil
}

// ID names the provider in addresses.
func (p *Provider) ID() string { return p.o.ID }

// Name is the provider as people know it.
func (p *Provider) Name() string { return p.o.Name }

// Issuer is what the provider calls itself. A subject means something together with it only.
func (p *Provider) Issuer() string { return p.o.Issuer }

func validID(id string) bool {
	if id == "" || len(id) > 32 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// secure reports whether what is read at u comes from whom it names: over TLS, or from this machine.
func secure(u *url.URL) bool {
	switch {
	case u.Hostname() == "":
		return false
	case u.Scheme == "https":
		return true
	case u.Scheme != "http":
		return false
	}
	return here(u)
}

// here reports whether u is on this machine.
func here(u *url.URL) bool {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// mayName reports whether we ask at an address that the provider with this issuer names. A provider elsewhere sends us to nothing on this machine:
// what listens here is often open to whoever gets here.
func mayName(issuer, u *url.URL) bool { return secure(u) && (here(issuer) || !here(u)) }

// unavailable is a provider that does not answer, or not with what can be used.
func (p *Provider) unavailable(op string, err error) error {
	p.o.Log.Warn("the OpenID Connect provider cannot be used", "provider", p.o.ID, "issuer", p.o.Issuer, "err", brief(err))
	e := fault.New(fault.Busy, op, p.o.Name+" does not answer as it should. Try again in a moment.").WithCode("provider_unavailable").WithWait(retryAfter)
	e.Err = errors.New(brief(err))
	return e
}

// refused is a sign-in that the provider did not confirm, or not in a way that can be believed.
func (p *Provider) refused(op string, err error) error {
	p.o.Log.Warn("a sign-in at the OpenID Connect provider was not confirmed", "provider", p.o.ID, "issuer", p.o.Issuer, "err", brief(err))
	e := fault.New(fault.Unauthenticated, op, p.o.Name+" did not confirm who you are. Try again.").WithCode("provider_refused")
	e.Err = errors.New(brief(err))
	return e
}

// brief is an error for the log. Those of the libraries hold all that the provider answered.
func brief(err error) string {
	const most = 400
	if s := err.Error(); len(s) > most {
		return s[:most] + "…"
	}
	return err.Error()
}
