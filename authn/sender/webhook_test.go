package sender

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
)

const testKey = "0123456789abcdef0123456789abcdef"

func textMessage() authn.Message {
	return authn.Message{ID: "msg1", Kind: "phone", To: "+4915112345678", Purpose: "register", Code: "123456", Language: "zh-CN", Text: "123456 是你的验证码。"}
}

// gateway verifies as the specification tells a receiver to, from the request alone.
func gateway(t *testing.T, got *[]webhookBody) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		m := hmac.New(sha256.New, []byte(testKey))
		m.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
		if want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)); r.Header.Get("webhook-signature") != want {
			t.Errorf("signature %q, want %q", r.Header.Get("webhook-signature"), want)
		}
		if at, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64); err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute {
			t.Errorf("timestamp %q", r.Header.Get("webhook-timestamp"))
		}
		if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("webhook-id") != "msg1" {
			t.Errorf("%s, %v", r.Method, r.Header)
		}
		var b webhookBody
		if err := json.Unmarshal(body, &b); err != nil {
			t.Error(err)
		}
		*got = append(*got, b)
		w.WriteHeader(http.StatusNoContent)
	}
}

func TestAGatewayGetsASignedMessage(t *testing.T) {
	for _, secret := range []string{testKey, "whsec_" + base64.StdEncoding.EncodeToString([]byte(testKey))} {
		var got []webhookBody
		server := httptest.NewServer(gateway(t, &got))
		h, err := NewWebhook(server.URL+"/send?account=7", secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Send(t.Context(), textMessage()); err != nil {
			t.Error(err)
		}
		if len(got) != 1 || got[0].Type != "message.send" || got[0].Data != (webhookData{"+4915112345678", "register", "123456", "zh-CN", "123456 是你的验证码。"}) {
			t.Errorf("%+v", got)
		}
		server.Close()
	}
}

func TestWhatAGatewayAnswers(t *testing.T) {
	for status, want := range map[int]string{200: "", 202: "", 301: "final", 307: "final", 400: "final", 401: "final", 404: "final", 408: "again", 429: "again", 500: "again", 503: "again"} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = w.Write(bytes.Repeat([]byte("no "), 100_000)) // nobody reads all of it
		}))
		h, err := NewWebhook(server.URL, testKey)
		if err != nil {
			t.Fatal(err)
		}
		err = h.Send(t.Context(), textMessage())
		got := ""
		if err != nil {
			got = "again"
		}
		if errors.Is(err, authn.ErrRejected) {
			got = "final"
		}
		if got != want || asked != 1 {
			t.Errorf("%d: %v after %d requests", status, err, asked)
		}
		server.Close()
	}
}

// Attack: a gateway that does not answer, and an address that holds a password.
func TestASilentGatewayIsLeftAndItsAddressIsNotTold(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	defer server.Close()
	defer close(stop)
	h, err := NewWebhook(strings.Replace(server.URL, "http://", "http://user:hunter2@", 1), testKey)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.Send(ctx, textMessage()); err == nil || errors.Is(err, authn.ErrRejected) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestWebhookSettingsThatAreWrong(t *testing.T) {
	for _, c := range [][2]string{{"", testKey}, {"ftp://h", testKey}, {"http://", testKey}, {"https://h", ""}, {"https://h", "short"}, {"https://h", "whsec_!"}, {"https://h", "whsec_c2hvcnQ="}} {
		if _, err := NewWebhook(c[0], c[1]); err == nil {
			t.Errorf("%q", c)
		}
	}
}

// Attack: line ends that make lines of their own in the log.
func TestTheLogHoldsOneLineForAMessage(t *testing.T) {
	for name, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var log bytes.Buffer
		m := textMessage()
		m.To = "a@example.org\r\ntime=2026-01-01 level=ERROR msg=\"forged\""
		if err := (Log{slog.New(handler(&log))}).Send(t.Context(), m); err != nil {
			t.Error(err)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "123456") {
			t.Errorf("%s: %d lines: %s", name, lines, log.String())
		}
	}
}
