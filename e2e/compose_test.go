package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// composed is what deploy/compose.yaml means, as far as the tests look at it.
type composed struct {
	Services map[string]service
}

type service struct {
	Image, Restart string
	Environment    map[string]string
	Networks       map[string]struct {
		Address string `json:"ipv4_address"`
	}
	Volumes []struct{ Type, Source string }
	Health  *struct{ Test []string } `json:"healthcheck"`
	Ports   []struct {
		Host string `json:"host_ip"`
	}
}

// compose reads deploy/compose.yaml by the library of docker compose. The complaint is what it says against it.
func compose(t *testing.T, env ...string) (c composed, complaint string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", ".", "../../deploy/compose.yaml")
	cmd.Dir = "compose"
	cmd.Env = append(cleanEnv(), append(env, "HOME="+os.Getenv("HOME"))...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return c, complaints.String()
	}
	if err := json.Unmarshal(out, &c); err != nil {
		t.Fatal(err)
	}
	return c, ""
}

// deploy/compose.yaml is what docker compose takes, has no password of its own, is open to this machine alone, has everything that runs looked
// after, and its parts agree about where the others are. The nodes' settings are Satchel's; nginx and Prometheus take their configuration.
func TestCompose(t *testing.T) {
	t.Parallel()
	passwords := []string{"POSTGRES_PASSWORD=first", "S3_SECRET_KEY=second"}
	for i, name := range []string{"S3_SECRET_KEY", "POSTGRES_PASSWORD"} {
		if _, complaint := compose(t, passwords[i]); !strings.Contains(complaint, name+" is missing a value") {
			t.Errorf("without %s: %q", name, complaint)
		}
	}
	c, complaint := compose(t, passwords...)
	if complaint != "" {
		t.Fatal(complaint)
	}
	nodes := []string{"satchel-1", "satchel-2", "satchel-3"}
	all := append([]string{"bucket", "nginx", "postgres", "prometheus", "s3"}, nodes...)
	if got := slices.Sorted(maps.Keys(c.Services)); !slices.Equal(got, all) {
		t.Fatalf("the services are %v, want %v", got, all)
	}
	for name, s := range c.Services {
		if name != "bucket" && (s.Restart != "unless-stopped" || s.Health == nil || len(s.Health.Test) < 2) {
			t.Errorf("%s is not looked after: restart %q, health check %v", name, s.Restart, s.Health)
		}
		for _, port := range s.Ports {
			if port.Host != "127.0.0.1" {
				t.Errorf("%s is open to %q", name, port.Host)
			}
		}
		for _, v := range s.Volumes {
			if v.Type != "bind" {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s has no %v", name, err)
			}
		}
	}
	for _, name := range nodes {
		c.wantNode(t, name)
	}
	home := t.TempDir()
	abs := func(path string) string {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	run(t, tool(t, home, nginx(t), "-t", "-p", home+"/", "-c", abs("../deploy/nginx/nginx.conf"), "-e", "stderr"))
	run(t, tool(t, home, program(t, "promtool", "prometheus"), "check", "config", abs("../deploy/prometheus/prometheus.yml")))
}

// wantNode looks that a node, and those that it speaks with, know each other, and that its settings are Satchel's.
func (c composed) wantNode(t *testing.T, name string) {
	t.Helper()
	text := func(path string) string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	node, postgres, s3 := c.Services[name], c.Services["postgres"], c.Services["s3"]
	if address := node.Networks["default"].Address; address == "" || !strings.Contains(text("../deploy/nginx/nodes.conf"), "server "+address+":8080 ") {
		t.Errorf("nginx does not know %s at %s", name, address)
	}
	if !strings.Contains(text("../deploy/prometheus/nodes.yml"), name+":8081") || node.Environment["SATCHEL_ADMIN_LISTEN"] != "0.0.0.0:8081" {
		t.Errorf("Prometheus does not know %s", name)
	}
	if proxy := c.Services["nginx"].Networks["default"].Address; proxy == "" || node.Environment["SATCHEL_TRUSTED_PROXIES"] != proxy {
		t.Errorf("%s believes %q, nginx is %q", name, node.Environment["SATCHEL_TRUSTED_PROXIES"], proxy)
	}
	if node.Environment["PGPASSWORD"] != postgres.Environment["POSTGRES_PASSWORD"] ||
		node.Environment["SATCHEL_S3_SECRET_KEY"] != s3.Environment["ROOT_SECRET_KEY"] || node.Environment["SATCHEL_S3_ACCESS_KEY"] != s3.Environment["ROOT_ACCESS_KEY"] {
		t.Errorf("%s has other passwords than its servers", name)
	}
	satchel := &Server{t: t, Data: filepath.Join(t.TempDir(), "data")}
	for key, value := range node.Environment {
		satchel.Env = append(satchel.Env, key+"="+value)
	}
	if told := run(t, satchel.Command("config", "check")); strings.Contains(told, "first") || strings.Contains(told, "second") {
		t.Errorf("config check tells passwords:\n%s", told)
	}
}

// nginx is its path: where it is, people's PATH often does not lead.
func nginx(t *testing.T) string {
	t.Helper()
	const path = "/usr/sbin/nginx"
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return program(t, "nginx", "nginx")
}
