package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
)

const nginx = "nginx"

// nginxSettings are those of a server in production: a worker a processor, sendfile, no access log, connections that stay open.
// Parameters: workers, the folder, the module, the address.
const nginxSettings = `daemon off;
worker_processes %[1]d;
pid %[2]s/run/pid;
error_log stderr error;
load_module %[3]s;
events {
	worker_connections 1024;
}
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	default_type application/octet-stream;
	keepalive_requests 1000000000;
	client_max_body_size 0;
	client_body_temp_path %[2]s/temp;
	proxy_temp_path %[2]s/run/proxy;
	fastcgi_temp_path %[2]s/run/fastcgi;
	uwsgi_temp_path %[2]s/run/uwsgi;
	scgi_temp_path %[2]s/run/scgi;
	dav_ext_lock_zone zone=locks:10m;
	server {
		listen %[4]s;
		root %[2]s/data;
		auth_basic bench;
		auth_basic_user_file %[2]s/htpasswd;
		dav_methods PUT DELETE MKCOL COPY MOVE;
		dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
		dav_ext_lock zone=locks;
		dav_access user:rw;
	}
}
`

// nginxPeer is nginx with its own dav module and the dav-ext module.
func nginxPeer(ctx context.Context, program string, synced bool) (peer, error) {
	module, err := nginxModule(ctx, program)
	if err != nil {
		return peer{}, err
	}
	return davPeer(nginx, synced, func(ctx context.Context, s start) (*child, error) {
		settings := fmt.Sprintf(nginxSettings, runtime.NumCPU(), s.folder, module, s.host)
		file := filepath.Join(s.folder, "nginx.conf")
		if err := os.WriteFile(file, []byte(settings), 0o644); err != nil {
			return nil, err
		}
		return startChild(ctx, s, program, "-e", "stderr", "-p", s.folder, "-c", file)
	}), nil
}

var modulesPath = regexp.MustCompile(`--modules-path=(\S+)`)

// nginxModule finds the dav-ext module where the program looks for modules.
func nginxModule(ctx context.Context, program string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-V").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s -V: %w: %s", program, err, out)
	}
	found := modulesPath.FindSubmatch(out)
	if found == nil {
		return "", fmt.Errorf("%s loads no modules", program)
	}
	module := filepath.Join(string(found[1]), "ngx_http_dav_ext_module.so")
	if _, err := os.Stat(module); err != nil {
		return "", fmt.Errorf("%w: %s", err, davNeeds)
	}
	return module, nil
}
