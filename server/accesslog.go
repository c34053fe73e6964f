package server

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/satchelhq/satchel/server/answer"
)

// AccessLog is a file of its own with a line for each request that has ended. What opens something, and queries, are left out as in the log;
// what else strangers send is bounded and cannot end a line or a field.
type AccessLog struct {
	// Out is given one line at a time.
	Out io.Writer
	// Combined has lines as Apache and nginx write them ("combined"); else they are JSON.
	Combined bool
}

// What a line holds of each, at most; in bytes.
const (
	maxLoggedText   = 512 // of User-Agent, Referer, the method
	maxLoggedPath   = 2048
	accessLogRepeat = time.Minute // how often the log tells that lines are lost
)

// accessLog writes the lines.
type accessLog struct {
	AccessLog
	log *slog.Logger

	mu   sync.Mutex
	told time.Time
}

// accessLine is a line, as JSON has it.
type accessLine struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"request_id"`
	Client    string    `json:"client"`         // the address
	User      string    `json:"user,omitempty"` // the id of the account
	Door      string    `json:"door"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Protocol  string    `json:"protocol"`
	Status    int       `json:"status"` // 499: the connection ended before there was one
	Bytes     int64     `json:"bytes"`  // of the answer's body
	Received  int64     `json:"received"`
	Took      float64   `json:"took"` // seconds
	Cut       bool      `json:"cut,omitempty"`
	Referer   string    `json:"referer,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
}

// statusCut is nginx's, for a client that left before it was answered.
const statusCut = 499

func (a *accessLog) write(x *exchange, r *http.Request, client string, began time.Time, took time.Duration, cut bool) {
	l := accessLine{
		Time: began.UTC(), RequestID: x.id, Client: client, User: x.user, Door: x.door.name,
		Method: bounded(r.Method, maxLoggedText), Path: bounded(answer.LogPath(r.URL.Path), maxLoggedPath), Protocol: r.Proto,
		Status: x.status, Bytes: x.sent, Received: x.received(), Took: took.Seconds(), Cut: cut,
		Referer: bounded(answer.LogReferer(r.Referer()), maxLoggedText), UserAgent: bounded(r.UserAgent(), maxLoggedText),
	}
	if l.Status == 0 {
		l.Status = statusCut
	}
	line := l.combined
	if !a.Combined {
		line = l.json
	}
	if _, err := a.Out.Write(line()); err != nil {
		a.lost(err)
	}
}

// lost tells that a line is, now and then.
func (a *accessLog) lost(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.told) >= accessLogRepeat {
		a.told = now
		a.log.Error("the access log is not written as it should be", "err", err)
	}
}

func (l *accessLine) json() []byte {
	text, err := json.Marshal(l)
	if err != nil { // there is nothing in a line that cannot be encoded
		panic(err)
	}
	return append(text, '\n')
}

// combined is "combined" of Apache's mod_log_config. The user is an id, which has no spaces; paths are as in an address.
func (l *accessLine) combined() []byte {
	path := (&url.URL{Path: l.Path}).EscapedPath()
	return fmt.Appendf(nil, "%s - %s [%s] \"%s %s %s\" %d %d \"%s\" \"%s\"\n",
		field(l.Client), field(l.User), l.Time.Format("02/Jan/2006:15:04:05 -0700"),
		quoted(l.Method), quoted(path), quoted(l.Protocol), l.Status, l.Bytes, orDash(quoted(l.Referer)), orDash(quoted(l.UserAgent)))
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// field is a field without quotes around it.
func field(text string) string { return orDash(strings.ReplaceAll(quoted(text), " ", `\x20`)) }

// quoted is what may stand between quotes, as Apache escapes it: nothing but printable ASCII without " and \ is left as it is.
func quoted(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c > 0x7e:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// bounded cuts a text between its characters.
func bounded(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
