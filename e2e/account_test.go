package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

const password = "correct-horse-battery" // no spaces, for .netrc

// Account is a user of a server, as an app is one.
type Account struct {
	s              *Server
	Name, ID       string
	Token, Refresh string
	H5             string // opens the pages signed in, once

	Basic, Bearer, Anonymous *http.Client // with the password, with the access token, with nothing
}

// Register makes an account over the API.
func (s *Server) Register(t testing.TB, name string) *Account {
	t.Helper()
	return s.signIn(t, name, "/api/v1/register", http.StatusCreated, map[string]string{"username": name, "password": password})
}

// Login signs in to an account that is there.
func (s *Server) Login(t testing.TB, name string) *Account {
	t.Helper()
	return s.signIn(t, name, "/api/v1/login", http.StatusOK, map[string]string{"login": name, "password": password})
}

func (s *Server) signIn(t testing.TB, name, path string, status int, body map[string]string) *Account {
	t.Helper()
	var signIn struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		H5URL        string `json:"h5_url"`
		User         struct{ ID string }
	}
	decode(t, postJSON(t, s.URL+path, body), status, &signIn)
	if signIn.AccessToken == "" || signIn.User.ID == "" {
		t.Fatalf("%s answered no token or no id: %+v", path, signIn)
	}
	return &Account{
		s: s, Name: name, ID: signIn.User.ID, Token: signIn.AccessToken, Refresh: signIn.RefreshToken, H5: signIn.H5URL,
		Basic:     noRedirects(&authorised{set: func(r *http.Request) { r.SetBasicAuth(name, password) }}),
		Bearer:    noRedirects(&authorised{set: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+signIn.AccessToken) }}),
		Anonymous: noRedirects(nil),
	}
}

// Browser is a client that signed in at the form of the pages and keeps the cookie. It follows redirects.
func (a *Account) Browser(t testing.TB) *http.Client {
	t.Helper()
	browser := newBrowser(t)
	answer, err := browser.PostForm(a.s.URL+"/login", url.Values{"login": {a.Name}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Request.URL.Path, "/drive") {
		t.Fatalf("signing in at the page ended with %s at %s; want the drive", answer.Status, answer.Request.URL)
	}
	return browser
}

// newBrowser is a client that keeps cookies and follows redirects.
func newBrowser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// Listed is the names that a page of the drive shows.
func Listed(t testing.TB, browser *http.Client, address string) []string {
	t.Helper()
	answer, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", address, answer.Status)
	}
	page, err := goquery.NewDocumentFromReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page.Find("#listing tbody td.name bdi").Map(func(_ int, name *goquery.Selection) string { return name.Text() })
}

// Put writes a file over WebDAV.
func (a *Account) Put(t testing.TB, path, content string) {
	t.Helper()
	answer := send(t, a.Basic, http.MethodPut, a.s.URL+"/dav/"+escape(path), nil, strings.NewReader(content))
	if answer.StatusCode != http.StatusCreated && answer.StatusCode != http.StatusNoContent {
		t.Fatalf("PUT %s: %s", path, answer.Status)
	}
}

// Get reads a file over WebDAV.
func (a *Account) Get(t testing.TB, path string) (status int, content string) {
	t.Helper()
	answer := send(t, a.Basic, http.MethodGet, a.s.URL+"/dav/"+escape(path), nil, nil)
	return answer.StatusCode, answer.text
}

// SHA256 is the hash of a file as WebDAV serves it, in hexadecimal, and its size.
func (a *Account) SHA256(t testing.TB, path string) (sum string, size int64) {
	t.Helper()
	answer, err := a.Basic.Get(a.s.URL + "/dav/" + escape(path))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", path, answer.Status)
	}
	hash := sha256.New()
	if size, err = io.Copy(hash, answer.Body); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil)), size
}

// reply is an answer whose body has been read.
type reply struct {
	*http.Response
	text string
}

// send makes a request and reads the answer.
func send(t testing.TB, client *http.Client, method, address string, header http.Header, body io.Reader) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return reply{answer, string(text)}
}

func postJSON(t testing.TB, address string, body any) reply {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, noRedirects(nil), http.MethodPost, address, http.Header{"Content-Type": {"application/json"}}, bytes.NewReader(text))
}

func decode(t testing.TB, answer reply, status int, into any) {
	t.Helper()
	if answer.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d\n%s", answer.Request.Method, answer.Request.URL, answer.Status, status, answer.text)
	}
	if err := json.Unmarshal([]byte(answer.text), into); err != nil {
		t.Fatalf("%s: %v\n%s", answer.Request.URL, err, answer.text)
	}
}

// escape is a path as it stands in a URL.
func escape(path string) string {
	return (&url.URL{Path: path}).EscapedPath()
}

// base64Of is a value as Upload-Metadata wants it.
func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// authorised is a transport that adds credentials.
type authorised struct{ set func(*http.Request) }

func (a *authorised) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	a.set(r)
	return http.DefaultTransport.RoundTrip(r)
}

// noRedirects is a client that shows a redirect as it is.
func noRedirects(transport http.RoundTripper) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
