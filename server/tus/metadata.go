package tus

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// checkMetadata refuses an Upload-Metadata header that is not what the protocol says: pairs of a key and
// a Base64 value, each key once. The handler would drop what it cannot read, a file's name for one.
func checkMetadata(header string) error {
	invalid := func(why string) error {
		return fault.New(fault.Invalid, "tus.checkMetadata", "Upload-Metadata: "+why).WithCode("invalid_metadata")
	}
	if strings.TrimSpace(header) == "" {
		return nil
	}
	if len(header) > drive.MaxMetadata {
		return fault.New(fault.TooLarge, "tus.checkMetadata", fmt.Sprintf("Upload-Metadata is at most %d bytes long.", drive.MaxMetadata)).WithCode("metadata_too_large")
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(header, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), " ")
		if key == "" || seen[key] {
			return invalid("a key is empty or there twice.")
		}
		if !printable(key) {
			return invalid("a key is not ASCII.")
		}
		seen[key] = true
		if _, err := base64.StdEncoding.DecodeString(value); err != nil {
			return invalid(fmt.Sprintf("the value of %q is not Base64.", key))
		}
	}
	return nil
}

// serialize writes metadata as the header has it, keys in order.
func serialize(m handler.MetaData) string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	pairs := make([]string, 0, len(m))
	for _, key := range keys {
		pair := key
		if m[key] != "" {
			pair += " " + base64.StdEncoding.EncodeToString([]byte(m[key]))
		}
		pairs = append(pairs, pair)
	}
	return strings.Join(pairs, ",")
}

// unnamed is the name of a file whose client told none.
const unnamed = "upload"

// target reads where an upload is to go:
//
//	filename, name            the file's name
//	folder, relativePath      the folder it goes to, made where missing; the file's name may stand at its end
//	filetype, type            its media type
//	mtime                     when it was last modified: Unix seconds or milliseconds, or RFC 3339
//	conflict                  rename (default), replace or fail
//	sha256                    of the whole, in hex: an upload is found by it on another device
//
// One who is kept to a folder names what is in it.
func target(ctx context.Context, info handler.FileInfo) (drive.NewUpload, error) {
	m := info.MetaData
	n := drive.NewUpload{
		Folder: drive.Root, Name: first(m, "filename", "name"), MediaType: first(m, "filetype", "type"),
		Conflict: drive.Conflict(first(m, "conflict")), Metadata: serialize(m), Length: info.Size,
		Kind: drive.Whole, Parts: info.PartialUploads,
	}
	switch {
	case info.IsPartial:
		n.Kind = drive.Partial
	case info.IsFinal:
		n.Kind = drive.Joined
	}
	if info.SizeIsDeferred {
		n.Length = -1
	}
	if n.Name == "" {
		n.Name = unnamed
	}
	if len(n.MediaType) > maxMediaType || !printable(n.MediaType) {
		return n, fault.New(fault.Invalid, "tus.target", "filetype is not a media type.").WithCode("invalid_media_type")
	}
	folder, err := drive.ParsePath(first(m, "folder", "relativePath"))
	if err != nil {
		return n, err
	}
	if m["folder"] == "" && folder.Name() == n.Name {
		folder = folder.Parent() // relativePath leads to the file itself
	}
	if n.Folder, err = drive.Inside(ctx, folder); err != nil {
		return n, err
	}
	if n.SHA256, err = hex.DecodeString(m["sha256"]); err != nil {
		return n, fault.New(fault.Invalid, "tus.target", "sha256 is not in hex.").WithCode("invalid_sha256")
	}
	n.Modified, err = modified(m["mtime"])
	return n, err
}

// printable reports whether s is visible ASCII and spaces, so that it can stand in a header, in XML and in a row of either database.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// maxMediaType is far above RFC 6838's bound of 127 characters for each half.
const maxMediaType = 512

// first is the first of the keys that has a value. Some clients write null for none.
func first(m handler.MetaData, keys ...string) string {
	for _, key := range keys {
		if v := m[key]; v != "" && v != "null" {
			return v
		}
	}
	return ""
}

func modified(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return inRange(t.UTC())
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || math.Abs(seconds) > 1e15 {
		return time.Time{}, fault.New(fault.Invalid, "tus.modified", "mtime is Unix seconds, milliseconds or RFC 3339.").WithCode("invalid_mtime")
	}
	if math.Abs(seconds) > 1e11 { // later than the year 5000 in seconds: these are milliseconds
		seconds /= 1000
	}
	return inRange(time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC())
}

// inRange refuses a time that JSON (RFC 3339) and HTTP dates cannot spell: one such file would make its folder's listing fail.
func inRange(t time.Time) (time.Time, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fault.New(fault.Invalid, "tus.modified", "mtime is not in the years 1 to 9999.").WithCode("invalid_mtime")
	}
	return t, nil
}
