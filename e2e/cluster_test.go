package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cluster is what deploy/local-cluster.sh starts. The end of the test ends it; of one that failed its logs stay.
type cluster struct {
	t      testing.TB
	Folder string
	Front  string    // nginx, "http://127.0.0.1:PORT"
	Nodes  [3]string // each by itself
	port   int
	env    []string // settings of the nodes
	script *exec.Cmd
	ended  chan struct{} // closed when the script is gone
}

// clusterPatience bounds the start, which may have to build the S3 server first.
const clusterPatience = 5 * time.Minute

// startCluster starts one. The settings hold for its nodes.
func startCluster(t testing.TB, env ...string) *cluster {
	t.Helper()
	// Postgres may run as another account, which has to get in.
	folder, err := os.MkdirTemp("/tmp", "satchel-cluster-")
	if err == nil {
		err = os.Chmod(folder, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, Folder: folder, port: freePorts(t, 10), env: env, ended: make(chan struct{})}
	c.Front = fmt.Sprintf("http://127.0.0.1:%d", c.port)
	for n := range c.Nodes {
		c.Nodes[n] = fmt.Sprintf("http://127.0.0.1:%d", c.port+1+n)
	}
	satchel, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c.script = c.order("run", "--port", strconv.Itoa(c.port), "--satchel", satchel)
	c.script.Env = append(c.script.Env, env...)
	c.script.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // it ends what it started
	out, err := c.script.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	c.script.Stderr = &complaints
	if err := c.script.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.end)
	ready := make(chan struct{})
	go func() {
		for scanner, told := bufio.NewScanner(out), false; scanner.Scan(); {
			if !told && strings.HasPrefix(scanner.Text(), "folder") {
				told = true
				close(ready)
			}
		}
		_ = c.script.Wait()
		close(c.ended)
	}()
	select {
	case <-ready:
	case <-c.ended:
		t.Fatalf("the cluster ended at its start: %s", complaints.String())
	case <-time.After(clusterPatience):
		t.Fatal("the cluster does not start")
	}
	return c
}

// order is the script with a command.
func (c *cluster) order(args ...string) *exec.Cmd {
	c.t.Helper()
	script, err := filepath.Abs("../deploy/local-cluster.sh")
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{script, "--dir", filepath.Join(c.Folder, "it")}, args...)...)
	cmd.Env = append(cleanEnv(), "HOME="+os.Getenv("HOME")) // of go, which may have to build
	return cmd
}

// end stops everything, and looks that nothing is left.
func (c *cluster) end() {
	_ = c.script.Process.Signal(syscall.SIGTERM)
	_ = c.script.Process.Signal(syscall.SIGINT) // as impatient people do, it changes nothing
	select {
	case <-c.ended:
	case <-time.After(2 * time.Minute):
		c.t.Error("the cluster does not stop")
	}
	left, err := os.ReadDir(c.in("run"))
	if err != nil || len(left) > 0 {
		c.t.Errorf("after the end of the cluster these still run, or %v: %v", err, left)
	}
	if !c.t.Failed() {
		os.RemoveAll(c.Folder)
		return
	}
	c.t.Logf("the logs of the cluster are in %s", c.in("log"))
	for _, part := range []string{"node-1", "node-2", "node-3", "s3", "postgres", "nginx"} {
		text, _ := os.ReadFile(c.in("log", part)) // the test has failed already
		c.t.Logf("%s: …%s", part, text[max(0, len(text)-2<<10):])
	}
	for _, bytes := range []string{"s3", "postgres", "prometheus"} {
		os.RemoveAll(c.in(bytes))
	}
}

func (c *cluster) in(path ...string) string {
	return filepath.Join(append([]string{c.Folder, "it"}, path...)...)
}

// Kill ends a part as a crash does.
func (c *cluster) Kill(part string) { c.do("kill", part) }

// Up starts a part that was ended, and waits until it works.
func (c *cluster) Up(part string) { c.do("up", part) }

func (c *cluster) do(order, part string) {
	c.t.Helper()
	if out, err := c.try(order, part); err != nil {
		c.t.Errorf("%s %s: %v\n%s", order, part, err, out)
	}
}

func (c *cluster) try(order, part string) ([]byte, error) {
	satchel, err := binary()
	if err != nil {
		return nil, err
	}
	cmd := c.order(order, part, "--satchel", satchel)
	cmd.Env = append(cmd.Env, c.env...)
	return cmd.CombinedOutput()
}

// Revive is Up for a part that may not get up before another one has: it tries again, as whatever looks after services does.
func (c *cluster) Revive(part string) {
	c.t.Helper()
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		out, err := c.try("up", part)
		if err == nil {
			return
		}
		if time.Since(begin) > 2*time.Minute {
			c.t.Errorf("%s does not get up: %v\n%s", part, err, out)
			return
		}
	}
}

// Shut ends a part in an orderly way, by the signal that its documentation names, and waits for that.
func (c *cluster) Shut(part string, signal syscall.Signal) {
	c.t.Helper()
	text, err := os.ReadFile(c.in("run", part))
	if err != nil {
		c.t.Fatal(err)
	}
	id, err := strconv.Atoi(strings.Fields(string(text))[0])
	if err != nil {
		c.t.Fatal(err)
	}
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Kill(id, signal)
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id)) // it may be gone
		if errors.Is(err, syscall.ESRCH) || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Since(begin) > 30*time.Second {
			c.t.Fatalf("%s does not end", part)
		}
	}
}

// Command is satchel with the settings of the nodes, not started.
func (c *cluster) Command(args ...string) *exec.Cmd {
	c.t.Helper()
	satchel, err := binary()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(satchel, args...)
	cmd.Env = append(cleanEnv(), "HOME="+c.Folder, "SATCHEL_DATA="+c.in("node-1"), "SATCHEL_DATABASE_FILE="+c.in("secrets", "database"),
		"SATCHEL_BLOBS="+fmt.Sprintf("s3://satchel/files?region=us-east-1&path_style=true&endpoint=http://127.0.0.1:%d", c.port+8),
		"SATCHEL_S3_ACCESS_KEY=satchel", "SATCHEL_S3_SECRET_KEY_FILE="+c.in("secrets", "s3"))
	return cmd
}

// freePorts is the first of some ports one after the other that nobody listens on, and no other test has. See freeAddress.
func freePorts(t testing.TB, count int) int {
	t.Helper()
	free := func(port int) bool {
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if _, given := addresses.LoadOrStore(address, true); given {
			return false
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			return false
		}
		l.Close()
		return true
	}
search:
	for range 100 {
		first := 20000 + rand.IntN(12000-count)
		for port := range count {
			if !free(first + port) {
				continue search
			}
		}
		return first
	}
	t.Fatal("no free ports between 20000 and 32000")
	return 0
}

// What one node was sent another one knows, and nginx in front passes all of it on: a PATCH while it comes, headers with addresses in them, events
// as they happen, what is larger than any of its buffers, and uploads of the IETF draft. Prometheus sees three nodes. A node that
// is killed takes nothing along.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ann := (&Server{URL: c.Front, t: t}).Register(t, "ann")
	content := string(seeded(1, 21<<20))

	upload := ann.CreateUpload(t, "large", int64(len(content)))
	if !strings.HasPrefix(upload, c.Front+"/files/") {
		t.Errorf("the upload's address is %s, want one of nginx", upload)
	}
	slow := ann.hang(t, upload, 0, strings.NewReader(content[:12<<20]))
	c.waitForBytes(t, 12<<20) // without an end of the body: nginx holds nothing back
	events := c.listen(t, ann)
	for _, node := range c.Nodes { // each takes the upload from the one before
		path := node + strings.TrimPrefix(upload, c.Front)
		offset := ann.Offset(t, path)
		if answer := ann.patch(t, path, offset, strings.NewReader(content[offset:min(offset+3<<20, int64(len(content)))])); answer.StatusCode != http.StatusNoContent {
			t.Errorf("PATCH at %s: %s", node, answer.Status)
		}
	}
	slow.giveUp()
	for line := ""; !strings.HasPrefix(line, "data: "); {
		var err error
		if line, err = events.ReadString('\n'); err != nil {
			t.Fatalf("the events end before they tell of the file: %v", err)
		}
	}
	c.Kill("node-2")
	if status, got := ann.Get(t, "large"); status != http.StatusOK || got != content {
		t.Errorf("GET while a node is down: %d, %d bytes of %d", status, len(got), len(content))
	}
	move := func() reply {
		return send(t, ann.Basic, "MOVE", c.Front+"/dav/large", headers(map[string]string{"Destination": c.Front + "/dav/moved"}), nil)
	}
	answer := move()
	for answer.StatusCode == http.StatusBadGateway { // by it nginx finds out that the node is dead, and does not send it to another
		answer = move()
	}
	if answer.StatusCode != http.StatusCreated {
		t.Errorf("MOVE through nginx: %s\n%s", answer.Status, answer.text)
	}
	c.Up("node-2")
	for _, node := range append(c.Nodes[:], c.Front) {
		at := *ann
		at.s = &Server{URL: node}
		if status, got := at.Get(t, "moved"); status != http.StatusOK || got != content {
			t.Errorf("GET at %s: %d, %d bytes of %d", node, status, len(got), len(content))
		}
	}
	c.wantDraft(t, ann, content)
	c.wantTargets(t, len(c.Nodes))
	if out, err := c.order("run").CombinedOutput(); err == nil || !strings.Contains(string(out), "runs already") {
		t.Errorf("a second cluster in the same folder: %v, %s", err, out)
	}
	run(t, c.order("stop"))
	<-c.ended
}

// waitForBytes waits until the nodes have received so many bytes together.
func (c *cluster) waitForBytes(t *testing.T, want float64) {
	t.Helper()
	var received float64
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		received = 0
		for n := range c.Nodes {
			text := send(t, http.DefaultClient, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", c.port+4+n), nil, nil).text
			bytes, _ := metric(text, "satchel_bytes_received_total")
			received += bytes
		}
		if received >= want {
			return
		}
	}
	t.Fatalf("the nodes have received %v bytes of %v that were sent", received, want)
}

// wantDraft uploads as clients of the IETF draft do, in one request of unknown length.
func (c *cluster) wantDraft(t *testing.T, a *Account, content string) {
	t.Helper()
	for _, interop := range []string{"3", "6", "8"} {
		answer := send(t, a.Bearer, http.MethodPost, c.Front+"/files/", headers(map[string]string{"Upload-Draft-Interop-Version": interop,
			"Upload-Complete": "?1", "Upload-Incomplete": "?0", "Content-Type": "text/plain"}), io.MultiReader(strings.NewReader(content)))
		if answer.StatusCode != http.StatusCreated && answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusNoContent {
			t.Errorf("an upload of the draft, interop version %s: %s\n%s", interop, answer.Status, answer.text)
		}
	}
}

// What is missing is told with the line that installs it, before anything is started.
func TestClusterTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	tools := t.TempDir() // all but prometheus and curl
	for _, name := range []string{"sh", "dirname", "sed", "find", "sort", "tail", "id"} {
		if err := os.Symlink(program(t, name, "coreutils"), filepath.Join(tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	c := &cluster{t: t, Folder: t.TempDir()}
	cmd := c.order("run")
	cmd.Env = []string{"PATH=" + tools}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "apt-get install --no-install-recommends prometheus curl\n") {
		t.Errorf("%v: %s", err, out)
	}
	if left, err := os.ReadDir(c.Folder); err != nil || len(left) > 0 {
		t.Errorf("it has left %v, %v", left, err)
	}
}

// listen opens the live events of the account's pages, through nginx, and reads until they have begun.
func (c *cluster) listen(t *testing.T, a *Account) *bufio.Reader {
	t.Helper()
	answer, err := a.Browser(t).Get(c.Front + "/events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("GET /events: %s", answer.Status)
	}
	return bufio.NewReader(answer.Body)
}

// wantTargets waits until Prometheus has asked so many nodes.
func (c *cluster) wantTargets(t *testing.T, want int) {
	t.Helper()
	address := fmt.Sprintf("http://127.0.0.1:%d/api/v1/query?query=sum(up)", c.port+9)
	var last string
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(100 * time.Millisecond) {
		if last = send(t, http.DefaultClient, http.MethodGet, address, nil, nil).text; strings.Contains(last, fmt.Sprintf(`%q]`, strconv.Itoa(want))) {
			return
		}
	}
	t.Errorf("Prometheus sees %s, want %d nodes", last, want)
}
