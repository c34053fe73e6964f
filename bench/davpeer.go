package main

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// davRoot is where every server has its files.
const davRoot = "/dav/"

// nobody is who the peers run as if this runs as root: Apache refuses to be root.
const nobody = 65534

// davPeers are the servers of WebDAV's rows.
type davPeers struct {
	both   []peer // satchel, relaxed and strict
	strict []peer // satchel where durability makes no difference, and as it is by default
	others []peer
	synced []peer // the others made to wait for the disk
	terms  string
}

// davNeeds is what to do where a peer is missing.
const davNeeds = "apt-get install --no-install-recommends nginx libnginx-mod-http-dav-ext apache2-bin rclone (or name another program, or none: see -help)"

// davPeers are those whose programs are given.
func (b *bench) davPeers(ctx context.Context) (all davPeers, err error) {
	const quiet = "SATCHEL_LOG_LEVEL=warn" // the others write no access log either
	all.strict = []peer{satchelPeer(b.satchel, strict, "strict", true, quiet)}
	all.both = append([]peer{satchelPeer(b.satchel, relaxed, "relaxed", true, quiet)}, all.strict...)
	var versions []string
	for _, one := range []struct {
		program string
		tell    string // the argument that makes it tell its version
		make    func(ctx context.Context, program string, synced bool) (peer, error)
	}{{b.nginx, "-v", nginxPeer}, {b.apache, "-v", apachePeer}, {b.rclone, "version", rclonePeer}} {
		if one.program == "" {
			continue
		}
		if _, err := os.Stat(one.program); err != nil {
			return all, fmt.Errorf("%w: %s", err, davNeeds)
		}
		version, err := says(ctx, one.program, one.tell)
		if err != nil {
			return all, err
		}
		versions = append(versions, version)
		for _, synced := range []bool{false, true} {
			p, err := one.make(ctx, one.program, synced)
			if err != nil {
				return all, err
			}
			if synced {
				all.synced = append(all.synced, p)
			} else {
				all.others = append(all.others, p)
			}
		}
	}
	all.terms = fmt.Sprintf(`Basic authentication everywhere, an access log nowhere. The others: %s. Files are files to them, and none of them waits for the
disk. nginx and Apache verify a {SHA} hash, the cheapest that both have, and rclone what --user and --pass say. "synced": their
folders have the attributes S and D (chattr), so that every write and rename waits for the disk.`, strings.Join(versions, ", "))
	return all, nil
}

// davPeer is a WebDAV server that keeps files as files. Its data is below data/ in its folder, where htpasswd names the one user.
// synced makes every change of a file and of a folder wait for the disk.
func davPeer(name string, synced bool, run func(ctx context.Context, s start) (*child, error)) peer {
	if synced {
		name += " synced"
	}
	return peer{name, func(ctx context.Context, folder string) (*child, error) {
		host, err := freeHost()
		if err != nil {
			return nil, err
		}
		s := start{name: name, host: host, folder: folder}
		if err := layOut(folder, synced); err != nil {
			return nil, err
		}
		if os.Geteuid() == 0 {
			s.as = &syscall.Credential{Uid: nobody, Gid: nobody}
			if err := giveAway(folder); err != nil {
				return nil, err
			}
		}
		c, err := run(ctx, s)
		if err != nil {
			return nil, err
		}
		c.auth = basicAuth()
		return c, nil
	}}
}

// htpasswd is a user's line with the cheapest hash that both nginx and Apache have, "{SHA}" (RFC 2307): it is verified with every
// request, and better ones would cost more than the request.
func htpasswd() string {
	sum := sha1.Sum([]byte(password))
	return userName + ":{SHA}" + base64.StdEncoding.EncodeToString(sum[:]) + "\n"
}

// layOut makes the files and folders of a peer: data, what it writes before it is in data (temp), and what it needs to run (run).
func layOut(folder string, synced bool) error {
	if err := os.WriteFile(filepath.Join(folder, "htpasswd"), []byte(htpasswd()), 0o600); err != nil {
		return err
	}
	for _, name := range []string{"run", "temp", "data", "data" + davRoot} {
		path := filepath.Join(folder, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if synced && name != "run" {
			if err := synchronous(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// Of linux/fs.h.
const (
	syncFlag    = 0x00000008 // FS_SYNC_FL
	dirsyncFlag = 0x00010000 // FS_DIRSYNC_FL
)

// synchronous gives a folder the attributes S and D of chattr(1), which what is made in it inherits: writes to files and changes
// of folders return when they are on the disk.
func synchronous(folder string) (err error) {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags|syncFlag|dirsyncFlag)
	}
	if err != nil {
		return fmt.Errorf("%s: this file system has no synchronous folders (chattr +S +D): %w", folder, err)
	}
	return nil
}

// giveAway makes a folder and what is in it the peers'.
func giveAway(folder string) error {
	return filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
}

// says answers the first line that a program writes about itself.
func says(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, out)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	_, version, ok := strings.Cut(line, ": ") // "nginx version: nginx/1.22.1"
	if !ok {
		version = line
	}
	return version, nil
}
