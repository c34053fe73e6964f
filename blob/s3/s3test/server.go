package s3test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The server's keys. It listens on the loopback only, and ends with the test binary.
const (
	AccessKey = "satchel-test"
	SecretKey = "satchel-test-secret"
	Region    = "us-east-1"
)

// Server is a running versitygw. Make one with [Start].
type Server struct {
	// Endpoint is its URL. It stays the same when the server is started again.
	Endpoint string
	// Folder holds a folder for each bucket.
	Folder string

	t       testing.TB
	address string
	cmd     *exec.Cmd
}

// Bucket is there in every server.
const Bucket = "satchel"

// binary is versitygw as the folder e2e/versitygw pins it. Go builds it once for all tests, which takes minutes the first time.
var binary = sync.OnceValues(func() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	path := filepath.Join(root, "bin", "versitygw")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	lock, err := os.Create(path + ".lock") // other test binaries build it too
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", path, "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = filepath.Join(root, "e2e", "versitygw")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build versitygw: %w\n%s", err, out)
	}
	return path, nil
})

// Start starts a server with an empty bucket. The end of the test ends it.
func Start(t testing.TB) *Server {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, address: free.Addr().String(), Folder: t.TempDir()}
	s.Endpoint = "http://" + s.address
	if err := errors.Join(free.Close(), os.Mkdir(filepath.Join(s.Folder, Bucket), 0o755)); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// Start starts a server that was killed, and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(path, "--port", s.address, "--region", Region, "--health", "/health", "--quiet", "posix", s.Folder)
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		answer, err := http.Get(s.Endpoint + "/health")
		if err == nil {
			answer.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("versitygw does not answer: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Kill kills the server. What it had answered stays.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill() // it may be dead
		_ = s.cmd.Wait()         // which tells that it was killed
		s.cmd = nil
	}
}
