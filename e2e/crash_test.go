package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/crash"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// seeded is noise in memory.
func seeded(seed uint64, size int) []byte {
	content, _ := io.ReadAll(noise(seed, int64(size))) // never fails
	return content
}

// moment is when the server is killed, and what the client is about then.
type moment struct{ point, doing string }

const (
	sending = "sending"           // whole files, large and small
	joining = "joining"           // parts, in the first one's stage
	copying = "joining by copies" // in a stage of their own, because the first part is in a row
)

func moments() (all []moment) {
	for _, point := range append(crash.Points[:], "join.appended:2") {
		if !strings.HasPrefix(point, "join.") {
			all = append(all, moment{point, sending})
		}
		if strings.HasPrefix(point, "join.") || strings.HasPrefix(point, "commit.") {
			all = append(all, moment{point, joining})
		}
		if strings.HasPrefix(point, "join.") {
			all = append(all, moment{point, copying})
		}
	}
	return all
}

// The server is killed at every named moment of an upload. Whatever it had answered before is there afterwards, the client
// goes on, and the file is whole; a file that was being replaced is the old one or the new one. Parts are joined once, and nothing is
// left of them.
func TestCrashPoints(t *testing.T) {
	t.Parallel()
	killAll := func(t *testing.T, s *Server, all []moment) {
		a := s.Register(t, "ann")
		s.Program = crashing
		for i, m := range all {
			t.Run(m.point+"/"+m.doing, func(t *testing.T) { killAt(t, s, a, m, i) })
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		killAll(t, start(t), moments())
	})
	// Over Postgres each has a share, because after a kill most of the time goes by until the lease of the server that was killed ends.
	share := 0
	for all := range slices.Chunk(moments(), 6) {
		share++
		t.Run(fmt.Sprint("postgres ", share), func(t *testing.T) {
			t.Parallel()
			killAll(t, startOn(t, sqldbtest.PostgresURL(t)), all)
		})
	}
}

func killAt(t *testing.T, s *Server, a *Account, m moment, round int) {
	name := fmt.Sprintf("%d.", round)
	content := func(seed uint64, size int) []byte { return seeded(seed+10*uint64(round), size) } // stored anew each time
	old := content(1, 150_000)
	a.Put(t, name+"put", string(old))
	stages := s.stages() // what a killed PATCH leaves to gc is among them
	s.Kill()
	s.Env = []string{"SATCHEL_TEST_CRASH=" + m.point}
	s.Start()
	crashed := false
	survive := func(step func() error) {
		t.Helper()
		for try := range 10 {
			err := step()
			if err == nil {
				return
			}
			if !errors.Is(err, errServerGone) || try == 9 {
				t.Fatal(err)
			}
			crashed, s.Env = true, nil
			s.revive()
		}
	}
	long := &transfer{t: t, a: a, name: name + "long", content: content(2, 300_000)}
	short := &transfer{t: t, a: a, name: name + "short", content: content(3, 2000)}
	joined := &transfer{t: t, a: a, name: name + "joined", content: content(4, 260_000), rename: true}
	inOrder := inParts(joined, 100_000, 101_000)
	if m.doing == copying {
		inOrder = inParts(joined, 1000, 101_000)
	}
	send := func() {
		for _, u := range []*transfer{long, short} {
			for !u.done {
				survive(func() error { return u.step(120_000) })
			}
		}
	}
	if m.doing == sending {
		send()
	}
	for !joined.done {
		survive(func() error { return inOrder.step(120_000) })
	}
	send()
	survive(func() error { return s.replace(t, a, name+"put", old, content(6, 200_000)) })
	a.Put(t, name+"patch", string(old))
	survive(func() error { return s.patch(t, a, name+"patch", old, 100_000, content(7, 80_000)) })
	chunks := [][]byte{content(8, 90_000), content(9, 70_000)}
	survive(func() error { return s.chunked(a, name+"chunked", chunks...) })
	if _, content := a.Get(t, name+"chunked"); content != string(slices.Concat(chunks...)) {
		t.Errorf("what came in chunks is %d bytes that were not sent", len(content))
	}
	if !crashed {
		t.Error("the server was never killed: the point was not reached")
	}
	for _, u := range []*transfer{long, short, joined} {
		u.check()
	}
	if status, _ := a.Get(t, strings.Replace(joined.name, ".joined", " (1).joined", 1)); status != http.StatusNotFound {
		t.Errorf("the parts were joined twice: the second file answers %d", status)
	}
	s.fsck()
	if left := s.stages(); m.doing != sending && !slices.Equal(left, stages) {
		t.Errorf("stages are left: %v; there were %v", left, stages)
	}
}

// stages are the names of the files that hold what is not sealed.
func (s *Server) stages() (names []string) {
	s.t.Helper()
	all, err := os.ReadDir(filepath.Join(s.Data, "blobs", "stage"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, entry := range all {
		names = append(names, entry.Name())
	}
	return names
}

// replace puts a file over another, after looking that it is the old or the new one.
func (s *Server) replace(t *testing.T, a *Account, name string, old, fresh []byte) error {
	t.Helper()
	if _, content := a.Get(t, name); content != string(old) && content != string(fresh) {
		t.Errorf("%s holds %d bytes that are neither the old file nor the new one", name, len(content))
	}
	r, err := http.NewRequest(http.MethodPut, s.URL+"/dav/"+escape(name), bytes.NewReader(fresh))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Basic.Do(r)
	if err != nil {
		return errServerGone
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent && answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("PUT: %s", answer.Status)
	}
	if _, content := a.Get(t, name); content != string(fresh) {
		t.Errorf("%s does not hold what was put", name)
	}
	return nil
}

// patch writes a part over a file, after looking that it is the old or the new one.
func (s *Server) patch(t *testing.T, a *Account, name string, old []byte, at int, part []byte) error {
	t.Helper()
	whole := slices.Concat(old[:at], part)
	if _, content := a.Get(t, name); content != string(old) && content != string(whole) {
		t.Errorf("%s holds %d bytes that are neither the old file nor the new one", name, len(content))
	}
	r, err := http.NewRequest(http.MethodPatch, s.URL+"/dav/"+escape(name), bytes.NewReader(part))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-sabredav-partialupdate")
	r.Header.Set("X-Update-Range", fmt.Sprintf("bytes=%d-", at))
	answer, err := a.Basic.Do(r)
	if err != nil {
		return errServerGone
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("PATCH: %s", answer.Status)
	}
	if _, content := a.Get(t, name); content != string(whole) {
		t.Errorf("%s does not hold what was written", name)
	}
	return nil
}

// chunked uploads a file in chunks, from the beginning unless it is there.
func (s *Server) chunked(a *Account, name string, chunks ...[]byte) error {
	address := s.URL + "/remote.php/dav/uploads/" + a.Name + "/" + escape(name)
	ask := func(method, address string, body []byte, statuses ...int) error {
		r, err := http.NewRequest(method, address, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Destination", s.URL+"/remote.php/dav/files/"+a.Name+"/"+escape(name))
		answer, err := a.Basic.Do(r)
		if err != nil {
			return errServerGone
		}
		answer.Body.Close()
		if !slices.Contains(statuses, answer.StatusCode) {
			return fmt.Errorf("%s %s: %s", method, address, answer.Status)
		}
		return nil
	}
	err := errors.Join(ask("DELETE", address, nil, 204, 404), ask("MKCOL", address, nil, 201))
	for i, chunk := range chunks {
		err = errors.Join(err, ask(http.MethodPut, fmt.Sprintf("%s/%d", address, i), chunk, 201))
	}
	err = errors.Join(err, ask("MOVE", address+"/.file", nil, 201, 204))
	if errors.Is(err, errServerGone) {
		return errServerGone
	}
	return err
}

// kills is how often TestKillStorm kills the server: a few by default, as many as SATCHEL_TEST_KILLS says in `make soak`.
func kills(t *testing.T) int {
	setting := os.Getenv("SATCHEL_TEST_KILLS")
	if setting == "" {
		return 8
	}
	n, err := strconv.Atoi(setting)
	if err != nil || n < 1 {
		t.Fatalf("SATCHEL_TEST_KILLS=%q is not a count", setting)
	}
	return n
}

// Clients upload without a pause while the server is killed again and again, at moments that a seed decides. No answered
// offset is lost, and every file has the right bytes.
func TestKillStorm(t *testing.T) {
	const clients = 4
	eachDatabase(t, func(t *testing.T, s *Server) {
		a := s.Register(t, "ann")
		var up sync.RWMutex // held for writing while the server is down
		stop := make(chan struct{})
		var running sync.WaitGroup
		finished := make([]int, clients)
		for c := range clients {
			running.Go(func() {
				random := rand.New(rand.NewPCG(11, uint64(c)))
				for n := 0; ; n++ {
					size := random.IntN(1 << uint(8+random.IntN(14)))
					u := &transfer{t: t, a: a, name: fmt.Sprintf("c%d-%d", c, n%5), content: seeded(uint64(c*1000+n), size)}
					step := u.step
					if n%3 == 2 && size > 0 {
						cuts := []int{random.IntN(size), random.IntN(size)}
						slices.Sort(cuts)
						step = inParts(u, cuts...).step
					}
					for !u.done {
						select {
						case <-stop:
							return
						default:
						}
						up.RLock()
						err := step(1 + random.IntN(400_000))
						up.RUnlock()
						if errors.Is(err, errServerGone) {
							time.Sleep(20 * time.Millisecond) // the killer has the lock by then
						} else if err != nil {
							return
						}
					}
					up.RLock()
					status, content := a.tryGet(u.name)
					up.RUnlock()
					if status == http.StatusOK && content != string(u.content) {
						t.Errorf("%s: %d bytes that are not those that were sent", u.name, len(content))
						return
					}
					finished[c]++
				}
			})
		}
		random := rand.New(rand.NewPCG(13, 17))
		for range kills(t) {
			time.Sleep(time.Duration(20+random.IntN(400)) * time.Millisecond)
			s.Kill()
			up.Lock()
			s.Start()
			up.Unlock()
		}
		close(stop)
		running.Wait()
		s.fsck()
		for c, n := range finished {
			if n == 0 {
				t.Errorf("client %d finished nothing", c)
			}
		}
		t.Logf("files finished by each client: %v", finished)
	})
}

// tryGet is Get for a server that may be killed in the middle: status 0.
func (a *Account) tryGet(name string) (int, string) {
	answer, err := a.Basic.Get(a.s.URL + "/dav/" + escape(name))
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(answer.Body); err != nil {
		return 0, ""
	}
	return answer.StatusCode, b.String()
}
