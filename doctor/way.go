package doctor

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

const (
	// patience is how long an answer may take.
	patience = 20 * time.Second
	// streamPatience is how long bytes may take that a proxy lets through as they come.
	streamPatience = 5 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 1 << 20
)

// Account is whom the doctor asks as: one that is made for it, since it makes and removes files.
type Account struct{ Username, Password string }

// Way is the address by which people reach the server.
type Way struct {
	Base    *url.URL
	Account Account
	Large   int64 // bytes of the largest body that is announced; no more than a little of it is sent
	Now     func() time.Time

	client   *http.Client
	token    string
	h5       string // opens the pages signed in
	findings []Finding
}

// answer is one, with its body.
type answer struct {
	*http.Response
	text string
}

func (w *Way) begin() error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	w.client = &http.Client{Jar: jar,
		// HTTP/1.1: HEAD goes beside a PATCH on another connection, and limits are told in its words.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{NextProtos: []string{"http/1.1"}}, Proxy: http.ProxyFromEnvironment,
			ResponseHeaderTimeout: patience, ExpectContinueTimeout: time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return nil
}

func (w *Way) tell(f Finding) { w.findings = append(w.findings, f) }

// bearer and basic are credentials; header is any.
func (w *Way) bearer() [2]string { return [2]string{"Authorization", "Bearer " + w.token} }

func header(name, value string) [2]string { return [2]string{name, value} }

func (w *Way) request(ctx context.Context, method, path string, body io.Reader, headers ...[2]string) (*http.Request, error) {
	address := path
	if strings.HasPrefix(path, "/") {
		address = w.Base.String() + path
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		r.Header.Set(h[0], h[1])
	}
	r.Header.Set("User-Agent", "satchel-doctor")
	return r, nil
}

// ask sends a request and reads the answer. path is below Base.
func (w *Way) ask(ctx context.Context, method, path, body string, headers ...[2]string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := w.request(ctx, method, path, content, headers...)
	if err != nil {
		return nil, err
	}
	return w.do(r)
}

func (w *Way) do(r *http.Request) (*answer, error) {
	response, err := w.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return &answer{response, string(text)}, err
}

// dav asks with the account's password, as a mount does.
func (w *Way) dav(ctx context.Context, method, path, body string, headers ...[2]string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := w.request(ctx, method, path, strings.NewReader(body), headers...)
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(w.Account.Username, w.Account.Password)
	return w.do(r)
}

// stopped reports whether an answer is that of something in front which does not let a method through.
func (a *answer) stopped() bool {
	switch a.StatusCode {
	case http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest, http.StatusNotFound:
		return !a.ours()
	}
	return false
}

// ours reports whether an answer is Satchel's, as each of its doors has it.
func (a *answer) ours() bool {
	return a.Header.Get("Tus-Resumable") != "" || strings.Contains(a.Header.Get("Content-Type"), "problem+json") || strings.Contains(a.text, "DAV:")
}
