package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/satchelhq/satchel/openid/openidtest"
)

// federated is a server, and a provider on another site where its people sign in.
func federated(t *testing.T) (*Server, *openidtest.Provider) {
	t.Helper()
	provider := openidtest.New(t)
	provider.URL = strings.Replace(provider.URL, "127.0.0.1", "localhost", 1) // to a browser that is another site
	provider.People["mia"] = jwt.MapClaims{"sub": "m-1", "email": "mia@example.org", "email_verified": true, "preferred_username": "mia"}
	provider.People["ann"] = jwt.MapClaims{"sub": "a-1", "email": "ann@example.org", "email_verified": true, "preferred_username": "annie"}
	s := start(t, "SATCHEL_OIDC_ISSUER="+provider.URL, "SATCHEL_OIDC_CLIENT_ID="+openidtest.ClientID,
		"SATCHEL_OIDC_CLIENT_SECRET="+openidtest.ClientSecret, "SATCHEL_OIDC_NAME=Acme")
	provider.Set(func(p *openidtest.Provider) { p.Redirects = []string{s.URL + "/login/oidc/sso/callback"} })
	return s, provider
}

// A person in Chromium signs in at a provider, comes again, meets an account with the same address, and links and unlinks.
func TestBrowserSignsInElsewhere(t *testing.T) {
	t.Parallel()
	eachView(t, chinese, func(t *testing.T, size, language string) {
		s, provider := federated(t)
		scene(t, "oidc.mjs", size, s.URL, t.TempDir(), language, provider.URL)
		if s.log.String() == "" || strings.Contains(s.log.String(), openidtest.ClientSecret) {
			t.Error("the log is empty, or holds the client's secret")
		}
	})
}

// No other site makes a browser begin a sign-in, or links an account that is signed in here.
func TestAttackOtherSitesBeginNoSignIn(t *testing.T) {
	t.Parallel()
	s, provider := federated(t)
	browser := s.Register(t, "ann").Browser(t)
	browser.CheckRedirect = noRedirects(nil).CheckRedirect
	for path, form := range map[string]url.Values{
		"/login/oidc/sso":     {},
		"/account/identities": {"action": {"link"}, "provider": {"sso"}, "password": {password}},
	} {
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			answer := send(t, browser, http.MethodPost, s.URL+path,
				headers(map[string]string{"Content-Type": formType, name: value}), strings.NewReader(form.Encode()))
			if answer.StatusCode != http.StatusForbidden || answer.Header.Get("Refresh") != "" {
				t.Errorf("%s with %s: %s", path, name, answer.Status)
			}
		}
	}
	if provider.Asks("/.well-known/openid-configuration") != 0 {
		t.Error("the provider was asked")
	}
}

// A provider that is not there keeps nobody else out.
func TestTheServerStartsWithoutTheProvider(t *testing.T) {
	t.Parallel()
	s := start(t, "SATCHEL_OIDC_ISSUER=https://127.0.0.1:9/", "SATCHEL_OIDC_CLIENT_ID=x")
	s.Register(t, "ann")
	answer := send(t, noRedirects(nil), http.MethodPost, s.URL+"/login/oidc/sso", nil, nil)
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(answer.text, "does not answer as it should") {
		t.Errorf("%s\n%s", answer.Status, answer.text)
	}
	s.Login(t, "ann")
}
