package e2e

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// program is the path of a program that a test runs. Where it is missing the test fails and says what installs it.
func program(t testing.TB, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install %s (make test does it where it can)", name, debianPackage)
	}
	return path
}

// tool is a program of a test: its HOME is the test's own and it ends with the test.
func tool(t testing.TB, home, path string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(cleanEnv(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_DATA_HOME="+home, "LC_ALL=C.UTF-8")
	cmd.Dir = home
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// run runs a tool to its end, which must be a good one, and answers all that it wrote.
func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// node is a script of this folder, with its arguments, not started.
func node(t testing.TB, script string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the Node packages of the tests are missing: npm ci --prefix e2e (make test does it)")
	}
	path, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	cmd := tool(t, t.TempDir(), program(t, "node", "nodejs"), append([]string{path}, args...)...)
	if allViews() {
		cmd.Env = append(cmd.Env, "ALL_VIEWS=1")
	}
	if os.Getenv("SATCHEL_SCREENSHOTS") != "" {
		cmd.Env = append(cmd.Env, "PICTURES=1")
	}
	return cmd
}

// lines starts cmd and calls fn for every line that it prints. cmd must end well.
func lines(t testing.TB, cmd *exec.Cmd, fn func(line string)) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var failure strings.Builder
	cmd.Stderr = &failure
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		fn(scanner.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(cmd.Args[1]), err, failure.String())
	}
}

// noise is bytes that do not compress and are the same for the same seed.
func noise(seed uint64, size int64) io.Reader {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return io.LimitReader(rand.NewChaCha8(key), size)
}

// noiseFile writes noise to a file and answers its SHA-256 in hexadecimal.
func noiseFile(t testing.TB, path string, seed uint64, size int64) (sum string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, hash), noise(seed, size)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// hashTree is every file below folder with its SHA-256, and every folder with "folder".
func hashTree(t testing.TB, folder string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			tree[name] = "folder"
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		hash := sha256.New()
		if _, err := io.Copy(hash, file); err != nil {
			return err
		}
		tree[name] = hex.EncodeToString(hash.Sum(nil))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// sameTree reports every difference between two trees.
func sameTree(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name, hash := range want {
		switch other, ok := got[name]; {
		case !ok:
			t.Errorf("%q is missing", name)
		case other != hash:
			t.Errorf("%q differs: %s, want %s", name, other, hash)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%q is too much", name)
		}
	}
}
