package tus

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

var edgeRows = []row{
	{"edge/a header that comes twice and has one value is 400, and nothing is done", func(s *site) {
		at := s.begin("Upload-Length: 5")
		typed := "Content-Type: " + octetStream + "\nContent-Length: 5\n"
		for _, headers := range []string{
			"Upload-Offset: 0\nUpload-Offset: 0", "Upload-Offset: 0\nUpload-Offset: 3",
			"Upload-Offset: 0\nUpload-Checksum: " + sum("sha1", "hello") + "\nUpload-Checksum: " + sum("sha1", "other"),
		} {
			s.want("PATCH, "+headers, s.wire("PATCH", at, typed+headers, "hello"), 400)
		}
		s.at(at, "Upload-Offset: 0")
		for _, headers := range []string{
			"Upload-Length: 5\nUpload-Length: 6", "Upload-Length: 5\nUpload-Length: 5", "Upload-Defer-Length: 1\nUpload-Defer-Length: 1",
			"Upload-Length: 5\nUpload-Concat: partial\nUpload-Concat: partial",
		} {
			s.want("POST, "+headers, s.wire("POST", "/files/", "Content-Length: 0\n"+headers, ""), 400, "Location: ")
		}
	}},
	{"edge/Upload-Metadata in two lines is one list", func(s *site) {
		made := s.wire("POST", "/files/", "Content-Length: 0\nUpload-Length: 5\nUpload-Metadata: a YQ==\nUpload-Metadata: filename bGluZXM=", "")
		s.want("POST", made, 201)
		if got := s.ask("HEAD", made.Header.Get("Location"), "", "").Header.Get("Upload-Metadata"); strings.ReplaceAll(got, " ", "") != "aYQ==,filenamebGluZXM=" {
			s.t.Errorf("Upload-Metadata is %q", got)
		}
		s.want("a key twice", s.wire("POST", "/files/", "Content-Length: 0\nUpload-Length: 5\nUpload-Metadata: a YQ==\nUpload-Metadata: a YQ==", ""), 400)
	}},
	{"edge/a chunked PATCH, with the length known, told with it, and deferred", func(s *site) {
		head := "Upload-Offset: 0\nContent-Type: " + octetStream + "\nTransfer-Encoding: chunked"
		for _, size := range []int{0, 11, 5000} {
			text, name := strings.Repeat("k", size), "chunked "+strconv.Itoa(size)
			length := strconv.Itoa(size)
			at := s.begin("Upload-Length: " + length + "\n" + meta("filename", name))
			s.want("known", s.wire("PATCH", at, head, inChunks(text)+lastChunk), 204, "Upload-Offset: "+length)
			s.holds("/"+name, text)
			at = s.begin("Upload-Defer-Length: 1\n" + meta("filename", name+" told"))
			s.want("told", s.wire("PATCH", at, head+"\nUpload-Length: "+length, inChunks(text)+lastChunk), 204, "Upload-Offset: "+length)
			s.holds("/"+name+" told", text)
			at = s.begin("Upload-Defer-Length: 1")
			s.want("deferred", s.wire("PATCH", at, head, inChunks(text)+lastChunk), 204, "Upload-Offset: "+length)
			s.at(at, "Upload-Offset: "+length, "Upload-Defer-Length: 1")
		}
	}},
	{"edge/a chunked body beside a Content-Length is refused or taken as chunked", func(s *site) {
		at := s.begin("Upload-Length: 5\n" + meta("filename", "both framings"))
		answer := s.wire("PATCH", at, "Upload-Offset: 0\nContent-Type: "+octetStream+"\nTransfer-Encoding: chunked\nContent-Length: 3", inChunks("hello")+lastChunk)
		s.want("PATCH", answer, 204, "Upload-Offset: 5")
		s.holds("/both framings", "hello")
	}},
	{"edge/a PATCH without a body", func(s *site) {
		at := s.begin("Upload-Length: 5")
		s.want("no length", s.wire("PATCH", at, "Upload-Offset: 0\nContent-Type: "+octetStream, ""), 204, "Upload-Offset: 0")
		s.want("length 0", s.wire("PATCH", at, "Upload-Offset: 0\nContent-Type: "+octetStream+"\nContent-Length: 0", ""), 204, "Upload-Offset: 0")
	}},
	{"edge/a deferred length stays below Tus-Max-Size", func(s *site) {
		at := s.begin("Upload-Defer-Length: 1")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", strings.Repeat("m", protocolLimit+1)), 413)
		at = s.begin("Upload-Defer-Length: 1")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", strings.Repeat("m", protocolLimit)), 204)
		s.want("one more", s.ask("PATCH", at, "Upload-Offset: "+strconv.Itoa(protocolLimit), "m"), 413)
		s.at(at, "Upload-Offset: "+strconv.Itoa(protocolLimit))
		s.want("DELETE", s.ask("DELETE", at, "", ""), 204)
	}},
	{"edge/an upload over 16 MiB is refused by one over the limit, whatever its headers say", func(s *site) {
		at := s.begin("Upload-Length: 5")
		for _, length := range []string{"16777217", "9223372036854775806", "9223372036854775807"} {
			s.want("PATCH of "+length, s.wire("PATCH", at, "Upload-Offset: 0\nContent-Type: "+octetStream+"\nContent-Length: "+length+"\nExpect: 100-continue", ""), 413)
		}
		s.at(at, "Upload-Offset: 0")
	}},
}

// Without a limit lengths go up to what an integer of 64 bits holds; what is longer is 413 all the same, as no server has room for it.
func TestProtocolUnlimited(t *testing.T) {
	most := strconv.FormatInt(math.MaxInt64, 10)
	rows := []row{
		{"core/Tus-Max-Size/is not there without a limit", func(s *site) {
			if got, ok := s.ask("OPTIONS", "/files/", "", "").Header["Tus-Max-Size"]; ok {
				s.t.Errorf("Tus-Max-Size is %q", got)
			}
		}},
		{"creation/POST/a length over 64 bits is 413 (edge)", func(s *site) {
			for _, length := range []string{"9223372036854775808", "18446744073709551615", "18446744073709551616", "18446744073709551621", strings.Repeat("9", 400)} {
				s.want(length, s.ask("POST", "/files/", "Upload-Length: "+length, ""), 413, "Location: ")
			}
		}},
		{"creation/POST/the greatest length, twice, and a part of it (edge)", func(s *site) {
			var all []string
			for range 2 {
				made := s.ask("POST", "/files/", "Upload-Length: "+most, "")
				if made.StatusCode == 201 {
					all = append(all, made.Header.Get("Location"))
					s.at(made.Header.Get("Location"), "Upload-Length: "+most, "Upload-Offset: 0")
					s.want("PATCH", s.ask("PATCH", made.Header.Get("Location"), "Upload-Offset: 0", "hello"), 204, "Upload-Offset: 5")
				} else if made.StatusCode != 413 && made.StatusCode != 507 {
					s.want("POST", made, 201)
				}
			}
			s.want("and a small one", s.ask("POST", "/files/", "Upload-Length: 1", ""), 201)
			for _, at := range all {
				s.want("DELETE", s.ask("DELETE", at, "", ""), 204)
			}
		}},
		{"creation-defer-length/the greatest length, told late (edge)", func(s *site) {
			at := s.begin("Upload-Defer-Length: 1")
			s.want("over it", s.ask("PATCH", at, "Upload-Offset: 0\nUpload-Length: 9223372036854775808", "hello"), 413)
			s.at(at, "Upload-Offset: 0", "Upload-Defer-Length: 1")
			if answer := s.ask("PATCH", at, "Upload-Offset: 0\nUpload-Length: "+most, "hello"); answer.StatusCode == 204 {
				s.at(at, "Upload-Offset: 5", "Upload-Length: "+most)
			} else if answer.StatusCode != 413 && answer.StatusCode != 507 {
				s.want("at it", answer, 204)
			}
			s.want("DELETE", s.ask("DELETE", at, "", ""), 204)
		}},
		{"concatenation/final/partials whose lengths add up to more than 64 bits are 413 (edge)", func(s *site) {
			var parts []string
			for range 2 {
				made := s.ask("POST", "/files/", "Upload-Concat: partial\nUpload-Length: 6000000000000000000", "")
				if made.StatusCode == 201 {
					parts = append(parts, made.Header.Get("Location"))
				}
			}
			if len(parts) > 0 { // named twice one is enough
				s.want("POST", s.ask("POST", "/files/", "Upload-Concat: final;"+parts[0]+" "+parts[len(parts)-1], ""), 413, "Location: ")
			}
			for _, at := range parts {
				s.want("DELETE", s.ask("DELETE", at, "", ""), 204)
			}
		}},
	}
	each(t, drive.Options{InlineMax: 64}, func(t *testing.T, s *site) { s.rows(t, rows) })
}
