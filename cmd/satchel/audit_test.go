package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/satchelhq/satchel/authn"
)

// What a stranger sent cannot move the cursor, colour or clear the terminal, pretend to be another line, or turn text around: neither as text nor as JSON, which
// means the same.
func TestAttackTheTerminalThroughTheAuditLog(t *testing.T) {
	const hostile = "x\x1b[2J\x1b]0;owned\x07\r\n2026-03-01T12:00:00Z  sign_in  of root\x00\x7f\u009b31m\u202egnp.exe\u2028\U000e0001\t\\u0041\"é"
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		p := &program{stdout: &out}
		line := authn.AuditLine{ID: "1", At: time.Unix(0, 0), Event: "sign_in_failed", UserID: "u", Username: "bob", ActorID: "a", Address: hostile, UserAgent: hostile, Detail: hostile, Times: 3}
		if err := p.printAuditLine(line, asJSON); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || strings.ContainsFunc(strings.TrimSuffix(text, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("json %v: %q", asJSON, text)
		}
		if !strings.Contains(text, "é") {
			t.Errorf("what can be shown is not: %q", text)
		}
		if !asJSON {
			continue
		}
		var back map[string]any
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["detail"] != hostile || back["user_agent"] != hostile {
			t.Errorf("%v, %q", err, back)
		}
	}
}
