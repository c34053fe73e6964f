package main

import (
	"context"
	"path/filepath"
)

const rclone = "rclone"

// rclonePeer is rclone serve webdav of a local folder, as it runs by default.
func rclonePeer(_ context.Context, program string, synced bool) (peer, error) {
	return davPeer(rclone, synced, func(ctx context.Context, s start) (*child, error) {
		return startChild(ctx, s, program, "serve", "webdav", filepath.Join(s.folder, "data"), "--addr", s.host,
			"--user", userName, "--pass", password, "--config", filepath.Join(s.folder, "run", "rclone.conf"))
	}), nil
}
