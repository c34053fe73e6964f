package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
)

// crowdStep is an operation that is timed.
type crowdStep struct {
	name   string
	before func(a *account) error // is not timed; may be nil
	do     func(ctx context.Context, a *account) error
	few    bool // it takes long, or leaves something behind

	took [3][]time.Duration
	work [3]work
}

func (s *crowdStep) batch() int {
	if s.few {
		return 2
	}
	return crowdedBatch
}

func (s *crowdStep) once(ctx context.Context, a *account) (time.Duration, error) {
	if s.before != nil {
		if err := s.before(a); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	err := s.do(ctx, a)
	return time.Since(start), err
}

// benchFolder is the account's folder of benchFiles files, the same in every drive.
const benchFolder = davRoot + "bench/"

const syncBody = `<?xml version="1.0" encoding="utf-8"?><D:sync-collection xmlns:D="DAV:"><D:sync-token>%s</D:sync-token><D:sync-level>1</D:sync-level>` +
	`<D:prop><D:getetag/></D:prop></D:sync-collection>`

var syncToken = regexp.MustCompile(`sync-token>([^<]+)<`)

// furnish makes what the steps need.
func (a *account) furnish(t tusClient) error {
	w := a.wire
	if _, err := w.do("MKCOL", benchFolder, nil, nil, http.StatusCreated); err != nil {
		return err
	}
	d := davClient(t)
	for k := range benchFiles {
		if err := d.put(w, numbered(benchFolder, k), small); err != nil {
			return err
		}
	}
	if a.large == "" {
		a.large = benchFolder
	}
	var share struct{ URL string }
	if err := w.asked(http.MethodPost, "/api/v1/shares", map[string]string{"path": "/bench"}, &share, http.StatusCreated); err != nil {
		return err
	}
	link, err := url.Parse(share.URL)
	if err != nil {
		return err
	}
	a.share = link.Path
	a.since = time.Now().UTC().Format(time.RFC3339Nano)
	var moment struct{ Since string }
	if err := w.asked(http.MethodGet, "/api/v1/changes", nil, &moment, http.StatusOK); err != nil {
		return err
	}
	a.changes = moment.Since
	return a.synced()
}

// synced asks what changed in the folder, and keeps the token.
func (a *account) synced() error {
	var kept bytes.Buffer
	a.wire.keep = &kept
	defer func() { a.wire.keep = nil }()
	text := fmt.Appendf(nil, syncBody, a.sync)
	if _, err := a.wire.do("REPORT", benchFolder, []string{"Depth: 0", "Content-Type: application/xml"}, &content{size: int64(len(text)), block: text}, statusMulti); err != nil {
		return err
	}
	found := syncToken.FindSubmatch(kept.Bytes())
	if found == nil {
		return fmt.Errorf("no sync token in %.300s", kept.Bytes())
	}
	a.sync = string(found[1])
	return nil
}

func (a *account) ask(method, path string, want int, header ...string) error {
	_, err := a.wire.do(method, path, header, nil, want)
	return err
}

// crowdSteps are what is measured.
func crowdSteps(t tusClient) []*crowdStep {
	var steps []*crowdStep
	add := func(s *crowdStep) { steps = append(steps, s) }
	get := func(name, path string) {
		add(&crowdStep{name: name, do: func(_ context.Context, a *account) error { return a.ask(http.MethodGet, path, http.StatusOK) }})
	}
	signSteps(add)
	get("GET /api/v1/me", "/api/v1/me")
	get("sessions", "/api/v1/sessions")
	get("app passwords", "/api/v1/app-passwords")
	get("own audit log", "/api/v1/me/audit?limit=2")
	fileSteps(t, add)
	get("a page of a folder, by name", "/api/v1/files/bench?limit=50")
	get("trash", "/api/v1/trash?limit=50")
	get("uploads", "/api/v1/uploads")
	get("shares", "/api/v1/shares")
	add(&crowdStep{name: "a link's page", do: func(_ context.Context, a *account) error { return a.ask(http.MethodGet, a.share, http.StatusOK) }})
	add(&crowdStep{name: "changes", do: func(_ context.Context, a *account) error {
		return a.ask(http.MethodGet, "/api/v1/changes?since="+url.QueryEscape(a.changes), http.StatusOK)
	}})
	add(&crowdStep{name: "sync-collection after a change", before: func(a *account) error { return davClient(t).again(a) },
		do: func(_ context.Context, a *account) error { return a.synced() }})
	add(&crowdStep{name: "rewind, looked at", few: true, do: func(_ context.Context, a *account) error {
		return a.ask(http.MethodGet, "/api/v1/rewind?path=/bench&to="+url.QueryEscape(a.since), http.StatusOK)
	}})
	searchSteps(add, get)
	get("accounts, the first", "/api/v1/admin/users?limit=1")
	get("accounts, the newest", "/api/v1/admin/users?limit=1&order=newest")
	get("accounts, by name", "/api/v1/admin/users?search=bench")
	get("audit log, the newest two", "/api/v1/admin/audit?limit=2")
	get("everybody's open uploads, the newest", "/api/v1/admin/uploads?limit=1")
	jobSteps(add)
	return steps
}

func searchSteps(add func(*crowdStep), get func(name, path string)) {
	const search = "/api/v1/search?limit=50&q="
	get("search, a name that is not there", search+"nothing-is-called-so")
	get("search, one name", search+"file-00042")
	get("search, two letters that no name has", search+"zq")
	get("search, the first 50 of 100 names", search+"file-0")
	add(&crowdStep{name: "search, the first 50 of 30,000 names in the large drive", do: func(_ context.Context, a *account) error {
		text := "file-0"
		if a.large != benchFolder {
			text = "report"
		}
		return a.ask(http.MethodGet, search+text, http.StatusOK)
	}})
}

func signSteps(add func(*crowdStep)) {
	add(&crowdStep{name: "sign in", few: true, do: func(_ context.Context, a *account) error {
		_, err := signInBy(a.wire, a.name)
		return err
	}})
}

// again writes another file of the folder anew.
func (d davClient) again(a *account) error {
	a.version++
	body, _ := d.next(small)
	_, err := a.wire.do(http.MethodPut, numbered(benchFolder, a.version%benchFiles), nil, body, http.StatusNoContent)
	return err
}

func fileSteps(t tusClient, add func(*crowdStep)) {
	d := davClient(t)
	const fresh = "fresh.bin"
	remove := func(a *account) error { return a.ask(http.MethodDelete, a.large+fresh, http.StatusNoContent) }
	put := func(a *account) error { return d.put(a.wire, a.large+fresh, small) }
	missing := func(a *account) error { // removes what the step before has left
		_, err := a.wire.do(http.MethodDelete, a.large+fresh, nil, nil, http.StatusNoContent, http.StatusNotFound)
		return err
	}
	there := func(a *account) error {
		if err := missing(a); err != nil {
			return err
		}
		return put(a)
	}
	destination := func(a *account, to string) []string {
		return []string{"Destination: http://" + a.wire.host + to, "Overwrite: F"}
	}
	add(&crowdStep{name: "PROPFIND depth 0", do: func(_ context.Context, a *account) error {
		_, err := propfind(a.wire, numbered(benchFolder, 7), "0")
		return err
	}})
	add(&crowdStep{name: "PROPFIND depth 1 of 100 files", do: func(_ context.Context, a *account) error {
		_, err := propfind(a.wire, benchFolder, "1")
		return err
	}})
	add(&crowdStep{name: "GET of 4 KiB", do: func(_ context.Context, a *account) error {
		return a.ask(http.MethodGet, numbered(benchFolder, 8), http.StatusOK)
	}})
	add(&crowdStep{name: "PUT of 4 KiB, new", before: missing, do: func(_ context.Context, a *account) error { return put(a) }})
	add(&crowdStep{name: "PUT of 4 KiB over another", do: func(_ context.Context, a *account) error { return d.again(a) }})
	add(&crowdStep{name: "tus: create + PATCH of 4 KiB", do: func(_ context.Context, a *account) error {
		body, metadata := t.upload(small)
		path, err := t.create(a.wire, small, metadata, nil)
		if err != nil {
			return err
		}
		return t.patch(a.wire, path, 0, body)
	}})
	add(&crowdStep{name: "MOVE there and back", before: there, do: func(_ context.Context, a *account) error {
		if err := a.ask("MOVE", a.large+fresh, http.StatusCreated, destination(a, a.large+"moved.bin")...); err != nil {
			return err
		}
		return a.ask("MOVE", a.large+"moved.bin", http.StatusCreated, destination(a, a.large+fresh)...)
	}})
	add(&crowdStep{name: "COPY", before: missing, do: func(_ context.Context, a *account) error {
		return a.ask("COPY", numbered(benchFolder, 9), http.StatusCreated, destination(a, a.large+fresh)...)
	}})
	add(&crowdStep{name: "DELETE", before: there, do: func(_ context.Context, a *account) error { return remove(a) }})
	newest := func(a *account) error {
		if err := there(a); err != nil {
			return err
		}
		if err := remove(a); err != nil {
			return err
		}
		var trash struct{ Items []struct{ ID string } }
		err := a.wire.asked(http.MethodGet, "/api/v1/trash?limit=1", nil, &trash, http.StatusOK)
		if err == nil {
			a.trashed = trash.Items[0].ID
		}
		return err
	}
	add(&crowdStep{name: "restore from the trash", before: newest, do: func(_ context.Context, a *account) error {
		return a.ask(http.MethodPost, "/api/v1/trash/"+a.trashed+"/restore", http.StatusOK)
	}})
	add(&crowdStep{name: "remove for good", before: newest, do: func(_ context.Context, a *account) error {
		return a.ask(http.MethodDelete, "/api/v1/trash/"+a.trashed, http.StatusNoContent)
	}})
}

// jobSteps are what servers do by themselves, when nothing is due.
func jobSteps(add func(*crowdStep)) {
	drives := func(a *account) *drive.Drives {
		if a.drives == nil { // the first sweep looks at more
			a.drives = drive.New(a.db, mem.New(), drive.Options{})
		}
		return a.drives
	}
	job := func(name string, do func(ctx context.Context, a *account) error) {
		add(&crowdStep{name: name, do: do})
	}
	job("sweep of drives, nothing due", func(ctx context.Context, a *account) error { return drives(a).Sweep(ctx) })
	job("sweep of accounts, nothing due", func(ctx context.Context, a *account) error {
		return authn.New(a.db, authn.Options{}).Sweep(ctx)
	})
	job("sweep of events, nothing due", func(ctx context.Context, a *account) (err error) {
		if a.events == nil { // the first sweep counts all
			if a.events, err = hooks.NewEvents(a.db, hooks.EventOptions{}); err != nil {
				return err
			}
		}
		return a.events.Sweep(ctx)
	})
	job("gc, nothing to collect", func(ctx context.Context, a *account) error {
		_, err := drives(a).GC(ctx)
		return err
	})
}
