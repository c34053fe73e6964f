package openid_test

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/openid/openidtest"
)

const callback = "https://files.example.org/login/oidc/sso/callback"

// clock is a time that tests move, beside the real one.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// world is a provider and we.
type world struct {
	*testing.T
	there *openidtest.Provider
	here  *openid.Provider
	clock *clock
}

func newWorld(t *testing.T, set ...func(*openid.Options)) *world {
	t.Helper()
	there := openidtest.New(t, callback)
	there.People["ann"] = jwt.MapClaims{"sub": "a-1", "email": "ann@example.org", "email_verified": true, "preferred_username": "ann", "name": "Ann"}
	c := &clock{}
	o := openid.Options{ID: "sso", Issuer: there.URL, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret,
		Log: slog.New(slog.DiscardHandler), Now: c.now}
	for _, s := range set {
		s(&o)
	}
	here, err := openid.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, there, here, c}
}

func request() openid.Request {
	return openid.Request{Redirect: callback, State: "a state", Nonce: "a nonce", Verifier: strings.Repeat("verifier-", 6)}
}

// begin sends ann to the provider and answers what comes back.
func (w *world) begin() openid.Answer {
	w.Helper()
	address, err := w.here.Address(w.Context(), request())
	if err != nil {
		w.Fatal(err)
	}
	q := w.there.SignIn(w, address, "ann").Query()
	if q.Get("state") != "a state" {
		w.Errorf("the state came back as %q", q.Get("state"))
	}
	return openid.Answer{Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error")}
}

func (w *world) refused(what string, err error, kind fault.Kind, code string) {
	w.Helper()
	got, sentence, _ := fault.Public(err)
	if !fault.Is(err, kind) || got != code {
		w.Errorf("%s: %v (%s), want %s with code %q", what, err, got, kind, code)
	}
	if strings.Contains(sentence, "own words") || len(err.Error()) > 1000 {
		w.Errorf("%s: %q holds what the provider said, or too much", what, err)
	}
}

func TestSignIn(t *testing.T) {
	for name, change := range map[string]func(*openidtest.Provider){
		"RS256":                      func(*openidtest.Provider) {},
		"ES256":                      func(p *openidtest.Provider) { p.Sign = (*openidtest.Provider).ES256 },
		"the secret in the body":     func(p *openidtest.Provider) { p.Post = true },
		"no issuer in the answer":    func(p *openidtest.Provider) { p.NamesIssuer = false },
		"claims by userinfo":         func(p *openidtest.Provider) { p.Bare = true },
		"email_verified is a string": func(p *openidtest.Provider) { p.People["ann"]["email_verified"] = "true" },
		"two audiences, and we are azp": func(p *openidtest.Provider) {
			p.Claim = func(c jwt.MapClaims) { c["aud"], c["azp"] = []string{"x", openidtest.ClientID}, openidtest.ClientID }
		},
		"no at_hash, which is optional": func(p *openidtest.Provider) { p.Claim = func(c jwt.MapClaims) { delete(c, "at_hash") } },
		"nothing about methods of PKCE": func(p *openidtest.Provider) {
			p.Discover = func(d map[string]any) { delete(d, "code_challenge_methods_supported") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.there.Set(change)
			person, err := w.here.Complete(t.Context(), request(), w.begin())
			want := openid.Person{Subject: "a-1", Email: "ann@example.org", EmailVerified: true, PreferredUsername: "ann", Name: "Ann"}
			if err != nil || person != want {
				t.Errorf("%+v, %v; want %+v", person, err, want)
			}
		})
	}
	t.Run("a public client", func(t *testing.T) {
		w := newWorld(t, func(o *openid.Options) { o.ClientSecret = "" })
		w.there.Set(func(p *openidtest.Provider) { p.Public = true })
		if _, err := w.here.Complete(t.Context(), request(), w.begin()); err != nil {
			t.Error(err)
		}
	})
}

func TestUnverifiedIsWhateverIsNotClearlyTrue(t *testing.T) {
	for _, value := range []any{false, "false", nil, 1, "yes", []bool{true}} {
		w := newWorld(t)
		w.there.Set(func(p *openidtest.Provider) { p.People["ann"]["email_verified"] = value })
		if person, err := w.here.Complete(t.Context(), request(), w.begin()); err != nil || person.EmailVerified {
			t.Errorf("email_verified %v: %+v, %v", value, person, err)
		}
	}
}

func TestAttackForgedIDTokens(t *testing.T) {
	claim := func(name string, value any) func(*openidtest.Provider) {
		return func(p *openidtest.Provider) {
			p.Claim = func(c jwt.MapClaims) {
				if c[name] = value; value == nil {
					delete(c, name)
				}
			}
		}
	}
	sign := func(with func(*openidtest.Provider, jwt.MapClaims) string) func(*openidtest.Provider) {
		return func(p *openidtest.Provider) { p.Sign = with }
	}
	for name, lie := range map[string]func(*openidtest.Provider){
		"alg none":                       sign((*openidtest.Provider).None),
		"HS256 over the public key":      sign((*openidtest.Provider).HS256WithThePublicKey),
		"HS256 over the client's secret": sign((*openidtest.Provider).HS256WithTheClientSecret),
		"a key that was not published":   sign((*openidtest.Provider).AnotherKey),
		"no token":                       sign(func(*openidtest.Provider, jwt.MapClaims) string { return "" }),
		"no JWT":                         sign(func(*openidtest.Provider, jwt.MapClaims) string { return "a.b.c" }),
		"another audience":               claim("aud", "somebody else"),
		"no audience":                    claim("aud", nil),
		"two audiences without azp":      claim("aud", []string{openidtest.ClientID, "somebody else"}),
		"another azp":                    claim("azp", "somebody else"),
		"another issuer":                 claim("iss", "https://accounts.example.com"),
		"no issuer":                      claim("iss", nil),
		"expired":                        claim("exp", time.Now().Add(-time.Minute).Unix()),
		"no expiry":                      claim("exp", nil),
		"not yet":                        claim("nbf", time.Now().Add(time.Hour).Unix()),
		"nonce of another sign-in":       claim("nonce", "another nonce"),
		"no nonce":                       claim("nonce", nil),
		"another access token's at_hash": claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"no subject":                     claim("sub", nil),
		"a subject that is too long":     claim("sub", strings.Repeat("x", 256)),
		"a subject with a line break":    claim("sub", "a\nb"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.there.Set(lie)
			person, err := w.here.Complete(t.Context(), request(), w.begin())
			w.refused(name, err, fault.Unauthenticated, "provider_refused")
			if person != (openid.Person{}) {
				t.Errorf("it told %+v all the same", person)
			}
		})
	}
}

func TestAttackMixUp(t *testing.T) {
	w := newWorld(t)
	answer := w.begin()
	answer.Issuer = "https://evil.example"
	_, err := w.here.Complete(t.Context(), request(), answer)
	w.refused("an answer of another issuer", err, fault.Unauthenticated, "provider_refused")
	if n := w.there.Asks("/token"); n != 0 {
		t.Error("the code was sent on")
	}
	answer.Issuer = ""
	_, err = w.here.Complete(t.Context(), request(), answer)
	w.refused("an answer without the issuer that the provider always names", err, fault.Unauthenticated, "provider_refused")
	_, err = w.here.Complete(t.Context(), request(), openid.Answer{Error: "access_denied", Issuer: "https://evil.example"})
	w.refused("an error of another issuer", err, fault.Unauthenticated, "provider_refused")
}

func TestAttackCodes(t *testing.T) {
	w := newWorld(t)
	answer := w.begin()
	other := request()
	other.Verifier = strings.Repeat("guessed--", 6)
	_, err := w.here.Complete(t.Context(), other, answer)
	w.refused("a code without its verifier", err, fault.Unauthenticated, "provider_refused")

	answer = w.begin()
	if _, err := w.here.Complete(t.Context(), request(), answer); err != nil {
		t.Fatal(err)
	}
	_, err = w.here.Complete(t.Context(), request(), answer)
	w.refused("a code that was used", err, fault.Unauthenticated, "provider_refused")
	asked := w.there.Asks("/token")
	for _, code := range []string{"", strings.Repeat("x", 9<<10)} {
		_, err = w.here.Complete(t.Context(), request(), openid.Answer{Code: code, Issuer: w.there.URL})
		w.refused("no code, or an endless one", err, fault.Unauthenticated, "provider_refused")
	}
	if w.there.Asks("/token") != asked {
		t.Error("the provider was asked for a code that cannot be one")
	}
}

func TestAttackUserinfoAboutSomebodyElse(t *testing.T) {
	w := newWorld(t)
	w.there.Set(func(p *openidtest.Provider) {
		p.Bare = true
		p.Claim = func(c jwt.MapClaims) { c["sub"] = "a-2" }
	})
	_, err := w.here.Complete(t.Context(), request(), w.begin())
	w.refused("userinfo of a-1 for the ID token of a-2", err, fault.Unauthenticated, "provider_refused")
}

func TestErrorsOfTheProviderAreInOurWords(t *testing.T) {
	for code, want := range map[string]struct {
		kind fault.Kind
		code string
	}{
		"access_denied":           {fault.Forbidden, "sign_in_cancelled"},
		"temporarily_unavailable": {fault.Busy, "provider_unavailable"},
		"server_error":            {fault.Busy, "provider_unavailable"},
		"invalid_scope":           {fault.Unauthenticated, "provider_refused"},
		"<script>own words" + strings.Repeat("!", 5000): {fault.Unauthenticated, "provider_refused"},
	} {
		w := newWorld(t)
		_, err := w.here.Complete(t.Context(), request(), openid.Answer{Error: code})
		w.refused(code[:10], err, want.kind, want.code)
	}
}

// A provider that is down, silly or hostile costs its own sign-ins, a bounded time and a bounded memory.
func TestAttackProvider(t *testing.T) {
	endless := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"issuer": "`)
		for line := strings.Repeat("x", 64<<10); ; {
			if _, err := io.WriteString(w, line); err != nil {
				return
			}
		}
	}
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for line := strings.Repeat(" ", 1<<20); ; {
			if _, err := io.WriteString(z, line); err != nil {
				return
			}
		}
	}
	drained := func(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) } // before that the server does not see that we left
	hanging := func(_ http.ResponseWriter, r *http.Request) {
		drained(r)
		<-r.Context().Done()
	}
	dripping := func(w http.ResponseWriter, r *http.Request) {
		drained(r)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	}
	redirecting := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}
	broken := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<b>The provider's own words</b>", 500) }
	for name, handle := range map[string]http.HandlerFunc{
		"endless": endless, "a bomb": bomb, "hanging": hanging, "dripping": dripping, "redirecting": redirecting, "broken": broken,
	} {
		for _, path := range []string{"/.well-known/openid-configuration", "/token", "/keys", "/userinfo"} {
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(o *openid.Options) { o.Patience = 200 * time.Millisecond })
				w.there.Set(func(p *openidtest.Provider) { p.Bare, p.Handle[path] = true, handle })
				address, err := w.here.Address(t.Context(), request())
				if path == "/.well-known/openid-configuration" {
					w.refused(path, err, fault.Busy, "provider_unavailable")
				} else {
					if err != nil {
						t.Fatal(err)
					}
					q := w.there.SignIn(t, address, "ann").Query()
					if _, err = w.here.Complete(t.Context(), request(), openid.Answer{Code: q.Get("code"), Issuer: q.Get("iss")}); err == nil {
						t.Error("somebody was signed in")
					} else if !fault.Is(err, fault.Busy) && !fault.Is(err, fault.Unauthenticated) {
						t.Errorf("%v", err)
					}
				}
				if w.there.Asks("/elsewhere") > 0 {
					t.Error("a redirect was followed")
				}
			})
		}
	}
}

func TestAProviderIsAskedAboutItselfLazilyAndAgain(t *testing.T) {
	const path = "/.well-known/openid-configuration"
	w := newWorld(t)
	if n := w.there.Asks(path); n != 0 {
		t.Fatal("it was asked before anybody wanted to sign in")
	}
	down := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	step := func(what string, asks int, answered bool) {
		t.Helper()
		before := w.there.Asks(path)
		_, err := w.here.Address(t.Context(), request())
		if answered != (err == nil) || w.there.Asks(path) != before+asks {
			t.Errorf("%s: asked %d times, %v", what, w.there.Asks(path)-before, err)
		}
	}
	w.there.Set(func(p *openidtest.Provider) { p.Handle[path] = down })
	step("it is down", 1, false)
	step("nobody asks again at once", 0, false)
	w.clock.advance(6 * time.Second)
	step("it is still down", 1, false)
	w.there.Set(func(p *openidtest.Provider) { delete(p.Handle, path) })
	w.clock.advance(6 * time.Second)
	step("it is back", 1, true)
	step("what it said is remembered", 0, true)
	w.clock.advance(time.Hour)
	w.there.Set(func(p *openidtest.Provider) { p.Handle[path] = down })
	step("it is down again, and what it said still holds", 1, true)
	step("nobody asks again at once", 0, true)
}

func TestProvidersThatMustNotBeTrusted(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"another issuer":                  func(d map[string]any) { d["issuer"] = "https://accounts.example.com" },
		"a token endpoint in the clear":   func(d map[string]any) { d["token_endpoint"] = "http://accounts.example.com/token" },
		"keys in the clear":               func(d map[string]any) { d["jwks_uri"] = "http://accounts.example.com/keys" },
		"userinfo in the clear":           func(d map[string]any) { d["userinfo_endpoint"] = "http://accounts.example.com/me" },
		"a script for a page to go to":    func(d map[string]any) { d["authorization_endpoint"] = "javascript:alert(1)" },
		"no keys":                         func(d map[string]any) { delete(d, "jwks_uri") },
		"PKCE that anybody can turn back": func(d map[string]any) { d["code_challenge_methods_supported"] = []string{"plain"} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.there.Set(func(p *openidtest.Provider) { p.Discover = change })
			_, err := w.here.Address(t.Context(), request())
			w.refused(name, err, fault.Busy, "provider_unavailable")
		})
	}
}

func TestOptions(t *testing.T) {
	good := openid.Options{ID: "sso", Issuer: "https://accounts.example.org/tenant", ClientID: "c"}
	for name, change := range map[string]func(*openid.Options){
		"no issuer":            func(o *openid.Options) { o.Issuer = "" },
		"in the clear":         func(o *openid.Options) { o.Issuer = "http://accounts.example.org" },
		"with a query":         func(o *openid.Options) { o.Issuer += "?a=b" },
		"with a password":      func(o *openid.Options) { o.Issuer = "https://a:b@accounts.example.org" },
		"no client id":         func(o *openid.Options) { o.ClientID = "" },
		"an id for no address": func(o *openid.Options) { o.ID = "a/b" },
	} {
		o := good
		change(&o)
		if _, err := openid.New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	p, err := openid.New(good)
	if err != nil || p.Name() != "accounts.example.org" {
		t.Fatalf("%v, named %q", err, p.Name())
	}
	for _, issuer := range []string{"http://localhost:8080", "http://127.0.0.1", "http://[::1]:99/x"} {
		o := good
		o.Issuer = issuer
		if _, err := openid.New(o); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestAddress(t *testing.T) {
	w := newWorld(t, func(o *openid.Options) { o.Scopes = []string{"email", "openid", "groups"} })
	address, err := w.here.Address(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("scope") != "openid email groups" || q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != callback || strings.Contains(address, request().Verifier) {
		t.Errorf("%s", address)
	}
}
