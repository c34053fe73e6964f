package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// peer is a kind of server, ready to be started any number of times.
type peer struct {
	name  string
	start func(ctx context.Context, folder string) (*child, error)
}

// The peers of a run. The ratios are Satchel's against the last one's.
const (
	relaxed = "satchel relaxed"
	strict  = "satchel strict"
	tusd    = "tusd"
)

// satchelPeer is satchel with one user, who asks with a Bearer token in every request.
func satchelPeer(program, name, durability string) peer {
	return peer{name, func(ctx context.Context, folder string) (*child, error) {
		host, err := freeHost()
		if err != nil {
			return nil, err
		}
		env := []string{"SATCHEL_DURABILITY=" + durability, "SATCHEL_LOG_FORMAT=json"}
		admin, err := freeHost()
		if err != nil {
			return nil, err
		}
		c, err := startChild(ctx, name, host, folder, env, program, "serve", "--data", filepath.Join(folder, "data"), "--listen", host, "--admin-listen", admin)
		if err != nil {
			return nil, err
		}
		c.profile = "http://" + admin + "/debug/pprof/profile"
		if c.auth, err = register(ctx, host); err != nil {
			err = fmt.Errorf("%s: %w: %s", name, err, c.lastWords())
			c.stop()
			return nil, err
		}
		return c, nil
	}}
}

// register makes an account and answers its Authorization header.
func register(ctx context.Context, host string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	body := []byte(`{"username":"bench","password":"a long bench passphrase"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+"/api/v1/register", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var signIn struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&signIn); err != nil || answer.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("register: %s (%w)", answer.Status, err)
	}
	return "Bearer " + signIn.AccessToken, nil
}

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
		return startChild(ctx, tusd, host, folder, nil, program, "-host", address, "-port", port, "-upload-dir", data, "-shutdown-timeout", (time.Second).String())
	}}
}
