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

// child is a server that this program started.
type child struct {
	name    string
	host    string // HOST:PORT
	auth    string // the Authorization header of its user, empty where the server asks nobody
	profile string // where net/http/pprof answers a CPU profile, empty where it does not
	folder  string // everything of its own
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

// startChild runs a program that will listen on host, and waits until it does. folder exists and becomes the child's.
func startChild(ctx context.Context, name, host, folder string, env []string, program string, args ...string) (_ *child, err error) {
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, args...)
	command.Dir, command.Stdout, command.Stderr = folder, log, log
	command.Env = append([]string{"HOME=" + folder, "PATH=" + os.Getenv("PATH")}, env...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	c := &child{name: name, host: host, folder: folder, command: command, log: log, ended: make(chan struct{})}
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
		conn, err := net.DialTimeout("tcp", host, time.Second)
		if err == nil {
			return c, conn.Close()
		}
		select {
		case <-c.ended:
			return nil, fmt.Errorf("%s ended as it started: %s", name, c.lastWords())
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s does not listen on %s: %s", name, host, c.lastWords())
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

// stop ends the child and removes what it left.
func (c *child) stop() {
	_ = c.command.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-c.ended:
	case <-time.After(stopPatience):
		_ = c.command.Process.Kill()
		<-c.ended
	}
	c.log.Close()
	os.RemoveAll(c.folder)
}
