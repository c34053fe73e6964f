package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

const (
	dashboardFile = "../deploy/grafana/satchel.json"
	rulesFile     = "../deploy/prometheus/satchel.rules.yml"
	rulesTest     = "../deploy/prometheus/satchel.test.yml"
)

// Each alert fires for who is in trouble, and for nobody else and not earlier: that is written in a file for promtool, which has all of them.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	promtool := program(t, "promtool", "prometheus")
	for _, order := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", rulesTest}} {
		path, err := filepath.Abs(order[2])
		if err != nil {
			t.Fatal(err)
		}
		run(t, tool(t, t.TempDir(), promtool, order[0], order[1], path))
	}
	rules, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(rulesTest)
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(rules, -1)
	if len(alerts) < 20 {
		t.Errorf("only %d alerts", len(alerts))
	}
	for _, alert := range alerts {
		quiet := regexp.MustCompile(`alertname: ` + string(alert[1]) + `, eval_time: \w+, exp_alerts: \[\]`)
		fires := regexp.MustCompile(`alertname: ` + string(alert[1]) + `\n +eval_time: \w+\n +exp_alerts:\n +- exp_labels`)
		if !quiet.Match(tests) || !fires.Match(tests) {
			t.Errorf("%s is not tried", alert[1])
		}
	}
}

// prometheus is a real one that asks servers every second.
type prometheus struct {
	t   *testing.T
	url string
}

func startPrometheus(t *testing.T, servers ...*Server) *prometheus {
	t.Helper()
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, s := range servers {
		targets = append(targets, "'"+strings.TrimPrefix(s.Admin, "http://")+"'")
	}
	home, address := t.TempDir(), freeAddress(t)
	settings := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: ['%s']\nscrape_configs: [{job_name: satchel, static_configs: [{targets: [%s]}]}]\n",
		rules, strings.Join(targets, ", "))
	if err := os.WriteFile(filepath.Join(home, "prometheus.yml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := tool(t, home, program(t, "prometheus", "prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address="+address, "--log.level=warn")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &prometheus{t, "http://" + address}
}

// get asks the API, and waits until Prometheus is there.
func (p *prometheus) get(path string, into any) {
	p.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		answer, err := http.Get(p.url + path)
		if err == nil && answer.StatusCode != http.StatusServiceUnavailable {
			defer answer.Body.Close()
			var all struct {
				Status, Error string
				Data          json.RawMessage
			}
			if err := json.NewDecoder(answer.Body).Decode(&all); err != nil || all.Status != "success" {
				p.t.Fatalf("%s: %v %s", path, err, all.Error)
			}
			if err := json.Unmarshal(all.Data, into); err != nil {
				p.t.Fatalf("%s: %v", path, err)
			}
			return
		}
		if err == nil {
			answer.Body.Close()
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: Prometheus does not answer: %v", path, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// answers reports whether a query has an answer by now.
func (p *prometheus) answers(query string) bool {
	p.t.Helper()
	var found struct{ Result []json.RawMessage }
	p.get("/api/v1/query?query="+url.QueryEscape(query), &found)
	return len(found.Result) > 0
}

// wantAnswers waits until each query has one. Some need two samples of a metric, or the second look at what is counted now and then.
func (p *prometheus) wantAnswers(queries map[string]string) {
	p.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for query, whose := range queries {
		for !p.answers(query) {
			if time.Now().After(deadline) {
				p.t.Errorf("%s: nothing answers %s", whose, query)
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// selector is a metric and its matchers in a query.
var (
	selector = regexp.MustCompile(`\b(?:satchel_\w+|process_\w+|go_\w+|up)\b(?:\{([^}]*)\})?`)
	choice   = regexp.MustCompile(`(\w+)=~"([^"]*\|[^"]*)"`)
)

// known are the selectors of a query, one for each alternative of their matchers: each has to choose something that the servers tell.
func known(query string) (all []string) {
	for _, s := range selector.FindAllString(query, -1) {
		matcher := choice.FindStringSubmatch(s)
		if matcher == nil {
			all = append(all, s)
			continue
		}
		for value := range strings.SplitSeq(matcher[2], "|") {
			all = append(all, strings.Replace(s, matcher[0], matcher[1]+`="`+value+`"`, 1))
		}
	}
	return all
}

// What the dashboard and the alerts ask for is what servers tell: each query of the one is answered, and each metric with these labels
// that the others look at is there. One server has SQLite and a folder, one Postgres and a bucket, one a certificate.
func TestDashboardAndAlertsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	defer broken.Close()
	one := start(t, "SATCHEL_ADMIT_WEBHOOK="+broken.URL, "SATCHEL_ADMIT_WEBHOOK_SECRET=0123456789abcdef")
	two := startOn(t, sqldbtest.PostgresURL(t), inBucket(t, s3test.Start(t).Endpoint, true)...)
	three, _ := startTLS(t)
	p := startPrometheus(t, one, two, three)
	a := two.Register(t, "ann")
	a.Put(t, "small", "content")
	upload := &transfer{t: t, a: a, name: "large", content: seeded(1, 1<<20)}
	for !upload.done {
		if err := upload.step(1 << 20); err != nil {
			t.Fatal(err)
		}
	}
	bob, folder := one.Register(t, "bob"), filepath.Join(t.TempDir(), "backup")
	run(t, one.Command("backup", folder))
	run(t, one.Command("drill", folder))
	refused := send(t, bob.Basic, http.MethodPut, one.URL+"/dav/never", nil, strings.NewReader("content"))
	if refused.StatusCode < 500 {
		t.Fatalf("content was taken without asking: %d", refused.StatusCode)
	}

	var dashboard struct {
		Panels []struct {
			ID         int
			Type       string
			Title      string
			Datasource struct{ UID string }
			Targets    []struct{ Expr string }
		}
		Templating struct{ List []struct{ Name string } }
	}
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*", "$job", "satchel")
	queries, ids := map[string]string{}, map[int]bool{}
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] {
			t.Errorf("%q: another panel has the number %d", panel.Title, panel.ID)
		}
		ids[panel.ID] = true
		if panel.Type == "row" {
			continue
		}
		if panel.Datasource.UID != "${datasource}" || len(panel.Targets) == 0 {
			t.Errorf("%q asks %q %d times", panel.Title, panel.Datasource.UID, len(panel.Targets))
		}
		for _, target := range panel.Targets {
			query := variables.Replace(target.Expr)
			if strings.Contains(query, "$") {
				t.Errorf("%q has a variable that is not filled in: %s", panel.Title, query)
			}
			queries[query] = "the panel " + panel.Title
			for _, s := range known(query) {
				if !strings.Contains(s, `[45]..`) { // no answer need be an error
					queries[s] = "the panel " + panel.Title
				}
			}
		}
	}
	if len(queries) < 100 || len(dashboard.Templating.List) != 3 {
		t.Errorf("%d queries, %d variables", len(queries), len(dashboard.Templating.List))
	}

	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Query, Health, LastError string }
		}
	}
	alerts := 0
	p.get("/api/v1/rules", &rules)
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			alerts++
			selectors := known(rule.Query)
			if len(selectors) == 0 {
				t.Errorf("%s looks at nothing", rule.Name)
			}
			for _, s := range selectors {
				queries[s] = "the alert " + rule.Name
			}
		}
	}
	if alerts < 20 {
		t.Errorf("only %d alerts", alerts)
	}
	p.wantAnswers(queries)
	p.get("/api/v1/rules", &rules)
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if rule.Health != "ok" {
				t.Errorf("%s: %s %s", rule.Name, rule.Health, rule.LastError)
			}
		}
	}
}
