package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// prompt is a person at a machine of their own, with satchel in the path.
type prompt struct {
	t    testing.TB
	home string
	env  []string
}

func newPrompt(t testing.TB, env ...string) *prompt {
	t.Helper()
	return &prompt{t: t, home: t.TempDir(), env: env}
}

// said is what a command left.
type said struct {
	code        int
	out, errors string
}

func (p *prompt) command(args ...string) *exec.Cmd {
	p.t.Helper()
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := tool(p.t, p.home, path, args...)
	cmd.Env = append(cmd.Env, p.env...)
	return cmd
}

// try runs a command with an input to its end.
func (p *prompt) try(input string, args ...string) said {
	p.t.Helper()
	cmd := p.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	for _, text := range []string{out.String(), errs.String()} {
		if strings.ContainsRune(text, '\x1b') || strings.ContainsRune(text, '\r') {
			p.t.Errorf("satchel %s writes control characters into a pipe: %q", strings.Join(args, " "), text)
		}
	}
	return said{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// does runs a command that has to end well, and answers its output.
func (p *prompt) does(args ...string) string {
	p.t.Helper()
	got := p.try("", args...)
	if got.code != 0 {
		p.t.Fatalf("satchel %s: exit code %d\n%s%s", strings.Join(args, " "), got.code, got.out, got.errors)
	}
	return got.out
}

func (p *prompt) join(url, name string) {
	p.t.Helper()
	if got := p.try(password+"\n", "register", url, name); got.code != 0 {
		p.t.Fatalf("register: exit code %d\n%s", got.code, got.errors)
	}
}

func (p *prompt) signIn(url, name string) {
	p.t.Helper()
	if got := p.try(password+"\n", "login", url, name); got.code != 0 {
		p.t.Fatalf("login: exit code %d\n%s", got.code, got.errors)
	}
}

// write makes a file with content.
func (p *prompt) write(name string, content []byte) {
	p.t.Helper()
	path := filepath.Join(p.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *prompt) read(name string) []byte {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.home, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return content
}

// grain is content that nothing else has.
func grain(seed byte, size int) []byte {
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(content) // it never fails
	return content
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// recorded is the SHA-256 that the drive has of a file.
func (p *prompt) recorded(path string) string {
	p.t.Helper()
	var n struct{ SHA256 string }
	if err := json.Unmarshal([]byte(p.does("ls", "--json", path)), &n); err != nil {
		p.t.Fatal(err)
	}
	return n.SHA256
}

// A day at a prompt, step by step.
func TestAtPrompt(t *testing.T) {
	t.Parallel()
	bothDatabases(t, func(t *testing.T, s *Server) {
		p := newPrompt(t)
		p.write("tree/a/one.txt", []byte("one"))
		p.write("tree/a/deep/two.txt", []byte("two"))
		p.write("tree/\x1b[31mred.txt", []byte("red"))
		p.write("big.bin", grain(1, 9<<20))
		p.write("other.txt", []byte("not one"))
		for _, err := range []error{
			os.Mkdir(filepath.Join(p.home, "tree", "empty"), 0o700), os.Symlink("/etc/passwd", filepath.Join(p.home, "tree", "link")),
			syscall.Mkfifo(filepath.Join(p.home, "fifo"), 0o600),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			input, args string
			code        int
			says        string // on the output if code is 0, else where errors go; of several lines each
		}{
			{"", "whoami", 3, "You are not signed in"},
			{"", "ls", 3, "satchel login URL"},
			{password + "\n", "register " + s.URL + " ann", 0, "ann has an account at " + s.URL},
			{password + "\n", "register " + s.URL + " ann", 5, "taken"},
			{password + "\n", "register http://files.example.org ann", 2, "others on the way can read your password"},
			{"wrong-horse\n", "login " + s.URL + " ann", 3, "password"},
			{"", "whoami", 0, "ann at " + s.URL + ", 0 B used"},
			{"", "ls", 0, ""},
			{"", "put tree /", 0, `moved  tree/\x1b[31mred.txt`},
			{"", "put tree /", 0, "known  tree/a/one.txt"},
			{"", "put --sync tree /", 0, "same   tree/a/deep/two.txt"},
			{"", "ls -R", 0, "/tree/\n/tree/a/\n/tree/a/deep/\n/tree/a/deep/two.txt\n/tree/a/one.txt\n/tree/empty/\n/tree/\\x1b[31mred.txt\n"},
			{"", "ls -R --limit 2", 0, "/tree/\n/tree/a/\n"},
			{"", "ls -l /tree/a/one.txt", 0, "           3  20"},
			{"", "ls /nowhere", 4, "/nowhere: There is nothing here."},
			{"", "put big.bin /films/film.bin", 0, "moved  big.bin"},
			{"", "put --json big.bin /films/again.bin", 0, `"result":"known"`},
			{"", "put fifo /", 5, "fifo: It is neither a file nor a folder."},
			{"", "put fifo other.txt /", 6, "some of the files failed"},
			{"", "put missing /", 1, "missing: no such file"},
			{"", "put other.txt /tree/a/one.txt --conflict fail", 5, "There is something with this name already."},
			{"", "put other.txt /tree/a/one.txt --conflict maybe", 2, "want replace, rename or fail"},
			{"", "put other.txt", 2, "requires at least 2 arg(s)"},
			{"", "put other.txt / --data x", 2, "--data is for the commands of the server"},
			{"", "get /tree", 0, "same   tree/a/one.txt"},
			{"", "get /tree out", 0, "moved  out/tree/a/deep/two.txt"},
			{"", "get /tree out", 0, "same   out/tree/a/deep/two.txt"},
			{"", "get /tree/a/one.txt /tree/a/deep/two.txt -", 0, "onetwo"},
			{"", "get /films/film.bin got.bin", 0, "moved  got.bin"},
			{"", "get /films/film.bin other.txt", 5, "other.txt is here already and differs"},
			{"", "get /films/film.bin other.txt --overwrite", 0, "moved  other.txt"},
			{"", "get /nowhere", 4, "/nowhere: There is nothing here."},
			{"", "put other.txt /tree/a/one.txt/new.txt", 5, "other.txt: "},
			{"", "put tree/a/ /tree/a/one.txt", 6, "some of the files failed"},
			{"", "mkdir /x/y", 5, "The folder does not exist."},
			{"", "mkdir -p /x/y /x/y", 0, ""},
			{"", "cp /films/film.bin /x/", 0, ""},
			{"", "mv /x/film.bin /x/y", 0, ""},
			{"", "mv /x/y/film.bin /x/moved.bin", 0, ""},
			{"", "cp /films/again.bin /x/moved.bin", 5, "/films/again.bin: "},
			{"", "cp --overwrite /films/again.bin /x/moved.bin", 0, ""},
			{"", "ls -R /x", 0, "/x/y/\n/x/moved.bin\n"},
			{"", "rm /x", 5, "say --recursive"},
			{"", "rm -r /x /nowhere", 6, "/nowhere: There is nothing here."},
			{"", "share create /films --expires 7d --max-uses 3", 0, s.URL + "/s/"},
			{"", "share create /films --expires soon", 2, "want a duration such as"},
			{"open sesame\n", "share create /films --drop --password", 0, s.URL + "/s/"},
			{"", "share create /nowhere", 4, "nothing"},
			{"", "share list", 0, "0 of 3"},
			{"", "share list --json", 0, `"protected":true`},
			{"", "share end /films", 0, ""},
			{"", "share end /films", 4, "There is no such link."},
			{"", "uploads", 0, "ID  SENT  EXPIRES  PATH\n"},
			{"", "uploads cancel", 2, "say which"},
			{"", "uploads cancel 00000000000000000000000000", 4, "no such upload"},
			{"", "__complete ls /fi", 0, "/films/\n"},
			{"", "completion bash", 0, "bash completion"},
			{"", "logout", 0, "Signed out of " + s.URL},
			{"", "whoami", 3, "You are not signed in"},
			{password + "\n", "login " + s.URL + " ann", 0, "ann is signed in at"},
		} {
			got := p.try(step.input, strings.Fields(step.args)...)
			text := got.out
			if step.code != 0 {
				text = got.errors
			}
			if got.code != step.code || !strings.Contains(text, step.says) {
				t.Errorf("satchel %s: exit code %d, want %d and %q\n%s%s", step.args, got.code, step.code, step.says, got.out, got.errors)
			}
		}
		if got := p.read("got.bin"); !bytes.Equal(got, grain(1, 9<<20)) {
			t.Error("got.bin is not what was sent")
		}
		if info, err := os.Stat(filepath.Join(p.home, "tree", "empty")); err != nil || !info.IsDir() {
			t.Errorf("the empty folder: %v", err)
		}
		if _, err := os.Lstat(filepath.Join(p.home, "out", "tree", "link")); err == nil {
			t.Error("the symbolic link was sent")
		}
		p.keepsItsToken(s)
	})
}

// keepsItsToken looks who may read what the sign-in left.
func (p *prompt) keepsItsToken(s *Server) {
	p.t.Helper()
	session := filepath.Join(p.home, "satchel", "session.json")
	info, err := os.Stat(session)
	if err != nil || info.Mode().Perm() != 0o600 {
		p.t.Errorf("session.json: %v, %v; want the mode 0600", info, err)
	}
	var kept struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(p.read("satchel/session.json"), &kept); err != nil {
		p.t.Fatal(err)
	}
	other := newPrompt(p.t, "SATCHEL_CLIENT_SERVER="+s.URL, "SATCHEL_CLIENT_TOKEN="+kept.Access)
	if out := other.does("whoami"); !strings.Contains(out, "ann at ") {
		p.t.Errorf("with the token of the environment: %s", out)
	}
	device := strings.TrimSpace(run(p.t, s.Command("user", "app-password", "ann", "--name", "phone", "--folder", "/films")))
	other = newPrompt(p.t, "SATCHEL_CLIENT_SERVER="+s.URL, "SATCHEL_CLIENT_USER=ann", "SATCHEL_CLIENT_PASSWORD="+device)
	if out := other.does("ls"); !strings.Contains(out, "film.bin") {
		p.t.Errorf("with the app password of the environment: %s", out)
	}
	if got := other.try("", "share", "list"); got.code != 5 {
		p.t.Errorf("an app password lists shares: %+v", got)
	}
	third := newPrompt(p.t)
	if got := third.try(device+"\n", "login", s.URL, "ann", "--app-password"); got.code != 0 {
		p.t.Errorf("login --app-password: %+v", got)
	}
	third.write("new.txt", []byte("new"))
	third.does("put", "new.txt", "/")
	if got := p.does("get", "/films/new.txt", "-"); got != "new" {
		p.t.Errorf("the device's file: %q", got)
	}
}

// Processes that share the file of a sign-in do not log each other out, though each finds its token too old at the same moment.
func TestProcessesShareASignIn(t *testing.T) {
	t.Parallel()
	bothDatabases(t, func(t *testing.T, s *Server) {
		p := newPrompt(t)
		p.join(s.URL, "ann")
		var kept map[string]any
		for round := range 3 {
			if err := json.Unmarshal(p.read("satchel/session.json"), &kept); err != nil {
				t.Fatal(err)
			}
			before := kept["refresh_token"]
			kept["expires"] = time.Now().Add(-time.Hour)
			text, err := json.Marshal(kept)
			if err != nil {
				t.Fatal(err)
			}
			p.write("satchel/session.json", text)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if got := p.try("", "whoami"); got.code != 0 {
						t.Errorf("round %d: exit code %d: %s", round, got.code, got.errors)
					}
				})
			}
			all.Wait()
			if err := json.Unmarshal(p.read("satchel/session.json"), &kept); err != nil || kept["refresh_token"] == before {
				t.Fatalf("the refresh token was not renewed: %v", err)
			}
		}
	})
}

// overhead bounds what of a transfer is no content: lines and headers.
const overhead = 256 << 10

// oneChunk is what a request of the client carries at most, and so what a break may cost; on the way down about what sockets hold.
const oneChunk = 8 << 20

// The network breaks in the middle of put. Another machine with the same file under another name goes on, and nothing is sent twice but
// what was on its way.
func TestPutGoesOnAfterABreak(t *testing.T) {
	t.Parallel()
	bothDatabases(t, func(t *testing.T, s *Server) {
		w := newWire(t, s)
		here, there := newPrompt(t), newPrompt(t)
		here.join(w.URL, "ann")
		there.signIn(w.URL, "ann")
		content := grain(2, 40<<20)
		here.write("film.bin", content)
		there.write("same film.bin", content)

		w.BreakAfter(21<<20, unbroken)
		if got := here.try("", "put", "--patience", "0s", "film.bin", "/films/film.bin"); got.code != 7 || !strings.Contains(got.errors, "the same command goes on") {
			t.Fatalf("put over the broken network: exit code %d\n%s", got.code, got.errors)
		}
		w.Mend()
		if got := there.does("uploads"); !strings.Contains(got, "% of 40 MiB") || !strings.Contains(got, "/films/film.bin") {
			t.Fatalf("uploads that are under way:\n%s", got)
		}
		there.does("put", "same film.bin", "/films/film.bin")
		if got := here.recorded("/films/film.bin"); got != sumOf(content) {
			t.Errorf("the drive has %s, want %s", got, sumOf(content))
		}
		if sent, most := w.Up.Load(), int64(len(content)+oneChunk+overhead); sent > most {
			t.Errorf("%d bytes went to the server, want at most %d", sent, most)
		}
		if got := there.does("ls", "/films"); got != "film.bin\n" {
			t.Errorf("in the folder is:\n%s", got)
		}
		w.Down.Store(0)
		w.BreakAfter(unbroken, 17<<20)
		if got := here.try("", "get", "--patience", "0s", "/films/film.bin", "back.bin"); got.code != 7 {
			t.Fatalf("get over the broken network: exit code %d\n%s", got.code, got.errors)
		}
		w.Mend()
		if _, err := os.Stat(filepath.Join(here.home, "back.bin")); err == nil {
			t.Error("a half file has the name of the whole")
		}
		here.does("get", "/films/film.bin", "back.bin")
		if !bytes.Equal(here.read("back.bin"), content) {
			t.Error("what came back differs")
		}
		if came, most := w.Down.Load(), int64(len(content)+oneChunk+overhead); came > most {
			t.Errorf("%d bytes came from the server, want at most %d", came, most)
		}
	})
}

// While the network is away for a moment, put waits and goes on by itself.
func TestPutOutlivesABreak(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := newWire(t, s)
	p := newPrompt(t)
	p.join(w.URL, "ann")
	content := grain(3, 30<<20)
	p.write("film.bin", content)
	for _, at := range []int64{9 << 20, 3 << 20, 12 << 20} {
		w.BreakAfter(at, unbroken)
		mended := make(chan struct{})
		go func(broken <-chan struct{}) {
			defer close(mended)
			<-broken
			w.Mend()
		}(w.Broken())
		name := fmt.Sprintf("/film%d.bin", at)
		content[0]++
		p.write("film.bin", content)
		p.does("put", "film.bin", name)
		<-mended
		if got := p.recorded(name); got != sumOf(content) {
			t.Errorf("%s: the drive has %s, want %s", name, got, sumOf(content))
		}
	}
}

// A file that was changed between two runs is not made of both: not even if its size and time are the same.
func TestPutOfAChangedFileBeginsAnew(t *testing.T) {
	t.Parallel()
	bothDatabases(t, func(t *testing.T, s *Server) {
		w := newWire(t, s)
		p := newPrompt(t)
		p.join(w.URL, "ann")
		old, changed := grain(4, 30<<20), grain(5, 30<<20)
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		put := func(content []byte, args ...string) said {
			p.write("file.bin", content)
			if err := os.Chtimes(filepath.Join(p.home, "file.bin"), at, at); err != nil {
				t.Fatal(err)
			}
			return p.try("", append([]string{"put", "file.bin", "/file.bin"}, args...)...)
		}
		w.BreakAfter(20<<20, unbroken)
		if got := put(old, "--patience", "0s"); got.code != 7 {
			t.Fatalf("put over the broken network: %+v", got)
		}
		w.Mend()
		var under []struct{ ID string }
		for line := range strings.Lines(p.does("uploads", "--json")) {
			var u struct{ ID string }
			if err := json.Unmarshal([]byte(line), &u); err != nil {
				t.Fatal(err)
			}
			under = append(under, u)
		}
		if len(under) != 1 {
			t.Fatalf("%d uploads are under way", len(under))
		}
		if got := put(changed); got.code != 0 {
			t.Fatalf("put of the changed file: %+v", got)
		}
		if got := p.recorded("/file.bin"); got != sumOf(changed) {
			t.Errorf("the drive has %s, want %s", got, sumOf(changed))
		}
		if got := p.try("", "uploads", "resume", under[0].ID, "file.bin"); got.code != 5 || !strings.Contains(got.errors, "not the file that the upload was begun with") {
			t.Errorf("going on with another file: %+v", got)
		}
		p.write("old.bin", old)
		p.does("uploads", "resume", under[0].ID, "old.bin")
		if got := p.recorded("/file.bin"); got != sumOf(old) {
			t.Errorf("after going on with the old one the drive has %s, want %s", got, sumOf(old))
		}
	})
}
