package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// terminal is a shell in a window of tmux, 80 columns wide and 24 lines high, as a person has it.
type terminal struct {
	t      testing.TB
	tmux   string
	socket string
}

// newTerminal opens one in the home of a prompt.
func (p *prompt) newTerminal() *terminal {
	p.t.Helper()
	folder, err := os.MkdirTemp("", "satchel-tmux-") // a socket's path must be short
	if err != nil {
		p.t.Fatal(err)
	}
	w := &terminal{t: p.t, tmux: program(p.t, "tmux", "tmux"), socket: filepath.Join(folder, "s")}
	bin, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	open := tool(p.t, p.home, w.tmux, "-S", w.socket, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "exec env PS1='$ ' bash --norc --noprofile")
	open.Env = append(open.Env, "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"))
	open.SysProcAttr = &syscall.SysProcAttr{} // the server of tmux outlives this command
	run(p.t, open)
	p.t.Cleanup(func() {
		_ = exec.Command(w.tmux, "-S", w.socket, "kill-server").Run() // it may have ended by itself
		os.RemoveAll(folder)
	})
	return w
}

// types presses keys, as tmux calls them.
func (w *terminal) types(keys ...string) {
	w.t.Helper()
	run(w.t, exec.Command(w.tmux, append([]string{"-S", w.socket, "send-keys", "-t", "0"}, keys...)...))
}

// screen is what a person sees.
func (w *terminal) screen() string {
	w.t.Helper()
	return run(w.t, exec.Command(w.tmux, "-S", w.socket, "capture-pane", "-p", "-t", "0"))
}

// shows waits until the screen has what is looked for, and answers it.
func (w *terminal) shows(pattern string) string {
	w.t.Helper()
	want := regexp.MustCompile(pattern)
	for begin := time.Now(); ; {
		screen := w.screen()
		if want.MatchString(screen) {
			return screen
		}
		if time.Since(begin) > time.Minute {
			w.t.Fatalf("the screen does not show %q:\n%s", pattern, screen)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A person sends a film, the network breaks, they press Ctrl-C and run the command again: bars, a clean screen, the right hash, and nothing was
// sent twice but what was on its way.
func TestTerminalSession(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := newWire(t, s)
	p := newPrompt(t)
	p.join(w.URL, "ann")
	film := grain(6, 48<<20)
	p.write("films/film.bin", film)
	p.write("films/\x1b[2J\x1b]0;evil\x07.txt", []byte("its name clears the screen"))
	window := p.newTerminal()

	w.pace.Store(8 << 20)
	window.types("satchel put films /; echo ended with $?", "Enter")
	window.shows(`(?m)^films/film.bin +\[=+>-+\] +\d+% .*/s`)
	w.BreakAfter(0, unbroken)
	waiting := window.shows(`(?m)^films/film.bin .* again in \d+s`)
	if !strings.Contains(waiting, "$ satchel put films /; echo ended with $?") {
		t.Errorf("the screen was cleared by a name:\n%s", waiting)
	}
	for line := range strings.Lines(waiting) {
		if len([]rune(strings.TrimRight(line, " \n"))) > 80 {
			t.Errorf("a line is longer than the screen: %q", line)
		}
	}
	window.types("C-c")
	stopped := window.shows(`ended with 130`)
	for _, want := range []string{`(?m)^satchel: stopped; the same command goes on from here$`, `(?m)^ended with 130$`, `(?m)^\$ *$`} {
		if !regexp.MustCompile(want).MatchString(window.shows(want)) {
			t.Errorf("after Ctrl-C the screen has no %q:\n%s", want, stopped)
		}
	}
	if strings.Contains(window.screen(), "again in") {
		t.Errorf("a bar was left behind:\n%s", window.screen())
	}

	w.Mend()
	w.pace.Store(0)
	window.types("clear; satchel put films /; echo ended with $?", "Enter")
	window.shows(`(?m)^ended with 0$`)
	if got := p.recorded("/films/film.bin"); got != sumOf(film) {
		t.Errorf("the drive has %s, want %s", got, sumOf(film))
	}
	if sent, most := w.Up.Load(), int64(len(film)+oneChunk+overhead); sent > most {
		t.Errorf("%d bytes went to the server, want at most %d", sent, most)
	}
	window.types("clear; satchel ls /films | cat -v", "Enter")
	window.shows(`(?m)^\\x1b\[2J\\x1b\]0;evil\\a\.txt$`)
	window.types("clear; satchel get /films back; satchel get /films back | cat -v; echo ended with $?", "Enter")
	if screen := window.shows(`(?m)^ended with 0$`); !strings.Contains(screen, "same   back/films/film.bin") {
		t.Errorf("fetched twice:\n%s", screen)
	}
	if got := sumOf(p.read("back/films/film.bin")); got != sumOf(film) {
		t.Errorf("what came back has the hash %s, want %s", got, sumOf(film))
	}
}

// At a terminal passwords are asked for and not shown.
func TestTerminalSignIn(t *testing.T) {
	t.Parallel()
	s := start(t)
	newPrompt(t).join(s.URL, "ann")
	window := newPrompt(t).newTerminal()
	window.types("satchel login "+s.URL, "Enter")
	window.shows(`(?m)^Username:`)
	window.types("ann", "Enter")
	window.shows(`(?m)^Password:`)
	window.types(password, "Enter")
	if screen := window.shows(`ann is signed in at `); strings.Contains(screen, password) {
		t.Errorf("the password is on the screen:\n%s", screen)
	}
	window.types("clear", "Enter")
	window.shows(`\A\$\s*\z`) // or the password that was asked for before would do
	window.types("satchel register "+s.URL+" eva", "Enter")
	window.shows(`(?m)^Password:`)
	window.types("C-c")
	window.shows(`satchel: interrupted`)
	window.types("echo shown again", "Enter")
	window.shows(`(?m)^\$ echo shown again$`)
}

// An account with an authenticator app is signed in to with its code, and says so where nobody can be asked.
func TestSignInWithASecondFactor(t *testing.T) {
	t.Parallel()
	s := start(t)
	ann := s.Register(t, "ann")
	asJSON := http.Header{"Content-Type": {"application/json"}}
	var made struct{ Secret string }
	decode(t, send(t, ann.Bearer, http.MethodPost, s.URL+"/api/v1/me/totp", asJSON, strings.NewReader(fmt.Sprintf(`{"password": %q}`, password))), http.StatusCreated, &made)
	code, err := totp.GenerateCode(made.Secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var on struct {
		RecoveryCodes []string `json:"recovery_codes"`
	}
	decode(t, send(t, ann.Bearer, http.MethodPost, s.URL+"/api/v1/me/totp/confirm", asJSON, strings.NewReader(fmt.Sprintf(`{"otp": %q}`, code))), http.StatusOK, &on)

	p := newPrompt(t)
	if got := p.try(password+"\n", "login", s.URL, "ann"); got.code != 3 || !strings.Contains(got.errors, "--otp CODE") {
		t.Errorf("without a code: %+v", got)
	}
	if got := p.try(password+"\n", "login", s.URL, "ann", "--otp", "000000"); got.code != 3 {
		t.Errorf("with a wrong one: %+v", got)
	}
	if got := p.try(password+"\n", "login", s.URL, "ann", "--otp", on.RecoveryCodes[0]); got.code != 0 {
		t.Fatalf("with a recovery code: %+v", got)
	}
	p.does("whoami")

	window := newPrompt(t).newTerminal()
	window.types("satchel login "+s.URL+" ann", "Enter")
	window.shows(`(?m)^Password:`)
	window.types(password, "Enter")
	window.shows(`(?m)^Code of your authenticator app`)
	window.types(on.RecoveryCodes[1], "Enter")
	window.shows(`ann is signed in at `)
}
