package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/satchelhq/satchel/bench/crowd"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/sqldb"
)

// crowdedName is what -only matches for this comparison.
const crowdedName = "Postgres: 1000000 files and 10000 accounts"

// crowdedGoal is how many times as long anything may take among a million files.
const crowdedGoal = 1.5

// Of the turns that the databases take.
const (
	crowdedTurns  = 12 // the first one warms up
	crowdedBatch  = 10 // operations of a kind in a turn
	crowdedCounts = 20 // operations whose statements are counted
	benchFiles    = 100
)

// account is somebody's drive on one of the servers, in which the same is done.
type account struct {
	title    string
	database string // its name
	wire     *wire
	db       *sqldb.DB
	drives   *drive.Drives
	events   *hooks.Events
	name     string
	large    string // a folder in which files are put, with the trailing slash
	since    string // a time before anything was measured
	sync     string // the sync token of its folder
	changes  string // the moment of its drive
	share    string // the path of a link's page
	trashed  string // id of what was removed last
	version  int
}

// crowded measures each operation in an empty database and among a million files, in a drive as most are and in one of 150,000 files.
func (b *bench) crowded(ctx context.Context, tus tusClient, stdout io.Writer) error {
	if !b.only.MatchString(crowdedName) {
		return nil
	}
	postgres, err := startPostgres()
	if err != nil {
		return err
	}
	defer postgres.pool.Close()
	var children [2]*child
	var databases [2]*sqldb.DB
	for i, name := range []string{"empty", "full"} {
		location, err := postgres.database(ctx, name)
		if err != nil {
			return err
		}
		p := satchelPeer(b.satchel, "satchel, "+name, "relaxed", false, "SATCHEL_DATABASE="+location)
		if children[i], err = b.begin(ctx, p); err != nil {
			return err
		}
		defer children[i].stop()
		if databases[i], err = openDatabase(ctx, location); err != nil {
			return err
		}
		defer databases[i].Close()
		if name == "full" {
			if err := b.fillCrowd(ctx, location, databases[i]); err != nil {
				return err
			}
		}
	}
	accounts := []*account{
		{title: "empty", database: "empty", db: databases[0], name: userName},
		{title: "small drive among a million", database: "full", db: databases[1], name: crowd.SmallUser},
		{title: "large drive among a million", database: "full", db: databases[1], name: crowd.LargeUser, large: davRoot + crowd.LargeFolder[1:] + "/"},
	}
	for i, a := range accounts {
		if err := a.signIn(ctx, children[min(i, 1)]); err != nil {
			return fmt.Errorf("%s: %w", a.title, err)
		}
		defer a.wire.close()
		if err := a.furnish(tus); err != nil {
			return fmt.Errorf("%s: %w", a.title, err)
		}
	}
	steps := crowdSteps(tus)
	if err := b.takeTurns(ctx, accounts, steps); err != nil {
		return err
	}
	if err := postgres.count(ctx, accounts, steps); err != nil {
		return err
	}
	printCrowded(stdout, accounts, steps)
	printWork(stdout, steps)
	return nil
}

// fillCrowd fills the full one, with the password that the benchmark's account has.
func (b *bench) fillCrowd(ctx context.Context, location string, db *sqldb.DB) error {
	size := crowd.Million
	size.Now = time.Now()
	if err := db.Row(ctx, `SELECT password_hash FROM users WHERE username = $1`, []any{userName}, &size.PasswordHash); err != nil {
		return err
	}
	fmt.Fprintf(b.progress, "%s: filling\n", crowdedName)
	start := time.Now()
	if err := crowd.Fill(ctx, location, size); err != nil {
		return err
	}
	var bytes int64
	if err := db.Row(ctx, `SELECT pg_database_size(current_database())`, nil, &bytes); err != nil {
		return err
	}
	fmt.Fprintf(b.progress, "%s: filled in %s, %.1f GiB\n", crowdedName, time.Since(start).Round(time.Second), float64(bytes)/(1<<30))
	return nil
}

// signIn opens a connection with an access token. Whoever is measured may ask for what administrators see, too.
func (a *account) signIn(ctx context.Context, c *child) error {
	if _, err := a.db.Exec(ctx, `UPDATE users SET role = 'admin' WHERE username = $1`, a.name); err != nil {
		return err
	}
	anonymous, err := dial(c.host, "")
	if err != nil {
		return err
	}
	defer anonymous.close()
	token, err := signInBy(anonymous, a.name)
	if err != nil {
		return err
	}
	a.wire, err = dial(c.host, "Bearer "+token)
	return err
}

// signInBy answers an access token.
func signInBy(w *wire, name string) (string, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err := w.asked(http.MethodPost, "/api/v1/login", map[string]string{"login": name, "password": password}, &answer, http.StatusOK)
	return answer.AccessToken, err
}

// asked sends JSON, nil for none, and reads the answer's into result, nil for none.
func (w *wire) asked(method, path string, request, result any, want ...int) error {
	var body *content
	var header []string
	if request != nil {
		text, err := json.Marshal(request)
		if err != nil {
			return err
		}
		body, header = &content{size: int64(len(text)), block: text}, []string{"Content-Type: application/json"}
	}
	var kept bytes.Buffer
	w.keep = &kept
	defer func() { w.keep = nil }()
	if _, err := w.do(method, path, header, body, want...); err != nil {
		return err
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(kept.Bytes(), result)
}

// takeTurns times the steps. Each account does a batch of a step, and then the next account does.
func (b *bench) takeTurns(ctx context.Context, accounts []*account, steps []*crowdStep) error {
	if err := awaitQuiet(ctx, b.patience); err != nil {
		return err
	}
	for turn := range crowdedTurns {
		fmt.Fprintf(b.progress, "%s, turn %d of %d\n", crowdedName, turn+1, crowdedTurns)
		for _, s := range steps {
			for i := range accounts {
				who := (i + turn) % len(accounts)
				for range s.batch() {
					took, err := s.once(ctx, accounts[who])
					if err != nil {
						return fmt.Errorf("%s, %s: %w", accounts[who].title, s.name, err)
					}
					if turn > 0 {
						s.took[who] = append(s.took[who], took)
					}
				}
			}
		}
	}
	return ctx.Err()
}

// count has Postgres count what the steps do.
func (c *cluster) count(ctx context.Context, accounts []*account, steps []*crowdStep) error {
	for _, s := range steps {
		for i, a := range accounts {
			if _, err := s.once(ctx, a); err != nil { // what comes once is behind
				return err
			}
			n := crowdedCounts
			if s.few {
				n = 3
			}
			var total work
			for range n {
				if s.before != nil {
					if err := s.before(a); err != nil {
						return err
					}
				}
				if err := c.reset(ctx); err != nil {
					return err
				}
				if err := s.do(ctx, a); err != nil {
					return err
				}
				one, err := c.worked(ctx, a.database, n)
				if err != nil {
					return err
				}
				total.add(one)
			}
			s.work[i] = total
		}
	}
	return nil
}

func (w *work) add(one work) {
	w.statements += one.statements
	w.transactions += one.transactions
	w.read += one.read
	w.written += one.written
	w.pages += one.pages
	w.log += one.log
}

func printCrowded(to io.Writer, accounts []*account, steps []*crowdStep) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "Postgres, time among 1,000,000 files and 10,000 accounts for that in an empty database (goal ≤ %g)\tin a small drive\tin one of 150,000 files\t\tp50: empty\tsmall\tlarge\tp99: empty\tsmall\tlarge\n", crowdedGoal)
	for _, s := range steps {
		var p50, p99 [3]time.Duration
		for i := range accounts {
			p50[i], p99[i] = quantile(s.took[i], 0.5), quantile(s.took[i], 0.99)
		}
		verdict := ""
		small, large := p50[1].Seconds()/p50[0].Seconds(), p50[2].Seconds()/p50[0].Seconds()
		if max(small, large) > crowdedGoal {
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "%s\t%.2f×\t%.2f×\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.name, small, large, verdict, brief(p50[0]), brief(p50[1]), brief(p50[2]), brief(p99[0]), brief(p99[1]), brief(p99[2]))
	}
	w.Flush()
	fmt.Fprintln(to)
}

func printWork(to io.Writer, steps []*crowdStep) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "What an operation costs Postgres\tround trips\tof them BEGIN\trows read\trows written\tpages: empty\tsmall\tlarge\tlog")
	for _, s := range steps {
		e := s.work[0]
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.0f\t%.0f\t%.0f\t%.1f KiB\n", s.name, e.statements, e.transactions, e.read, e.written, e.pages, s.work[1].pages, s.work[2].pages, e.log/1024)
	}
	w.Flush()
	fmt.Fprintln(to)
}
