package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/satchelhq/satchel/certificate"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/turn"
)

// docs/metrics.md lists every metric of ours as it is: name, type, labels and meaning; and no other.
func TestTheMetricsAreDocumented(t *testing.T) {
	f := newFront(t, frontOptions{served: []certificate.Served{{Name: "files.example.org", Until: time.Now()}}})
	f.do(httptest.NewRequest(http.MethodGet, "/api/v1/me", nil)) // metrics with labels are there once something happened
	f.do(httptest.NewRequest(http.MethodGet, "/dav/", nil))
	f.metrics.ObserveJob("gc", time.Second, nil)
	turns := turn.New(f.db, "")
	for _, job := range []string{"gc", "backup", "drill"} {
		if err := turns.Wake(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		if _, err := turns.Do(t.Context(), job, time.Hour, func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	f.metrics.S3Observer([]string{"PutObject"}, []string{"ok"})
	families, err := f.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var served []string
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "satchel_") {
			continue
		}
		var labels []string
		for _, pair := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, pair.GetName())
		}
		served = append(served, fmt.Sprintf("| `%s` | %s | %s | %s |",
			family.GetName(), strings.ToLower(family.GetType().String()), strings.Join(labels, ", "), family.GetHelp()))
	}
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `") {
			documented = append(documented, strings.TrimSpace(line))
		}
	}
	for _, line := range served {
		if !slices.Contains(documented, line) {
			t.Errorf("docs/metrics.md lacks\n%s", line)
		}
	}
	for _, line := range documented {
		if !slices.Contains(served, line) {
			t.Errorf("docs/metrics.md tells of what is not there:\n%s", line)
		}
	}
	if len(served) < 20 || len(documented) != len(served) {
		t.Errorf("%d metrics, %d documented", len(served), len(documented))
	}
}

// However often Prometheus asks, the database counts the uploads once in a while; one that fails leaves a gap, and the
// rest of the metrics.
func TestUploadsAreCountedNowAndThen(t *testing.T) {
	asked, broken := 0, false
	c := uploadTally(func(ctx context.Context) (drive.UploadStates, error) {
		asked++
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the database may take for ever")
		}
		if broken {
			return drive.UploadStates{}, errors.New("disk I/O error")
		}
		return drive.UploadStates{Open: 3, Stalled: 2, Gone: 1}, nil
	}, newFront(t, frontOptions{}).Server.log)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	values := func() (all []float64) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families { // sorted by name
			all = append(all, family.GetMetric()[0].GetGauge().GetValue())
		}
		return all
	}
	for range 3 {
		if got := values(); !slices.Equal(got, []float64{1, 3, 2}) || asked != 1 {
			t.Errorf("%v, asked %d times", got, asked)
		}
	}
	broken = true
	c.at = time.Now().Add(-tallyFresh)
	for range 3 {
		if got := values(); got != nil || asked != 2 {
			t.Errorf("%v, asked %d times", got, asked)
		}
	}
}

func TestMetricsWithoutADatabase(t *testing.T) {
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "satchel.db"), sqldb.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := newFront(t, frontOptions{db: db})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	got := scrape(t, f.Server)
	if strings.Contains(got, "satchel_uploads_open") || !strings.Contains(got, "satchel_uploads_begun_total 0") {
		t.Error("without a database the metrics are not those that need none")
	}
	if lines := f.log.lines(t, "uploads were not counted"); len(lines) != 1 {
		t.Errorf("logged %v", lines)
	}
}
