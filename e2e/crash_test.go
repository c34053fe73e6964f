package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/crash"
)

// seeded is noise in memory.
func seeded(seed uint64, size int) []byte {
	content, _ := io.ReadAll(noise(seed, int64(size))) // never fails
	return content
}

// The server is killed at every named moment of an upload. Whatever it had answered before is there afterwards, the client
// goes on, and the file is whole; a file that was being replaced is the old one or the new one.
func TestCrashPoints(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Server) {
		a := s.Register(t, "ann")
		s.Program = crashing
		for _, point := range crash.Points {
			t.Run(point, func(t *testing.T) {
				old := seeded(1, 150_000)
				a.Put(t, point+".put", string(old))
				s.Kill()
				s.Env = []string{"SATCHEL_TEST_CRASH=" + point}
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
				long := &transfer{t: t, a: a, name: point + ".long", content: seeded(2, 300_000)}
				short := &transfer{t: t, a: a, name: point + ".short", content: seeded(3, 2000)}
				half := &transfer{t: t, a: a, name: "part", content: seeded(4, 100_000), extra: "Upload-Concat: partial"}
				rest := &transfer{t: t, a: a, name: "part", content: seeded(5, 1000), extra: "Upload-Concat: partial"}
				for _, u := range []*transfer{long, short, half, rest} {
					for !u.done {
						survive(func() error { return u.step(120_000) })
					}
				}
				joined := &transfer{t: t, a: a, name: point + ".joined", content: append(half.content, rest.content...), extra: "Upload-Concat: final;" + half.address + " " + rest.address}
				survive(func() error { return joined.create() })
				survive(func() error { return s.replace(t, a, point+".put", old, seeded(6, 200_000)) })
				a.Put(t, point+".patch", string(old))
				survive(func() error { return s.patch(t, a, point+".patch", old, 100_000, seeded(7, 80_000)) })
				chunks := [][]byte{seeded(8, 90_000), seeded(9, 70_000)}
				survive(func() error { return s.chunked(a, point+".chunked", chunks...) })
				if _, content := a.Get(t, point+".chunked"); content != string(slices.Concat(chunks...)) {
					t.Errorf("what came in chunks is %d bytes that were not sent", len(content))
				}
				if !crashed {
					t.Error("the server was never killed: the point was not reached")
				}
				for _, u := range []*transfer{long, short, joined} {
					u.check()
				}
				s.fsck()
			})
		}
	})
}

// create begins a joined upload. The answer may be lost after the parts were used: then the file is there.
func (u *transfer) create() error {
	status, content := u.a.Get(u.t, u.name)
	if status == http.StatusOK && content == string(u.content) {
		return nil
	}
	return u.step(0)
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
					for !u.done {
						select {
						case <-stop:
							return
						default:
						}
						up.RLock()
						err := u.step(1 + random.IntN(400_000))
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
