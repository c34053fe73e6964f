package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

const (
	// certificateSoon is when a certificate should have been renewed.
	certificateSoon = 14 * 24 * time.Hour
	// clockApart is by how much clocks may differ: codes of authenticator apps are good for half a minute.
	clockApart = 30 * time.Second
)

// Look looks at everything and answers what it found. It ends early where nothing behind can work. What it makes in the account it removes, as far as it can.
func (w *Way) Look(ctx context.Context) ([]Finding, error) {
	if err := w.begin(); err != nil {
		return nil, err
	}
	if w.reach(ctx) && w.signIn(ctx) && w.credentials(ctx) {
		w.uploads(ctx)
		w.mounts(ctx)
		w.pages(ctx)
	}
	return w.findings, ctx.Err()
}

func (w *Way) reach(ctx context.Context) bool {
	const topic = "reach"
	a, err := w.ask(ctx, http.MethodGet, "/healthz", "")
	switch {
	case err != nil:
		w.tell(wrong(topic, nil, "%s does not answer: %v", w.Base, err))
		return false
	case a.StatusCode != http.StatusOK || a.text != "ok\n":
		w.tell(wrong(topic, nil, "%s/healthz answers %s: something else than Satchel is there, or nothing behind the proxy", w.Base, a.Status))
		return false
	}
	w.tell(good(topic, "%s is there", w.Base))
	if a.TLS != nil {
		if left := a.TLS.PeerCertificates[0].NotAfter.Sub(w.Now()); left < certificateSoon {
			w.tell(note("certificate", "it expires in %d hours", int(left.Hours())))
		} else {
			w.tell(good("certificate", "good for %d days", int(left.Hours()/24)))
		}
	} else {
		w.tell(note("certificate", "plain HTTP: Explorer takes no password without HTTPS, browsers no passkeys and no installed pages, and everything is for all to read"))
	}
	if at, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		if apart := w.Now().Sub(at).Abs(); apart > clockApart {
			w.tell(wrong("clock", []Fix{{"the machine", "timedatectl set-ntp true"}}, "the clocks there and here are %s apart: codes and signed links fail", apart.Round(time.Second)))
		} else {
			w.tell(good("clock", "the same there and here"))
		}
	}
	return true
}

func (w *Way) signIn(ctx context.Context) bool {
	const topic = "sign in"
	body, err := json.Marshal(map[string]string{"login": w.Account.Username, "password": w.Account.Password})
	if err != nil {
		return false
	}
	var in struct {
		Token string `json:"access_token"`
		H5    string `json:"h5_url"`
	}
	a, err := w.ask(ctx, http.MethodPost, "/api/v1/login", string(body), header("Content-Type", "application/json"))
	switch {
	case err != nil:
		w.tell(wrong(topic, nil, "%v", err))
	case a.StatusCode != http.StatusOK || json.Unmarshal([]byte(a.text), &in) != nil || in.Token == "":
		w.tell(wrong(topic, nil, "POST /api/v1/login answers %s: is this the server of these settings?", a.Status))
	default:
		w.token, w.h5 = in.Token, in.H5
		w.tell(good(topic, "by the API"))
		return true
	}
	return false
}

// credentials looks whether they come through; what is behind makes no sense without.
func (w *Way) credentials(ctx context.Context) bool {
	const topic = "header Authorization"
	for _, ask := range []func() (*answer, error){
		func() (*answer, error) { return w.ask(ctx, http.MethodGet, "/api/v1/me", "", w.bearer()) },
		func() (*answer, error) { return w.dav(ctx, http.MethodGet, "/api/v1/me", "") },
	} {
		a, err := ask()
		if err != nil {
			w.tell(wrong(topic, nil, "%v", err))
			return false
		}
		if a.StatusCode == http.StatusUnauthorized {
			w.tell(wrong(topic, append(headerLost("Authorization"), Fix{"nginx", "an auth_basic of its own is in the way: take it out"}), "credentials do not come through: %s", a.Status))
			return false
		}
	}
	w.tell(good(topic, "comes through"))
	return true
}
