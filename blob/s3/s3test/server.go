package s3test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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

// Server is a running S3 server. Make one with [Start] or [StartMinIO].
type Server struct {
	// Endpoint is its URL. It stays the same when the server is started again.
	Endpoint string
	// Folder holds a folder for each bucket; how objects are in it is the server's own.
	Folder string

	t       testing.TB
	program program
	address string
	cmd     *exec.Cmd
}

// Bucket is there in every server.
const Bucket = "satchel"

// Start starts versitygw with an empty bucket. The end of the test ends it.
func Start(t testing.TB) *Server { return start(t, versitygw) }

// StartMinIO starts MinIO with an empty bucket, as another S3 server than the one that most tests run against. The end of the test ends it.
func StartMinIO(t testing.TB) *Server { return start(t, minio) }

func start(t testing.TB, program program) *Server {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, program: program, address: free.Addr().String(), Folder: t.TempDir()}
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
	path, err := s.program.binary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = s.program.command(path, s.address, s.Folder)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		answer, err := http.Get(s.Endpoint + s.program.health)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s does not answer: %v", s.program.name, err)
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

// AbortUploads removes every unfinished multipart upload, as a rule of a bucket does.
func (s *Server) AbortUploads() {
	s.t.Helper()
	uploads := filepath.Join(s.Folder, s.program.uploads)
	all, err := os.ReadDir(uploads)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	for _, u := range all {
		if err := os.RemoveAll(filepath.Join(uploads, u.Name())); err != nil {
			s.t.Fatal(err)
		}
	}
}
