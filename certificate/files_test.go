package certificate_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/certificate"
	"github.com/satchelhq/satchel/certificate/certificatetest"
)

// What whoever renews certificates does to the files, and what is served then.
func TestFilesChange(t *testing.T) {
	authority := certificatetest.New(t)
	hour := time.Now().Add(time.Hour).Truncate(time.Second)
	oldCert, oldKey := authority.Issue(hour, "old.example")
	newCert, newKey := authority.Issue(hour.Add(time.Hour), "new.example", "other.example")
	goneCert, goneKey := authority.Issue(time.Now().Add(-time.Minute), "gone.example")

	for _, c := range []struct {
		name   string
		change func(d folder) // of tls.crt and tls.key
		want   string
		logged string // of what was refused
	}{
		{"nothing", func(folder) {}, "old.example", ""},
		{"both are written over", func(d folder) { d.write("tls.crt", newCert); d.write("tls.key", newKey) }, "new.example", ""},
		{"both are renamed over", func(d folder) { d.replace("tls.crt", newCert); d.replace("tls.key", newKey) }, "new.example", ""},
		{"only the certificate came yet", func(d folder) { d.replace("tls.crt", newCert) }, "old.example", "private key does not match"},
		{"half a file", func(d folder) { d.write("tls.crt", newCert[:100]); d.write("tls.key", newKey) }, "old.example", "failed to find any PEM data"},
		{"an empty file", func(d folder) { d.write("tls.key", nil) }, "old.example", "failed to find any PEM data"},
		{"it is gone", func(d folder) { d.remove("tls.crt") }, "old.example", "no such file"},
		{"it has expired", func(d folder) { d.write("tls.crt", goneCert); d.write("tls.key", goneKey) }, "old.example", "it has expired at"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := folder{t, t.TempDir()}
			d.write("tls.crt", oldCert)
			d.write("tls.key", oldKey)
			var log bytes.Buffer
			f, err := certificate.OpenFiles(d.path("tls.crt"), d.path("tls.key"), slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			c.change(d)
			for range 3 { // what was refused once is told once
				f.Look()
			}
			if got := served(t, f); got != c.want {
				t.Errorf("%s is served, want %s", got, c.want)
			}
			if n := strings.Count(log.String(), "level=ERROR"); n > 1 || (n == 1) != (c.logged != "") || !strings.Contains(log.String(), c.logged) {
				t.Errorf("want %q told once:\n%s", c.logged, &log)
			}
			if c.want == "new.example" && !strings.Contains(log.String(), "name=new.example until="+hour.Add(time.Hour).UTC().Format("2006-01-02T15:04:05")) {
				t.Errorf("the log does not say what is served until when:\n%s", &log)
			}
			d.replace("tls.key", newKey)
			d.replace("tls.crt", newCert)
			f.Look()
			if got := served(t, f); got != "new.example" {
				t.Errorf("after a whole new pair %s is served", got)
			}
		})
	}
}

// Kubernetes has the files as links into a folder that is a link, and swaps that; certbot has links into an archive and makes new ones.
func TestLinksSwapped(t *testing.T) {
	authority := certificatetest.New(t)
	d := folder{t, t.TempDir()}
	for i, name := range []string{"one.example", "two.example"} {
		generation := []string{"..2026_1", "..2026_2"}[i]
		if err := os.Mkdir(d.path(generation), 0o700); err != nil {
			t.Fatal(err)
		}
		cert, key := authority.Issue(time.Now().Add(time.Hour), name)
		d.write(generation+"/tls.crt", cert)
		d.write(generation+"/tls.key", key)
	}
	d.link("..2026_1", "..data")
	d.link("..data/tls.crt", "tls.crt")
	d.link("..data/tls.key", "tls.key")
	f, err := certificate.OpenFiles(d.path("tls.crt"), d.path("tls.key"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if got := served(t, f); got != "one.example" {
		t.Fatalf("%s is served", got)
	}
	d.link("..2026_2", "..data")
	f.Look()
	if got := served(t, f); got != "two.example" {
		t.Errorf("Kubernetes: %s is served", got)
	}
	d.link("..2026_1/tls.crt", "tls.crt")
	d.link("..2026_1/tls.key", "tls.key")
	f.Look()
	if got := served(t, f); got != "one.example" {
		t.Errorf("certbot: %s is served", got)
	}
}

// At the start a pair that cannot be served is an error, and one that has expired is a warning: there is nothing else to serve.
func TestFilesAtTheStart(t *testing.T) {
	authority := certificatetest.New(t)
	d := folder{t, t.TempDir()}
	cert, key := authority.Issue(time.Now().Add(-time.Minute), "gone.example")
	_, otherKey := authority.Issue(time.Now().Add(time.Hour), "other.example")
	d.write("tls.crt", cert)
	d.write("tls.key", key)
	d.write("other.key", otherKey)
	d.write("huge.crt", make([]byte, 1<<20+1))
	for _, c := range []struct{ cert, key, want string }{
		{"tls.crt", "none.key", "none.key: no such file"},
		{"tls.crt", "other.key", "private key does not match"},
		{"tls.key", "tls.key", "failed to find certificate PEM data"},
		{"huge.crt", "tls.key", "is larger than 1048576 bytes"},
	} {
		if _, err := certificate.OpenFiles(d.path(c.cert), d.path(c.key), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: %v, want %q", c.cert, c.key, err, c.want)
		}
	}
	var log bytes.Buffer
	if _, err := certificate.OpenFiles(d.path("tls.crt"), d.path("tls.key"), slog.New(slog.NewTextHandler(&log, nil))); err != nil || !strings.Contains(log.String(), "has expired") {
		t.Errorf("%v, logged %s", err, &log)
	}
}

// served is the first name of the certificate that a client is shown, which is also what Served tells.
func served(t *testing.T, f *certificate.Files) string {
	t.Helper()
	pair, err := f.TLS().GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	told := f.Served()
	if len(told) != 1 || told[0].Name != pair.Leaf.DNSNames[0] || !told[0].Until.Equal(pair.Leaf.NotAfter) {
		t.Errorf("told %v, served %v", told, pair.Leaf.DNSNames)
	}
	return pair.Leaf.DNSNames[0]
}

type folder struct {
	t    *testing.T
	root string
}

func (d folder) path(name string) string { return filepath.Join(d.root, name) }

func (d folder) do(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d folder) write(name string, content []byte) { d.do(os.WriteFile(d.path(name), content, 0o600)) }
func (d folder) remove(name string)                { d.do(os.Remove(d.path(name))) }

func (d folder) replace(name string, content []byte) {
	d.write(name+".new", content)
	d.do(os.Rename(d.path(name+".new"), d.path(name)))
}

func (d folder) link(to, name string) {
	d.do(os.Symlink(to, d.path(name+".new")))
	d.do(os.Rename(d.path(name+".new"), d.path(name)))
}
