package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// memoryAllowed is what the server may take at its peak, in KiB, while two hundred people sign in at once.
const memoryAllowed = 256 << 10

// Two hundred sign in at the same moment, each a hash of 19 MiB: they wait for their turn, and all get in.
func TestTwoHundredSignInsAtOnceAttackStaysInMemory(t *testing.T) {
	const people = 200
	s := start(t, "GOMAXPROCS=8") // it must not depend on the machine
	bodies := make([]string, people)
	for i := range bodies {
		name := fmt.Sprintf("user%d", i%20) // a name may have many devices
		if i < 20 {
			s.Register(t, name)
		}
		bodies[i] = fmt.Sprintf(`{"login": %q, "password": %q}`, name, password)
	}
	idle := s.peakMemory(t)
	start := make(chan struct{})
	var group sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for _, body := range bodies {
		group.Go(func() {
			<-start
			answer, err := http.Post(s.URL+"/api/v1/login", jsonType, strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			statuses[answer.StatusCode]++
		})
	}
	close(start)
	group.Wait()
	peak := s.peakMemory(t)
	t.Logf("%d MiB at the peak, %d MiB before; answers %v", peak>>10, idle>>10, statuses)
	if peak > memoryAllowed {
		t.Errorf("%d KiB at the peak, allowed are %d", peak, memoryAllowed)
	}
	if statuses[http.StatusOK] != people {
		t.Errorf("answers %v", statuses)
	}
}

// peakMemory is the most memory that the server ever had resident, in KiB (proc_pid_status(5), VmHWM).
func (s *Server) peakMemory(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
