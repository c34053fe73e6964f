package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
)

// Satchel's two durabilities, as peers of a run.
const (
	relaxed = "satchel relaxed"
	strict  = "satchel strict"
)

// The account that clients are.
const (
	userName = "bench"
	password = "a long bench passphrase"
)

// basicAuth is the Authorization header of that account (RFC 7617).
func basicAuth() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(userName+":"+password))
}

// satchelPeer is satchel with one user, who asks with a Bearer token in every request or, if basic is set, with name and
// password. env are settings beside those of a server that was just installed.
func satchelPeer(program, name, durability string, basic bool, env ...string) peer {
	return peer{name, func(ctx context.Context, folder string) (*child, error) {
		c, err := startSatchel(ctx, program, name, folder, append([]string{"SATCHEL_DURABILITY=" + durability}, env...)...)
		if err != nil {
			return nil, err
		}
		if c.auth, err = register(ctx, c.host); err != nil {
			err = fmt.Errorf("%s: %w: %s", name, err, c.lastWords())
			c.stop()
			return nil, err
		}
		if basic {
			c.auth = basicAuth()
		}
		return c, nil
	}}
}

// startSatchel starts one with settings from the environment, and makes no account.
func startSatchel(ctx context.Context, program, name, folder string, env ...string) (*child, error) {
	host, err := freeHost()
	if err != nil {
		return nil, err
	}
	admin, err := freeHost()
	if err != nil {
		return nil, err
	}
	c, err := startChild(ctx, start{name: name, host: host, folder: folder, env: append([]string{"SATCHEL_LOG_FORMAT=json"}, env...)},
		program, "serve", "--data", filepath.Join(folder, "data"), "--listen", host, "--admin-listen", admin)
	if err == nil {
		c.profile = "http://" + admin + "/debug/pprof/profile"
	}
	return c, err
}

// register makes the account and answers the Authorization header of its access token.
func register(ctx context.Context, host string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	body, err := json.Marshal(map[string]string{"username": userName, "password": password})
	if err != nil {
		return "", err
	}
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
