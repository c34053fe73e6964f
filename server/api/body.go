package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/satchelhq/satchel/fault"
)

// maxBody bounds a request's JSON, in bytes.
const maxBody = 64 << 10

// fields are where the members of a request's object go: *string, *int64 or *bool, or pointers to the last two where it matters whether they were given.
type fields map[string]any

// readBody reads a JSON object into fields. Members may be missing or null, which leaves their value alone.
// Unsupported for another content type, TooLarge, and Invalid with every rejected member: one of an unknown
// name (the code is "unknown_field" then), of another type, or given twice. Names are compared exactly.
func readBody(w http.ResponseWriter, r *http.Request, into fields) error {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return fault.New(fault.Unsupported, "api.readBody", "This address takes application/json.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return fault.New(fault.TooLarge, "api.readBody", "The body is at most 64 KiB long.").WithCode("body_too_large")
		}
		if fault.Is(err, fault.Timeout) || fault.Is(err, fault.Unauthenticated) {
			return err
		}
		e := fault.New(fault.Invalid, "api.readBody", "The body broke off.").WithCode("body_truncated")
		e.Err = err
		return e
	}
	if !utf8.Valid(body) { // encoding/json would put U+FFFD in its place: two passwords would be the same
		return notJSON(errors.New("not UTF-8"))
	}
	return readObject(json.NewDecoder(bytes.NewReader(body)), into)
}

func readObject(in *json.Decoder, into fields) error {
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return notJSON(err)
	}
	var rejected []fault.Field
	code := "invalid_fields"
	seen := make(map[string]bool)
	for in.More() {
		t, err := in.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return notJSON(err)
		}
		to, known := into[name]
		if !known {
			to = new(json.RawMessage)
			code = "unknown_field"
			rejected = append(rejected, fault.Field{Name: name, Code: "unknown_field", Message: "There is no such field here."})
		}
		var wrong *json.UnmarshalTypeError
		if err := in.Decode(to); errors.As(err, &wrong) {
			rejected = append(rejected, fault.Field{Name: name, Code: "wrong_type", Message: "This must be " + kindOf(to) + "."})
		} else if err != nil {
			return notJSON(err)
		}
		if seen[name] {
			rejected = append(rejected, fault.Field{Name: name, Code: "duplicate", Message: "This was given twice."})
		}
		seen[name] = true
	}
	if _, err := in.Token(); err != nil {
		return notJSON(err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return notJSON(errors.New("more follows the object"))
	}
	if rejected != nil {
		return invalid(code, rejected)
	}
	return nil
}

func kindOf(to any) string {
	switch to.(type) {
	case *bool, **bool:
		return "true or false"
	case *int64, **int64:
		return "a whole number"
	}
	return "a string"
}

func notJSON(cause error) error {
	e := fault.New(fault.Invalid, "api.readBody", "The body is not a JSON object.").WithCode("invalid_json")
	e.Err = cause
	return e
}

// maxRejected bounds how many rejected members an error names: a body has room for thousands.
const maxRejected = 20

func invalid(code string, rejected []fault.Field) error {
	e := fault.New(fault.Invalid, "api", "Some fields are not valid.").WithCode(code)
	e.Fields = slices.Clip(rejected[:min(len(rejected), maxRejected)])
	return e
}

// required answers Invalid with every field that is empty. pairs are names and values in turn.
func required(pairs ...string) error {
	var rejected []fault.Field
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			rejected = append(rejected, fault.Field{Name: pairs[i], Code: "required", Message: "This is required."})
		}
	}
	if rejected != nil {
		return invalid("invalid_fields", rejected)
	}
	return nil
}
