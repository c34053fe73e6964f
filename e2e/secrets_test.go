package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// secretForms is what a secret of any test looks like.
var secretForms = regexp.MustCompile(`eyJ[\w-]{8,}\.[\w-]{8,}\.|(?i:basic|bearer) [\w+/=.-]{12,}|[?&](?:ticket|token|code|password|X-Amz-Signature)=[^&"\s]|"/(?:s|d|drop)/[^…"]|whsec_|\$argon2id\$`)

// wantNoSecrets looks for secrets in what a server wrote. Every server of these tests is looked at when its test ends.
func wantNoSecrets(t testing.TB, log string, secrets ...string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if found := secretForms.FindString(line); found != "" {
			t.Errorf("the log tells %.12s…: %s", found, line)
		}
		for _, secret := range append(secrets, password) {
			for _, spelled := range []string{secret, url.QueryEscape(secret), base64Of(secret)} {
				if secret != "" && strings.Contains(line, spelled) {
					t.Errorf("the log tells %.4s…: %s", secret, line)
				}
			}
		}
	}
}

func TestSecretsAreKnownByTheirForm(t *testing.T) {
	for line, secret := range map[string]bool{
		`{"path":"/s/06h2ji1u"}`:                           true,
		`{"path":"/s/…/a.txt"}`:                            false,
		`{"path":"/drive/s/x"}`:                            false,
		`"GET /drop/abc HTTP/1.1"`:                         false, // quoted from the method on: a test of its own looks there
		`"Authorization":"Basic YW5uOnBhc3N3b3Jk"`:         true,
		`token eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJodHRw.c2ln`: true,
		`"url":"/login?ticket=abc"`:                        true,
		`"hash":"$argon2id$v=19$m=19456"`:                  true,
		`"err":"drive.Put: busy","bytes":12,"status":503`:  false,
	} {
		if secretForms.MatchString(line) != secret {
			t.Errorf("%s: want a secret: %v", line, secret)
		}
	}
}

// At its most talkative, with requests in a log of their own too, the server tells nothing that opens anything: not what came in headers, bodies,
// queries and paths, and not what it made.
func TestLogsTellNoSecrets(t *testing.T) {
	t.Parallel()
	var sent atomic.Bool
	var mu sync.Mutex
	var secrets []string
	learn := func(found ...string) {
		mu.Lock()
		defer mu.Unlock()
		secrets = append(secrets, found...)
	}
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var message struct{ Data struct{ Code string } }
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil || message.Data.Code == "" {
			t.Errorf("the gateway was sent no code: %v", err)
		}
		learn(message.Data.Code)
		sent.Store(true)
	}))
	defer gateway.Close()
	access := filepath.Join(t.TempDir(), "access.log")
	s := start(t, "SATCHEL_LOG_LEVEL=debug", "SATCHEL_ACCESS_LOG="+access,
		"SATCHEL_CODE_WEBHOOK="+gateway.URL+"/hook-secret", "SATCHEL_CODE_WEBHOOK_SECRET=hook-signing-secret")
	registered, a := s.Register(t, "ann"), s.Login(t, "ann")
	learn(registered.Token, registered.Refresh, a.Token, a.Refresh, "hook-secret", "hook-signing-secret", "a-wrong-password", "a.made.up.token", "secret-query", "open-sesame")
	h5, err := url.Parse(a.H5)
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range h5.Query() {
		learn(values...)
	}
	asJSON := headers(map[string]string{"Content-Type": jsonType})
	call := func(method, path, body string, status int, into any) {
		t.Helper()
		decode(t, send(t, a.Bearer, method, s.URL+path, asJSON, strings.NewReader(body)), status, into)
	}
	try := func(client *http.Client, method, address string, header map[string]string, body string) {
		t.Helper()
		send(t, client, method, address, headers(header), strings.NewReader(body))
	}

	var renewed struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	call(http.MethodPost, "/api/v1/token/refresh", `{"refresh_token": "`+a.Refresh+`"}`, http.StatusOK, &renewed)
	learn(renewed.AccessToken, renewed.RefreshToken)
	a.Put(t, "cat.txt", "content")
	var share, drop, device, download struct{ URL, Password, Link string }
	call(http.MethodPost, "/api/v1/shares", `{"path": "/cat.txt", "password": "open-sesame"}`, http.StatusCreated, &share)
	call(http.MethodPost, "/api/v1/folders", `{"path": "/inbox"}`, http.StatusCreated, &struct{}{})
	call(http.MethodPost, "/api/v1/shares", `{"path": "/inbox", "kind": "drop"}`, http.StatusCreated, &drop)
	call(http.MethodPost, "/api/v1/app-passwords", `{"name": "phone"}`, http.StatusCreated, &device)
	call(http.MethodPost, "/api/v1/links/download", `{"path": "/cat.txt"}`, http.StatusCreated, &download)
	try(a.Bearer, http.MethodPost, s.URL+"/api/v1/codes", map[string]string{"Content-Type": jsonType}, `{"purpose": "phone", "to": "+4915123456789"}`)
	waitFor(t, "the code", sent.Load)
	opens := func(address string) string { // the name in an address that opens it
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		learn(strings.Split(u.Path, "/")[2])
		return s.URL + u.Path
	}
	shared, box, link := opens(share.URL), opens(drop.URL), opens(download.URL)
	learn(device.Password)

	browser := a.Browser(t) // opens the page by its ticket
	for _, address := range []string{shared, shared + "/", strings.Replace(shared, "/s/", "//s//", 1), box, strings.Replace(box, "/s/", "/drop/", 1) + "/", link, link + "?secret-query", a.H5, s.URL + "/drive/?secret-query"} {
		for _, client := range []*http.Client{a.Anonymous, browser, a.Basic} {
			try(client, http.MethodGet, address, map[string]string{"Referer": shared}, "")
			try(client, http.MethodPost, address, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "password=open-sesame")
			try(client, "BREW", address, nil, "open-sesame")
		}
	}
	for _, credentials := range []string{"Basic " + base64Of("ann:"+device.Password), "Basic " + base64Of("ann:a-wrong-password"), "Bearer a.made.up.token", "Bearer " + renewed.AccessToken + "x", "Digest open-sesame"} {
		for _, path := range []string{"/dav/cat.txt", "/api/v1/me", "/files/"} {
			try(a.Anonymous, http.MethodGet, s.URL+path+"?ticket=secret-query", map[string]string{"Authorization": credentials}, "")
		}
	}
	try(a.Anonymous, http.MethodPost, s.URL+"/api/v1/login", map[string]string{"Content-Type": jsonType}, `{"login": "ann", "password": "a-wrong-password"}`)
	try(a.Anonymous, http.MethodPost, s.URL+"/api/v1/login", map[string]string{"Content-Type": jsonType}, `{"login": "ann", "password": a-wrong-password`)
	s.Stop()

	requests, err := os.ReadFile(access)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	secrets = slices.DeleteFunc(secrets, func(secret string) bool { return secret == "" })
	if len(secrets) < 16 || bytes.Count(requests, []byte("\n")) < 60 || !strings.Contains(s.log.String(), `"level":"DEBUG"`) {
		t.Errorf("%d secrets, %d requests", len(secrets), bytes.Count(requests, []byte("\n")))
	}
	wantNoSecrets(t, s.log.String(), secrets...)
	wantNoSecrets(t, string(requests), secrets...)
}
