package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// peer is a kind of server, ready to be started any number of times.
type peer struct {
	name  string
	start func(ctx context.Context, folder string) (*child, error)
}

// child is a server that this program started.
type child struct {
	name    string
	host    string   // HOST:PORT
	auth    string   // the Authorization header of its user, empty where the server asks nobody
	beside  []*child // what it needs: other nodes, an S3 server. They end with it
	nodes   []string // HOST:PORT of all that serve the same, where they are several
	profile string   // where net/http/pprof answers a CPU profile, empty where it does not
	folder  string   // everything of its own
	command *exec.Cmd
	log     *os.File
	ended   chan struct{} // closed when the process is gone
}

const (
	startPatience = 20 * time.Second
	stopPatience  = 10 * time.Second
)

// freeHost is a loopback address that nobody listens on now.
func freeHost() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start says how a child is started.
type start struct {
	name   string
	host   string // where it will listen
	folder string // exists, and becomes the child's
	env    []string
	as     *syscall.Credential // nil: as whoever runs this
}

// startChild runs a program and waits until it listens.
func startChild(ctx context.Context, s start, program string, args ...string) (_ *child, err error) {
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return nil, err
	}
	if s.as != nil { // it may open the file anew
		if err := log.Chown(int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, errors.Join(err, log.Close())
		}
	}
	command := exec.Command(program, args...)
	command.Dir, command.Stdout, command.Stderr = s.folder, log, log
	command.Env = append([]string{"HOME=" + s.folder, "PATH=" + os.Getenv("PATH")}, s.env...)
	// A group of its own, so that what it has started can be ended with it.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true, Credential: s.as}
	if err := command.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	c := &child{name: s.name, host: s.host, folder: s.folder, command: command, log: log, ended: make(chan struct{})}
	go func() {
		_ = command.Wait() // that it ended is all there is to know; its log says why
		close(c.ended)
	}()
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	deadline := time.Now().Add(startPatience)
	for {
		conn, err := net.DialTimeout("tcp", s.host, time.Second)
		if err == nil {
			return c, conn.Close()
		}
		select {
		case <-c.ended:
			return nil, fmt.Errorf("%s ended as it started: %s", s.name, c.lastWords())
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s does not listen on %s: %s", s.name, s.host, c.lastWords())
		}
	}
}

// lastWords is the end of the child's log.
func (c *child) lastWords() string {
	text, err := os.ReadFile(c.log.Name())
	if err != nil {
		return err.Error()
	}
	const most = 600
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}

// stop ends the child with all that it started. What it left stays until the end of the run: ext4 takes ten times as long to make a
// file where others were removed in the last minutes, which servers that keep files as files would pay for.
func (c *child) stop() {
	defer func() {
		for _, other := range c.beside {
			other.stop()
		}
	}()
	_ = c.command.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-c.ended:
	case <-time.After(stopPatience):
		_ = syscall.Kill(-c.command.Process.Pid, syscall.SIGKILL) // its group
		<-c.ended
	}
	c.log.Close()
}

// hostOf is whom the i-th connection goes to.
func (c *child) hostOf(i int) string {
	if len(c.nodes) == 0 {
		return c.host
	}
	return c.nodes[i%len(c.nodes)]
}

// processes are its own and those beside it.
func (c *child) processes() []int {
	pids := []int{c.command.Process.Pid}
	for _, other := range c.beside {
		pids = append(pids, other.processes()...)
	}
	return pids
}

// remove takes away what a child left that has ended.
func (c *child) remove() { os.RemoveAll(c.folder) }
