package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const apache = "apache"

// apacheModules are what a WebDAV server with Basic authentication needs.
var apacheModules = [...]string{"mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "dav", "dav_fs"}

// apacheSettings are those of a server in production: a process a processor with Debian's number of threads, sendfile, no access log,
// connections that stay open. Parameters: the folder, the address, the processors, the modules' folder.
const apacheSettings = `ServerRoot %[1]s
ServerName localhost
Listen %[2]s
PidFile %[1]s/run/pid
DefaultRuntimeDir %[1]s/run
ErrorLog %[1]s/log
LogLevel error
StartServers %[3]d
ThreadLimit 64
ThreadsPerChild 25
MinSpareThreads 25
MaxSpareThreads 75
MaxRequestWorkers 150
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 75
EnableSendfile On
LimitRequestBody 0
DocumentRoot %[1]s/data
DavLockDB %[1]s/run/locks
<Directory %[1]s/data>
	Options FollowSymLinks
	AllowOverride None
	Dav On
	AuthType Basic
	AuthName bench
	AuthUserFile %[1]s/htpasswd
	Require valid-user
</Directory>
`

// apachePeer is Apache's httpd with mod_dav and mod_dav_fs.
func apachePeer(_ context.Context, program string, synced bool) (peer, error) {
	modules, err := apacheModulesFolder(program)
	if err != nil {
		return peer{}, err
	}
	return davPeer(apache, synced, func(ctx context.Context, s start) (*child, error) {
		settings := fmt.Sprintf(apacheSettings, s.folder, s.host, runtime.NumCPU())
		var load strings.Builder
		for _, name := range apacheModules {
			fmt.Fprintf(&load, "LoadModule %[1]s_module %[2]s/mod_%[1]s.so\n", name, modules)
		}
		file := filepath.Join(s.folder, "apache.conf")
		if err := os.WriteFile(file, []byte(load.String()+settings), 0o644); err != nil {
			return nil, err
		}
		return startChild(ctx, s, program, "-D", "FOREGROUND", "-f", file)
	}), nil
}

// apacheModulesFolder is where Debian's package has them: lib beside the program's folder.
func apacheModulesFolder(program string) (string, error) {
	folder := filepath.Join(filepath.Dir(program), "..", "lib", "apache2", "modules")
	if _, err := os.Stat(filepath.Join(folder, "mod_dav.so")); err != nil {
		return "", fmt.Errorf("%w: %s", err, davNeeds)
	}
	return folder, nil
}
