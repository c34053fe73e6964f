package sqldbtest

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

var errNoPostgres = errors.New("no Postgres binaries found: apt-get install postgresql, or set SATCHEL_TEST_POSTGRES to a postgres:// URL")

// keeper runs the server for as long as its standard input is open. The other end is held by the test
// binary alone, so the server ends and the folder goes with it however the test binary ends.
const keeper = `
folder=$1; shift
"$@" </dev/null >"$folder/log" 2>&1 &
server=$!
cat >/dev/null
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"
`

// startCluster makes a cluster in a temporary folder and starts it with settings of postgresql.conf besides. It answers the URL of its database
// "postgres", which need not accept connections yet, and the file that the server logs to.
func startCluster(settings ...string) (location, log string, err error) {
	bin, err := binaries()
	if err != nil {
		return "", "", err
	}
	// Not under $TMPDIR: the path of a Unix socket may have 107 bytes.
	folder, err := os.MkdirTemp("/tmp", "satchel-postgres-")
	if err != nil {
		return "", "", err
	}
	started := false
	defer func() {
		if !started {
			os.RemoveAll(folder)
		}
	}()
	account, err := serverAccount(folder)
	if err != nil {
		return "", "", err
	}
	data := filepath.Join(folder, "data")
	initdb := command(account, filepath.Join(bin, "initdb"), "--pgdata", data, "--username", "satchel",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("initdb: %w\n%s", err, bytes.TrimSpace(out))
	}
	args := []string{"-D", data}
	for _, setting := range append([]string{"listen_addresses=", "unix_socket_directories=" + folder, "max_connections=300",
		"fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_wal_size=256MB"}, settings...) {
		args = append(args, "-c", setting)
	}
	if err := keep(folder, command(account, filepath.Join(bin, "postgres"), args...)); err != nil {
		return "", "", err
	}
	started = true
	q := url.Values{"host": {folder}, "user": {"satchel"}, "sslmode": {"disable"}}
	return "postgres:///postgres?" + q.Encode(), filepath.Join(folder, "log"), nil
}

// binaries is the newest of Debian's folders of server binaries, or the folder on the PATH.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errNoPostgres
}

// credentials is the account that a server runs as; nil is the account of this process.
type credentials struct{ uid, gid int }

// serverAccount gives the folder to the account that the server will run as: Postgres refuses to run as root.
func serverAccount(folder string) (*credentials, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(account.Uid)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.Atoi(account.Gid)
		if err != nil {
			return nil, err
		}
		return &credentials{uid, gid}, os.Chown(folder, uid, gid)
	}
	return nil, errors.New("it does not run as root, and there is no account postgres or nobody to run it as")
}

// command is program run as the account. setpriv is part of util-linux, which every Debian has.
func command(as *credentials, program string, args ...string) *exec.Cmd {
	line := append([]string{program}, args...)
	if as != nil {
		line = append([]string{"setpriv", "--reuid", strconv.Itoa(as.uid), "--regid", strconv.Itoa(as.gid), "--clear-groups", "--"}, line...)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = "/"
	return cmd
}

// keep starts the server under its keeper, in a process group of its own so that an interrupt at the
// terminal reaches the tests and leaves the clearing up to the keeper.
func keep(folder string, server *exec.Cmd) error {
	cmd := exec.Command("sh", append([]string{"-c", keeper, "sh", folder}, server.Args...)...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait()
		runtime.KeepAlive(lifeline) // a collected file is a closed one
	}()
	return nil
}
