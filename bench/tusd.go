package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"time"
)

const tusd = "tusd"

// tusdPeer is tusd with its file store and file locker, as it runs by default.
func tusdPeer(program string) peer {
	return peer{tusd, func(ctx context.Context, folder string) (*child, error) {
		host, err := freeHost()
		if err != nil {
			return nil, err
		}
		address, port, err := net.SplitHostPort(host)
		if err != nil {
			return nil, err
		}
		data := filepath.Join(folder, "data")
		if err := os.Mkdir(data, 0o700); err != nil {
			return nil, err
		}
		return startChild(ctx, start{name: tusd, host: host, folder: folder},
			program, "-host", address, "-port", port, "-upload-dir", data, "-shutdown-timeout", time.Second.String())
	}}
}
