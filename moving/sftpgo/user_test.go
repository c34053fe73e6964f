package sftpgo_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/moving/sftpgo"
)

func options() sftpgo.Options {
	return sftpgo.Options{Here: func(folder string) string { return "/old" + folder }, Now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
}

func TestUsersOfSFTPGo(t *testing.T) {
	all, err := sftpgo.Households(filepath.Join("testdata", "dump.json"), options())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range all {
		line := h.Name + " " + h.Email + " " + h.Hash[:3]
		if h.Quota != nil {
			line += " " + strconv.FormatInt(*h.Quota, 10)
		}
		if h.Disabled {
			line += " disabled"
		}
		for _, b := range h.Folders {
			line += " " + b.From + "→" + string(b.To)
		}
		if h.Left != nil {
			line += " stays: " + h.Left.Error()
		}
		got = append(got, strings.Join(append([]string{line}, h.Notes...), "; "))
	}
	want := []string{
		"ann ann@example.org $ar 100000000 /old/srv/sftpgo/data/ann→/ /old/srv/sftpgo/team→/shared/team; had 1 shares, which end",
		"mia@example.org  $2a disabled /old/srv/sftpgo/data/mia→/ /old/srv/sftpgo/team→/office/mia@example.org; could not sign in there, and cannot here: satchel user enable mia@example.org; " +
			"had permissions for some folders only, and may do everything in the own drive here; had 1 public keys, for which there is no use here",
		"eva  $6$; the files are in S3, which is not read: take them over yourself; the folder /cloud is in Google Cloud Storage, which is not read: take it over yourself",
		`kim  $2a disabled stays: the home directory "data/kim" is no path that begins with /; could not sign in there, and cannot here: satchel user enable kim`,
		`lea  $2a disabled /old/srv/sftpgo/data/lea→/; could not sign in there, and cannot here: satchel user enable lea; the folder "/" from "" does not come along; had a second factor, which has to be set up anew`,
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestWhatIsNoDump(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "is no dump of SFTPGo",
		"users: []":                   "is no dump of SFTPGo",
		`{"version": 17}`:             "no dump of SFTPGo with users",
		`{"users": []}`:               "no dump of SFTPGo with users",
		`{"users": 1, "version": 17}`: "is no dump of SFTPGo",
	} {
		file := filepath.Join(t.TempDir(), "dump.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := sftpgo.Households(file, options()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", text, all, err)
		}
	}
}
