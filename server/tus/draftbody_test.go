package tus

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// The last byte that may come is handed out only with the end of the body.
func TestContentKeepsTheLastByte(t *testing.T) {
	broken := errors.New("the connection is gone")
	for _, c := range []struct {
		what string
		body io.Reader
		left int64
		got  string
		err  error
	}{
		{"as announced", strings.NewReader("hello"), 5, "hello", nil},
		{"the end comes with the last byte", iotest.DataErrReader(strings.NewReader("hello")), 5, "hello", nil},
		{"byte by byte", iotest.OneByteReader(strings.NewReader("hello")), 5, "hello", nil},
		{"not announced", strings.NewReader("hello"), -1, "hello", nil},
		{"shorter", strings.NewReader("hello"), 9, "hello", nil},
		{"longer", strings.NewReader("hello"), 4, "hel", errLonger},
		{"longer, byte by byte", iotest.OneByteReader(strings.NewReader("hello")), 4, "hel", errLonger},
		{"nothing, as announced", strings.NewReader(""), 0, "", nil},
		{"more than nothing", strings.NewReader("h"), 0, "", errLonger},
		{"it breaks off instead of ending", io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(broken)), 5, "hell", broken},
		{"it breaks off before", io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(broken)), 9, "hello", broken},
	} {
		body := &content{body: c.body, left: c.left, deadline: func(time.Time) error { return http.ErrNotSupported }, told: time.Now(), nextBytes: progressBytes}
		got, err := io.ReadAll(body)
		if string(got) != c.got || !errors.Is(err, c.err) || body.ended != (c.err == nil) || body.broken != c.err {
			t.Errorf("%s: %q, %v; ended %v, broken %v", c.what, got, err, body.ended, body.broken)
		}
	}
}

func TestContentStops(t *testing.T) {
	var deadlines []bool // whether there was one
	body := &content{body: strings.NewReader("hello"), left: -1, told: time.Now(), nextBytes: progressBytes,
		deadline: func(at time.Time) error { deadlines = append(deadlines, !at.IsZero()); return nil }}
	if n, err := body.Read(make([]byte, 2)); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	body.letGo()
	body.giveUp()
	if n, err := body.Read(make([]byte, 2)); n != 0 || !errors.Is(err, errTakenOver) || !body.takenOver() {
		t.Errorf("after it let go: %d, %v", n, err)
	}
	ended := &content{body: strings.NewReader(""), left: -1, told: time.Now(), nextBytes: progressBytes, deadline: body.deadline}
	if _, err := io.ReadAll(ended); err != nil {
		t.Fatal(err)
	}
	if ended.letGo(); ended.takenOver() || deadlines[len(deadlines)-1] {
		t.Errorf("a body that ended was stopped, or its deadline stayed: %v", deadlines)
	}
}

func TestStructuredFields(t *testing.T) {
	for value, want := range map[string]int64{
		"0": 0, "42": 42, " 7 ": 7, "007": 7, "999999999999999": largestInteger, "5;a": 5, `5; a=1;b="x\"y";c=?1;d=:AA==:;e=tok/en;f=1.5`: 5,
		"": -1, "-1": -1, "1.0": -1, "1e3": -1, "1000000000000000": -1, "1, 1": -1, "five": -1, `"5"`: -1, "5;A": -1, "5;": -1, "5 6": -1,
	} {
		got, ok := integer(http.Header{"N": {value}}, "N")
		if ok != (want >= 0) || (ok && got != want) {
			t.Errorf("integer %q: %d, %v", value, got, ok)
		}
	}
	if _, ok := integer(http.Header{"N": {"1", "1"}}, "N"); ok {
		t.Error("two fields are no item")
	}
	for value, want := range map[string]string{"?1": "true", "?0": "false", "?1;x": "true", "1": "", "true": "", "?2": "", "?1, ?1": "", "": ""} {
		got, ok := boolean(http.Header{"B": {value}}, "B")
		if ok != (want != "") || (ok && got != (want == "true")) {
			t.Errorf("boolean %q: %v, %v", value, got, ok)
		}
	}
	const digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	for value, found := range map[string]bool{
		"sha-256=:" + digest + ":": true, "sha-512=:AA==:, sha-256=:" + digest + ":": true, "sha-256=:AA==:": false, "sha-256=" + digest: false, "": false,
	} {
		if sum := reprSHA256(http.Header{"Repr-Digest": {value}}); (len(sum) == 32) != found {
			t.Errorf("Repr-Digest %q: %x", value, sum)
		}
	}
}
