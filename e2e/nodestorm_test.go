package e2e

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
)

// nodeStorm is clients that work on three nodes while nodes, Postgres and the S3 server are killed.
type nodeStorm struct {
	t       *testing.T
	cluster *cluster
	client  *http.Client
	pool    noisePool
	clients []*stormClient

	mu      sync.Mutex
	answers map[string]int // by method and status
	files   int            // uploads that came to their end
	large   int            // of them those of several parts in S3
	bytes   int
}

func (s *nodeStorm) count(method string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[fmt.Sprint(method, " ", status)]++
}

func (s *nodeStorm) finished(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files++
	s.bytes += size
	if size > 16<<20 {
		s.large++
	}
}

// stormPlan is how hard the storm is: its short form by default; SATCHEL_TEST_NODE_STORM says for how long the long one lasts, in `make soak`.
type stormPlan struct {
	lasts, kill, s3Down time.Duration
	clients, users      int
}

func planStorm(t *testing.T) stormPlan {
	setting := os.Getenv("SATCHEL_TEST_NODE_STORM")
	if setting == "" {
		return stormPlan{lasts: 8 * time.Second, kill: 4 * time.Second, s3Down: 4 * time.Second, clients: 12, users: 4}
	}
	lasts, err := time.ParseDuration(setting)
	if err != nil || lasts < 30*time.Second {
		t.Fatalf("SATCHEL_TEST_NODE_STORM=%q is no time of half a minute or more", setting)
	}
	return stormPlan{lasts: lasts, kill: 10 * time.Second, s3Down: 20 * time.Second, clients: 100, users: 25}
}

// Clients upload, read, list, move, copy and remove, each request at some node, while nodes are killed and started again, Postgres is restarted twice
// and the S3 server is away for a while. No client sees a wrong answer. In the end every acknowledged byte is there, usage is exact, fsck finds
// nothing, what was begun can be finished, and gc leaves no object without a row.
func TestNodeStorm(t *testing.T) {
	p := planStorm(t)
	s := &nodeStorm{
		t: t, cluster: startCluster(t, "SATCHEL_LOG_LEVEL=info"), pool: seeded(71, 48<<20), answers: map[string]int{},
		client: noRedirects(&http.Transport{MaxIdleConnsPerHost: p.clients}),
	}
	var accounts []*Account
	for u := range p.users {
		accounts = append(accounts, (&Server{URL: s.cluster.Front}).Register(t, fmt.Sprint("user", u)))
	}
	for n := range p.clients {
		c := &stormClient{s: s, folder: fmt.Sprint("c", n), a: accounts[n%p.users], has: tree{}, sent: map[string]content{},
			random: rand.New(rand.NewPCG(71, uint64(n))), pauses: rand.New(rand.NewPCG(72, uint64(n)))}
		if n%4 == 0 {
			c.first = 21 << 20
		}
		s.clients = append(s.clients, c)
		if a := c.ask("MKCOL", "/dav/"+c.folder, nil, nil); a.status != http.StatusCreated {
			t.Fatalf("MKCOL: %v", a)
		}
	}
	end := time.Now().Add(p.lasts)
	var running sync.WaitGroup
	for _, c := range s.clients {
		running.Go(func() {
			for time.Now().Before(end) && !c.broken {
				c.act()
			}
		})
	}
	kills := s.rage(p, end)
	running.Wait()
	s.each(func(c *stormClient) { c.finishAll() })
	s.each(func(c *stormClient) { c.wantAll() })
	t.Logf("%d kills of nodes; %d uploads, %d of them in parts of S3, %d MiB", kills, s.files, s.large, s.bytes>>20)
	for _, key := range slices.Sorted(maps.Keys(s.answers)) {
		t.Logf("%6d × %s", s.answers[key], key)
	}
	if s.large == 0 || kills == 0 {
		t.Errorf("%d large uploads and %d kills: that is no storm", s.large, kills)
	}
	if t.Failed() {
		return
	}
	for _, a := range accounts {
		s.finishOrphans(a)
		s.wantUsage(a)
	}
	s.wantTidy()
}

// rage kills what can be killed until end, and answers how many nodes it killed. When it returns everything runs.
func (s *nodeStorm) rage(p stormPlan, end time.Time) (kills int) {
	var group sync.WaitGroup
	from := time.Now()
	at := func(share float64) { time.Sleep(time.Until(from.Add(time.Duration(share * float64(p.lasts))))) }
	group.Go(func() {
		random := rand.New(rand.NewPCG(73, 0))
		for next := from.Add(p.kill / 2); next.Before(end); next = next.Add(p.kill) {
			time.Sleep(time.Until(next))
			node := fmt.Sprint("node-", 1+random.IntN(3))
			s.cluster.Kill(node)
			kills++
			s.cluster.Revive(node)
		}
	})
	group.Go(func() {
		at(0.3)
		s.cluster.Kill("postgres")
		s.cluster.Revive("postgres")
		at(0.7)
		s.cluster.Shut("postgres", syscall.SIGINT)
		s.cluster.Revive("postgres")
	})
	group.Go(func() {
		at(0.45)
		s.cluster.Shut("s3", syscall.SIGTERM) // one that is killed while it completes an upload has lost it (versitygw 1.8.0)
		time.Sleep(p.s3Down)
		s.cluster.Revive("s3")
	})
	group.Wait()
	return kills
}

// each lets all clients do something at once, as many as were at work before.
func (s *nodeStorm) each(do func(c *stormClient)) {
	var group sync.WaitGroup
	for _, c := range s.clients {
		if !c.broken {
			group.Go(func() { do(c) })
		}
	}
	group.Wait()
}

// wantAll holds the folder to what the client knows, and reads every file to its end.
func (c *stormClient) wantAll() {
	if now := c.look(); !c.broken && !maps.Equal(now, c.has) {
		c.wrong("in the end: %s", now.differs(c.has))
	}
	for _, p := range c.has.paths(false) {
		c.insist("the content of "+p, func() bool {
			a := c.compare(http.MethodGet, c.dav(p), nil, nil, c.s.pool.bytes(c.has[p]))
			if !a.refused() && a.status != http.StatusOK {
				c.wrong("GET of %s in the end: %v", p, a)
			}
			return !a.refused()
		})
	}
}

// get reads JSON from some node, which answers by now.
func (s *nodeStorm) get(a *Account, location string, into any) {
	s.t.Helper()
	decode(s.t, send(s.t, a.Bearer, http.MethodGet, s.cluster.Front+location, nil, nil), http.StatusOK, into)
}

// finishOrphans sends the uploads to their end of which no client knows, since the answer that made them was lost; and ends parts that nobody joins,
// which is what is left to do with them.
func (s *nodeStorm) finishOrphans(a *Account) {
	s.t.Helper()
	var open struct {
		Items []struct {
			URL, Name, Folder, SHA256 string
			Size, Offset              int
			Parts                     []any
		}
	}
	s.get(a, "/api/v1/uploads?limit=1000", &open)
	for _, u := range open.Items {
		var owner *stormClient
		for _, c := range s.clients {
			if "/"+c.folder == u.Folder && c.a == a {
				owner = c
			}
		}
		made, known := owner.sent[u.SHA256]
		if !known || made.size != u.Size || u.Parts != nil {
			s.t.Errorf("there is an upload that nobody began: %+v", u)
			continue
		}
		answer := (&Account{s: &Server{URL: s.cluster.Front}, Bearer: a.Bearer}).patch(s.t, u.URL, int64(u.Offset), strings.NewReader(string(s.pool.bytes(made)[u.Offset:])))
		if answer.StatusCode != http.StatusNoContent {
			s.t.Errorf("the rest of %s in %s, which is open: %s %s", u.Name, u.Folder, answer.Status, answer.text)
			continue
		}
		owner.has = owner.has.with(u.Name, made)
	}
	rows := s.rows(`SELECT id FROM uploads WHERE drive_id = '` + a.ID + `' AND completed_at = 0 AND gone_at = 0`)
	for _, id := range rows {
		answer := send(s.t, a.Bearer, http.MethodDelete, s.cluster.Front+"/files/"+id, headers(map[string]string{"Tus-Resumable": "1.0.0"}), nil)
		if answer.StatusCode != http.StatusNoContent {
			s.t.Errorf("ending part %s: %s %s", id, answer.Status, answer.text)
		}
	}
	if len(open.Items)+len(rows) > 0 {
		s.t.Logf("%s: %d uploads of which nobody knew were finished, %d parts ended", a.Name, len(open.Items), len(rows))
	}
}

// wantUsage empties the trash and compares what the drive says to hold with its files and their versions.
func (s *nodeStorm) wantUsage(a *Account) {
	s.t.Helper()
	if answer := send(s.t, a.Bearer, http.MethodDelete, s.cluster.Front+"/api/v1/trash", nil, nil); answer.StatusCode >= 300 {
		s.t.Fatalf("emptying the trash: %s %s", answer.Status, answer.text)
	}
	sum := 0
	for _, c := range s.clients {
		if c.a != a {
			continue
		}
		c.wantAll()
		sum += c.has.size()
		for _, p := range c.has.paths(false) {
			var versions struct{ Items []struct{ Size int } }
			s.get(a, "/api/v1/versions?path="+escape("/"+c.folder+"/"+p), &versions)
			for _, v := range versions.Items {
				sum += v.Size
			}
		}
	}
	var me struct{ Drive struct{ Used int } }
	s.get(a, "/api/v1/me", &me)
	if me.Drive.Used != sum {
		s.t.Errorf("%s: %d bytes are used; the files and their versions have %d", a.Name, me.Drive.Used, sum)
	}
}

// rows reads one column of the database.
func (s *nodeStorm) rows(query string) (values []string) {
	s.t.Helper()
	location, err := os.ReadFile(s.cluster.in("secrets", "database"))
	if err != nil {
		s.t.Fatal(err)
	}
	db, err := sql.Open("postgres", strings.TrimSpace(string(location)))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(s.t.Context(), query)
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			s.t.Fatal(err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return values
}

// wantTidy runs fsck, and lets two hours pass for gc, after which each object has its row and each row its objects.
func (s *nodeStorm) wantTidy() {
	s.t.Helper()
	if told := run(s.t, s.cluster.Command("fsck")); !strings.Contains(told, "no problems") {
		s.t.Error(told)
	}
	const hours = 2 * time.Hour
	s.rows(fmt.Sprintf(`UPDATE loose_blobs SET created_at = created_at - %d RETURNING id`, hours.Microseconds()))
	s.rows(fmt.Sprintf(`UPDATE s3_contents SET modified_at = modified_at - %d RETURNING key`, hours.Microseconds()))
	bucket := s.cluster.in("s3", "satchel")
	past := time.Now().Add(-hours)
	if err := filepath.WalkDir(bucket, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, past, past)
	}); err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("gc: %s", run(s.t, s.cluster.Command("gc")))
	var objects, uploads []string
	if err := filepath.WalkDir(bucket, func(path string, entry fs.DirEntry, err error) error {
		name, inside := strings.CutPrefix(path, bucket+"/files/")
		switch {
		case err != nil:
			return err
		case inside && entry.Type().IsRegular():
			objects = append(objects, "files/"+name)
		case !inside && entry.Type().IsRegular():
			uploads = append(uploads, path)
		}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	named := s.rows(`SELECT object FROM s3_contents WHERE object <> '' UNION SELECT tail FROM s3_contents WHERE tail <> ''`)
	objects = slices.DeleteFunc(objects, func(name string) bool { return name == "files/ready" }) // by which /readyz asks the bucket
	slices.Sort(objects)
	slices.Sort(named)
	if !slices.Equal(objects, named) {
		s.t.Errorf("objects in the bucket: %v\nobjects of rows: %v", objects, named)
	}
	if len(uploads) > 0 {
		s.t.Errorf("uploads to the bucket that nobody ended: %v", uploads)
	}
	if keys := s.rows(`SELECT key FROM s3_contents WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE id = key) UNION SELECT id FROM blobs
		WHERE content IS NULL AND NOT EXISTS (SELECT 1 FROM s3_contents WHERE key = id)`); len(keys) > 0 {
		s.t.Errorf("rows of the store and of blobs differ: %v", keys)
	}
	if told := run(s.t, s.cluster.Command("fsck")); !strings.Contains(told, "no problems") {
		s.t.Errorf("after gc: %s", told)
	}
	var waiting struct{ Items []json.RawMessage }
	for _, c := range s.clients {
		s.get(c.a, "/api/v1/uploads", &waiting)
		if len(waiting.Items) > 0 {
			s.t.Errorf("%s has uploads still: %s", c.a.Name, waiting.Items)
		}
	}
}
