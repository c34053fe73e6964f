package webhook

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The example of the specification's reference libraries: their receivers take what is signed here.
func TestSignatureAsTheReferenceHasIt(t *testing.T) {
	got := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got <- r
	}))
	defer server.Close()
	c, err := New(server.URL, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { return time.Unix(1614265330, 0) }
	status, err := c.Post(t.Context(), "msg_p5jXN8AQM9LWM0D4loKWxJek", []byte(`{"test": 2432232314}`))
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v", status, err)
	}
	r := <-got
	if r.Header.Get("webhook-signature") != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" || r.Header.Get("webhook-timestamp") != "1614265330" {
		t.Errorf("%v", r.Header)
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	for _, c := range []struct {
		status       int
		taken, final bool
	}{{200, true, false}, {204, true, false}, {299, true, false}, {301, false, true}, {307, false, true}, {400, false, true}, {404, false, true}, {410, false, true},
		{408, false, false}, {425, false, false}, {429, false, false}, {500, false, false}, {503, false, false}} {
		if Taken(c.status) != c.taken || Final(c.status) != c.final {
			t.Errorf("%d: taken %v, final %v", c.status, Taken(c.status), Final(c.status))
		}
	}
}

// Attack: a receiver that answers without an end. What is read of it is bounded, and the address it leads to is not asked.
func TestAnAnswerWithoutAnEndAndARedirect(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	c, err := New(server.URL, base64.StdEncoding.EncodeToString(make([]byte, minSecret)))
	if err != nil {
		t.Fatal(err)
	}
	if status, err := c.Post(t.Context(), "m", nil); status != http.StatusTemporaryRedirect || err != nil || asked != 1 {
		t.Errorf("%d, %v after %d requests", status, err, asked)
	}
}

// Attack: a receiver that takes the request and never answers. The address, which may hold a password, is in no error.
func TestASilentReceiverIsLeft(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	defer server.Close()
	defer close(stop)
	c, err := New(strings.Replace(server.URL, "http://", "http://user:hunter2@", 1), "0123456789abcdef")
	if err != nil || c.timeout != timeout {
		t.Fatalf("%v, %v", err, c.timeout)
	}
	c.timeout = 50 * time.Millisecond
	if status, err := c.Post(t.Context(), "m", nil); err == nil || status != 0 || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%d, %v", status, err)
	}
}
