package e2e

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

var binaryFolder string

// Most of these tests wait more than they work, those for a browser among them: where -parallel does not say otherwise, many more of them
// run at once than there are cores.
func TestMain(m *testing.M) {
	flag.Parse()
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if !told {
		_ = flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0))) // it is there, and a number
	}
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "satchel-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(folder)
		binaryFolder = folder
		if authority, err = believe(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// binary is the server, built once.
var binary = sync.OnceValues(func() (string, error) { return build("satchel") })

// crashing is the server that kills itself where package crash is told to.
var crashing = sync.OnceValues(func() (string, error) { return build("satchel-crash", "-tags=crash") })

func build(name string, flags ...string) (string, error) {
	path := filepath.Join(binaryFolder, name)
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "../cmd/satchel")...)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// Server is a running satchel. Its port and data stay the same over Restart.
type Server struct {
	URL, Admin string // "http://127.0.0.1:PORT"
	Data       string
	Database   string // the value of --database, or "" for the default
	Env        []string
	Program    func() (string, error) // builds the binary; default the one that users get

	t       testing.TB
	command *exec.Cmd
	ended   chan struct{} // closed when the process is gone
	log     *logFile
}

// eachDatabase runs fn on a server over SQLite, and on one over Postgres.
func eachDatabase(t *testing.T, fn func(t *testing.T, s *Server)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, start(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, startOn(t, sqldbtest.PostgresURL(t))) })
}

// bothDatabases is eachDatabase on both at the same time, beside other tests. What follows it in the test runs before.
func bothDatabases(t *testing.T, fn func(t *testing.T, s *Server)) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": sqldbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, startOn(t, database(t)))
		})
	}
}

// start runs a server over SQLite, with fresh data, until the test ends.
func start(t testing.TB, env ...string) *Server {
	t.Helper()
	return startOn(t, "", env...)
}

// startOn is start over another database.
func startOn(t testing.TB, database string, env ...string) *Server {
	t.Helper()
	s := newServer(t, database, env...)
	s.Start()
	return s
}

// newServer is a server that is not started yet.
func newServer(t testing.TB, database string, env ...string) *Server {
	t.Helper()
	s := &Server{
		t: t, Database: database, Env: env, Data: filepath.Join(t.TempDir(), "data"),
		URL: "http://" + freeAddress(t), Admin: "http://" + freeAddress(t), log: &logFile{},
	}
	t.Cleanup(func() {
		s.Kill()
		wantNoSecrets(t, s.log.String())
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.log.tail())
		}
	})
	return s
}

// Command is satchel with the server's settings, not started. HOME is the test's own.
func (s *Server) Command(name string, args ...string) *exec.Cmd {
	s.t.Helper()
	program := s.Program
	if program == nil {
		program = binary
	}
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	args = append([]string{name, "--data", s.Data}, args...)
	if s.Database != "" {
		args = append(args, "--database", s.Database)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(cleanEnv(), "HOME="+filepath.Dir(s.Data))
	cmd.Env = append(cmd.Env, s.Env...)
	cmd.Dir = filepath.Dir(s.Data)
	// A test binary that dies takes its server along.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Start runs the server and waits until it is ready.
func (s *Server) Start() {
	s.t.Helper()
	_, address, _ := strings.Cut(s.URL, "://")
	s.command = s.Command("serve", "--listen", address, "--admin-listen", strings.TrimPrefix(s.Admin, "http://"))
	s.command.Stdout, s.command.Stderr = s.log, s.log
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(command *exec.Cmd, ended chan struct{}) {
		_ = command.Wait()
		close(ended)
	}(s.command, s.ended)
	for begin := time.Now(); ; {
		answer, err := http.Get(s.Admin + "/readyz") // its listener is the last one
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
			err = errors.New(answer.Status)
		}
		select {
		case <-s.ended:
			s.t.Fatalf("the server ended at its start: %v\n%s", s.command.ProcessState, s.log.tail())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Since(begin) > 30*time.Second {
			s.t.Fatalf("the server is not ready: %v\n%s", err, s.log.tail())
		}
	}
}

// Kill ends the server as a crash does: with SIGKILL, in the middle of whatever it does.
func (s *Server) Kill() {
	if s.command == nil || s.command.Process == nil {
		return
	}
	_ = s.command.Process.Kill()
	<-s.ended
}

// Stop ends the server as a service manager does, with SIGTERM, and fails the test unless it ends well.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	s.waitForEnd()
}

func (s *Server) waitForEnd() {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(60 * time.Second):
		s.t.Fatalf("the server did not stop\n%s", s.log.tail())
	}
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		s.t.Fatalf("the server stopped with %v\n%s", s.command.ProcessState, s.log.tail())
	}
}

// addresses are those that freeAddress gave away.
var addresses sync.Map

// freeAddress is a loopback address that nobody listens on, and no other test has. The port is below the range from which the
// system takes ports for outgoing connections, so that it is still free after a Kill.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if _, given := addresses.LoadOrStore(address, true); given {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port between 20000 and 32000")
	return ""
}

// cleanEnv is the environment without settings of Satchel, proxies and HOME.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "SATCHEL_") || strings.HasSuffix(strings.ToLower(name), "_proxy") || name == "HOME" {
			continue
		}
		env = append(env, v)
	}
	return env
}

// logFile keeps what the server wrote.
type logFile struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logFile) tail() string {
	const size = 8 << 10
	text := l.String()
	if len(text) > size {
		text = "…" + text[len(text)-size:]
	}
	return text
}
