package openidtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// The client that the provider knows.
const (
	ClientID     = "satchel at the provider"
	ClientSecret = "a secret: with a colon & more"
)

// Provider is a running provider. Its fields are changed by tests between requests, under Lock.
type Provider struct {
	URL       string // the issuer
	Redirects []string
	People    map[string]jwt.MapClaims // what is claimed of each, by what they type to sign in; "sub" is theirs for ever

	sync.Mutex
	NamesIssuer bool                                  // RFC 9207: the answer has iss, and discovery says so
	Bare        bool                                  // the ID token holds the least, userinfo the rest
	Public      bool                                  // the client has no secret
	Post        bool                                  // the secret is taken in the body only (client_secret_post)
	Claim       func(jwt.MapClaims)                   // changes the claims of an ID token before it is signed
	Sign        func(*Provider, jwt.MapClaims) string // signs in another way than RS256
	Handle      map[string]http.HandlerFunc           // answers at a path in the provider's place
	Discover    func(map[string]any)                  // changes the discovery document
	Asked       map[string]int                        // requests, by path
	codes       map[string]grant                      // that were not redeemed yet
	access      map[string]string                     // who an access token is for
	rsa         *rsa.PrivateKey
	ecdsa       *ecdsa.PrivateKey
}

// grant is what a code stands for.
type grant struct {
	redirect, nonce, challenge, login string
}

// New runs a provider until the test ends. It redirects to these addresses only.
func New(t testing.TB, redirects ...string) *Provider {
	t.Helper()
	p := &Provider{Redirects: redirects, NamesIssuer: true, People: map[string]jwt.MapClaims{}, Handle: map[string]http.HandlerFunc{},
		Asked: map[string]int{}, codes: map[string]grant{}, access: map[string]string{}}
	var err error
	if p.rsa, err = published(); err != nil {
		t.Fatal(err)
	}
	if p.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	p.URL = server.URL
	return p
}

// ServeHTTP is the provider.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.Lock()
	p.Asked[r.URL.Path]++
	handle := p.Handle[r.URL.Path]
	p.Unlock()
	switch {
	case handle != nil:
		handle(w, r)
	case r.URL.Path == "/.well-known/openid-configuration":
		p.discovery(w)
	case r.URL.Path == "/keys":
		p.keys(w)
	case r.URL.Path == "/authorize":
		p.authorize(w, r)
	case r.URL.Path == "/token":
		p.token(w, r)
	case r.URL.Path == "/userinfo":
		p.userinfo(w, r)
	default:
		http.NotFound(w, r)
	}
}

// SignIn is what a browser does that was sent to address: login signs in there. It answers the address that the browser is sent
// back to.
func (p *Provider) SignIn(t testing.TB, address, login string) *url.URL {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm(address, url.Values{"login": {login}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	to, err := answer.Location()
	if err != nil {
		t.Fatalf("signing in at the provider was answered with %s, and leads nowhere: %v", answer.Status, err)
	}
	return to
}

// Asks is how often a path was asked for.
func (p *Provider) Asks(path string) int {
	p.Lock()
	defer p.Unlock()
	return p.Asked[path]
}

// Set changes the provider between requests.
func (p *Provider) Set(change func(p *Provider)) {
	p.Lock()
	defer p.Unlock()
	change(p)
}
