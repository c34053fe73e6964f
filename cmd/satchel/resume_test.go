package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// A phone's half upload is ended by a laptop, which knows nothing but the file.
func TestResumeOnAnotherDevice(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testResumeOnAnotherDevice(t) })
	t.Run("postgres", func(t *testing.T) { testResumeOnAnotherDevice(t, "SATCHEL_DATABASE="+sqldbtest.PostgresURL(t)) })
}

func testResumeOnAnotherDevice(t *testing.T, environ ...string) {
	const laptopOrigin = "app://laptop"
	s := start(t, t.TempDir(), append(environ, "SATCHEL_CORS_ORIGINS="+laptopOrigin, "SATCHEL_MAX_OPEN_UPLOADS=1", "SATCHEL_UPLOAD_MAX_AGE=7d")...)
	phone := s.signUp(t)
	film := strings.Repeat("a film from the phone, ", 20_000)
	sum := sha256.Sum256([]byte(film))
	digest := hex.EncodeToString(sum[:])
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

	metadata := fmt.Sprintf("Upload-Metadata: filename %s,folder %s,sha256 %s", encode("film.mp4"), encode("/films"), encode(digest))
	created, text := ask(t, http.MethodPost, s.base+"/files/", phone, nil, "Tus-Resumable: 1.0.0", fmt.Sprintf("Upload-Length: %d", len(film)), metadata)
	if created.StatusCode != http.StatusCreated {
		t.Fatalf("create: %s %s", created.Status, text)
	}
	half := len(film) / 2
	patch := func(address, token string, from, to int) (*http.Response, string) {
		t.Helper()
		return ask(t, http.MethodPatch, address, token, strings.NewReader(film[from:to]), "Tus-Resumable: 1.0.0",
			"Content-Type: application/offset+octet-stream", fmt.Sprintf("Upload-Offset: %d", from), "Origin: "+laptopOrigin)
	}
	if r, text := patch(created.Header.Get("Location"), phone, 0, half); r.StatusCode != http.StatusNoContent {
		t.Fatalf("the phone's half: %s %s", r.Status, text)
	}
	if r, text := ask(t, http.MethodPost, s.base+"/files/", phone, nil, "Tus-Resumable: 1.0.0", "Upload-Length: 5"); r.StatusCode != http.StatusTooManyRequests || !strings.Contains(text, "too_many_uploads") {
		t.Errorf("a second upload: %s %s", r.Status, text)
	}

	// The laptop's app is a page of another origin.
	asJSON := []string{"Content-Type: application/json", "Origin: " + laptopOrigin}
	_, text = ask(t, http.MethodPost, s.base+"/api/v1/login", "", strings.NewReader(`{"login": "ada", "password": "correct horse battery"}`), asJSON...)
	var laptop struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &laptop); err != nil || laptop.AccessToken == "" {
		t.Fatalf("sign in: %s (%v)", text, err)
	}
	type answer struct {
		Status string
		Upload struct {
			URL    string
			Offset int
		}
		File struct{ Path string }
	}
	lookup := func(folder string) (a answer) {
		t.Helper()
		wanted := fmt.Sprintf(`{"sha256": %q, "size": %d, "name": "film.mp4", "folder": %q}`, digest, len(film), folder)
		r, text := ask(t, http.MethodPost, s.base+"/api/v1/uploads/lookup", laptop.AccessToken, strings.NewReader(wanted), asJSON...)
		if err := json.Unmarshal([]byte(text), &a); err != nil || r.StatusCode != http.StatusOK || r.Header.Get("Access-Control-Allow-Origin") != laptopOrigin {
			t.Fatalf("lookup: %s %s (%v)", r.Status, text, err)
		}
		return a
	}
	found := lookup("/films")
	if found.Status != "partial" || found.Upload.Offset != half {
		t.Fatalf("lookup: %+v", found)
	}
	r, text := patch(found.Upload.URL, laptop.AccessToken, half, len(film))
	if r.StatusCode != http.StatusNoContent || r.Header.Get("Upload-Offset") != fmt.Sprint(len(film)) || !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "Upload-Offset") {
		t.Fatalf("the laptop's half: %s %v %s", r.Status, r.Header, text)
	}
	if _, text := ask(t, http.MethodGet, s.base+"/dav/films/film.mp4", phone, nil); text != film {
		t.Errorf("the file is %d bytes long and not the film", len(text))
	}
	if again := lookup("/copies"); again.Status != "complete" || again.File.Path != "/copies/film.mp4" {
		t.Errorf("once it is there: %+v", again)
	}
	s.metric(t, "satchel_upload_patch_bytes_count", 2)
	s.metric(t, "satchel_upload_patch_bytes_sum", float64(len(film)))
	s.metric(t, "satchel_upload_patch_duration_seconds_count", 2)
	s.metric(t, "satchel_uploads_resumed_total", 1)
	s.metric(t, "satchel_uploads_open", 0)
}
