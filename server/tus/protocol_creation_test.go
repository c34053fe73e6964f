package tus

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
)

var creationRows = []row{
	{"creation/is announced", func(s *site) { s.announces("creation") }},
	{"creation/POST/201 with a Location that works", func(s *site) {
		for _, at := range []string{"/files/", "/files"} {
			made := s.ask("POST", at, "Upload-Length: 10", "")
			s.want("POST", made, 201)
			s.at(made.Header.Get("Location"), "Upload-Offset: 0", "Upload-Length: 10")
		}
	}},
	{"creation/POST/neither length is 400, and so are both", func(s *site) {
		s.want("neither", s.ask("POST", "/files/", "", ""), 400, "Location: ")
		s.want("both", s.ask("POST", "/files/", "Upload-Length: 5\nUpload-Defer-Length: 1", ""), 400, "Location: ")
	}},
	{"creation/POST/Upload-Length must be a non-negative integer", func(s *site) {
		for _, length := range []string{"-1", "-0", "+5", "0x5", "5.0", "1e3", "5 5", "5,5", "5_0", "five", "٥"} {
			s.want(length, s.ask("POST", "/files/", "Upload-Length: "+length, ""), 400, "Location: ")
		}
	}},
	{"creation/POST/leading zeros and spaces around change no length (edge)", func(s *site) {
		s.at(s.begin("Upload-Length: 0000000000000000000000000010"), "Upload-Length: 10")
		made := s.wire("POST", "/files/", "Upload-Length: \t 10 \t \nContent-Length: 0", "")
		s.want("spaces", made, 201)
		s.at(made.Header.Get("Location"), "Upload-Length: 10")
	}},
	{"creation/POST/over Tus-Max-Size is 413", func(s *site) {
		s.begin(fmt.Sprintf("Upload-Length: %d", protocolLimit))
		for _, length := range []string{fmt.Sprint(protocolLimit + 1), "16777217", "9223372036854775807", "9223372036854775808", "18446744073709551616", strings.Repeat("9", 400)} {
			s.want(length, s.ask("POST", "/files/", "Upload-Length: "+length, ""), 413, "Location: ")
		}
	}},
	{"creation/Upload-Metadata/HEAD answers it as the client sent it", func(s *site) {
		for _, header := range []string{
			"filename bWV0YQ==", "zeta eg==,filename bWV0YQ==,alpha YQ==,beta Yg==", "filename bWV0YQ==,is_confidential", "is_confidential,filename bWV0YQ==",
			"is_confidential", "filename bWV0YQ==, spaced YQ==", "filename bWV0YQ==,binary //4A",
		} {
			for range 4 { // a map has any order once
				s.at(s.begin("Upload-Length: 5\nUpload-Metadata: "+header), "Upload-Metadata: "+header)
			}
		}
	}},
	{"creation/Upload-Metadata/a value may be empty, with its space or without", func(s *site) {
		at := s.begin("Upload-Length: 5\nUpload-Metadata: empty ,filename Zg==,bare")
		got := s.ask("HEAD", at, "", "").Header.Get("Upload-Metadata")
		if pairs := strings.Split(got, ","); len(pairs) != 3 || !strings.HasPrefix(pairs[0], "empty") || pairs[1] != "filename Zg==" || pairs[2] != "bare" {
			s.t.Errorf("Upload-Metadata is %q", got)
		}
	}},
	{"creation/Upload-Metadata/what is no list of pairs is 400", func(s *site) {
		for _, header := range []string{
			"filename Zg==,", ",filename Zg==", "filename Zg==,,a YQ==", ",", "filename Zg", "filename Zg=", "filename Z g==", "filename  Zg==", "filename Zg== x",
			"filename %%%", "filename _-8=", "a YQ==,a YQ==", "a,a", "ключ YQ==", "filename\tZg==",
		} {
			s.want(header, s.ask("POST", "/files/", "Upload-Length: 5\nUpload-Metadata: "+header, ""), 400, "Location: ")
		}
	}},
	{"creation/Upload-Metadata/no value smuggles a header (SHOULD)", func(s *site) {
		evil := "x\r\nUpload-Offset: 5\r\n\r\n"
		for _, key := range []string{"note", "filename", "filetype", "folder"} {
			made := s.ask("POST", "/files/", "Upload-Length: 10\n"+meta(key, evil), "")
			if made.StatusCode == 400 {
				continue
			}
			s.want(key, made, 201, "Upload-Offset: ")
			s.at(made.Header.Get("Location"), "Upload-Offset: 0", strings.TrimSpace(meta(key, evil)))
		}
	}},

	{"creation-defer-length/is announced", func(s *site) { s.announces("creation-defer-length") }},
	{"creation-defer-length/HEAD answers Upload-Defer-Length: 1 until the length is known, and not from then on", func(s *site) {
		at := s.begin("Upload-Defer-Length: 1\n" + meta("filename", "deferred"))
		s.at(at, "Upload-Defer-Length: 1", "Upload-Length: ", "Upload-Offset: 0")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204, "Upload-Offset: 5")
		s.at(at, "Upload-Defer-Length: 1", "Upload-Length: ", "Upload-Offset: 5")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 5\nUpload-Length: 11", " wor"), 204, "Upload-Offset: 9")
		s.at(at, "Upload-Defer-Length: ", "Upload-Length: 11", "Upload-Offset: 9")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 9", "ld"), 204, "Upload-Offset: 11")
		s.at(at, "Upload-Defer-Length: ", "Upload-Length: 11", "Upload-Offset: 11")
		s.holds("/deferred", "hello world")
	}},
	{"creation-defer-length/another value than 1 is 400 (SHOULD)", func(s *site) {
		for _, value := range []string{"0", "2", "true", "01", "1 1", "?1"} {
			s.want(value, s.ask("POST", "/files/", "Upload-Defer-Length: "+value, ""), 400, "Location: ")
		}
	}},
	{"creation-defer-length/a length that is set is never changed", func(s *site) {
		at := s.begin("Upload-Defer-Length: 1\n" + meta("filename", "set once"))
		s.want("set", s.ask("PATCH", at, "Upload-Offset: 0\nUpload-Length: 10", "hello"), 204)
		fixed := s.begin("Upload-Length: 10")
		for _, length := range []string{"5", "9", "11", "0"} {
			s.want("to "+length, s.ask("PATCH", at, "Upload-Offset: 5\nUpload-Length: "+length, "w"), 400)
			s.want("to "+length+", from the start", s.ask("PATCH", fixed, "Upload-Offset: 0\nUpload-Length: "+length, "w"), 400)
		}
		s.at(at, "Upload-Length: 10", "Upload-Offset: 5")
		s.at(fixed, "Upload-Length: 10", "Upload-Offset: 0")
	}},
	{"creation-defer-length/a length that cannot be is refused, and nothing is done (edge)", func(s *site) {
		at := s.begin("Upload-Defer-Length: 1\n" + meta("filename", "impossible"))
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204)
		for length, status := range map[string]int{
			"4": 400, "0": 400, "-1": 400, "x": 400, "+10": 400, "1048577": 413, "9223372036854775807": 413, "9223372036854775808": 413,
		} {
			s.want(length, s.ask("PATCH", at, "Upload-Offset: 5\nUpload-Length: "+length, "world"), status)
		}
		s.at(at, "Upload-Defer-Length: 1", "Upload-Offset: 5")
	}},
	{"creation-defer-length/an empty PATCH may bring the length, and with it the end (edge)", func(s *site) {
		at := s.begin("Upload-Defer-Length: 1\n" + meta("filename", "late"))
		s.want("bytes", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204)
		s.want("length", s.ask("PATCH", at, "Upload-Offset: 5\nUpload-Length: 5", ""), 204, "Upload-Offset: 5")
		s.at(at, "Upload-Length: 5", "Upload-Offset: 5", "Upload-Defer-Length: ")
		s.holds("/late", "hello")

		at = s.begin("Upload-Defer-Length: 1\n" + meta("filename", "late and empty"))
		s.want("length 0", s.ask("PATCH", at, "Upload-Offset: 0\nUpload-Length: 0", ""), 204, "Upload-Offset: 0")
		s.holds("/late and empty", "")
	}},

	{"creation-with-upload/is announced, with creation", func(s *site) { s.announces("creation-with-upload"); s.announces("creation") }},
	{"creation-with-upload/Upload-Offset is what was accepted", func(s *site) {
		for _, size := range []int{0, 1, 64, 65, 5000} { // none, in a row, in a stage
			text := strings.Repeat("u", size)
			whole := s.ask("POST", "/files/", fmt.Sprintf("Upload-Length: %d\nContent-Type: %s\n", size, octetStream)+meta("filename", fmt.Sprint("whole ", size)), text)
			s.want(fmt.Sprint(size, " of as many"), whole, 201, fmt.Sprintf("Upload-Offset: %d", size))
			s.at(whole.Header.Get("Location"), fmt.Sprintf("Upload-Offset: %d", size))
			s.holds(fmt.Sprint("/whole ", size), text)
			part := s.ask("POST", "/files/", fmt.Sprintf("Upload-Length: %d\nContent-Type: %s\n", size+10, octetStream), text)
			s.want(fmt.Sprint(size, " of more"), part, 201, fmt.Sprintf("Upload-Offset: %d", size))
			s.at(part.Header.Get("Location"), fmt.Sprintf("Upload-Offset: %d", size))
			deferred := s.ask("POST", "/files/", "Upload-Defer-Length: 1\nContent-Type: "+octetStream, text)
			s.want(fmt.Sprint(size, " of who knows"), deferred, 201, fmt.Sprintf("Upload-Offset: %d", size))
			s.at(deferred.Header.Get("Location"), fmt.Sprintf("Upload-Offset: %d", size), "Upload-Defer-Length: 1")
		}
	}},
	{"creation-with-upload/Upload-Offset is also there when the bytes were refused", func(s *site) {
		for what, c := range map[string]struct {
			headers string
			status  int
		}{
			"too many":         {"Upload-Length: 3", 413},
			"another checksum": {"Upload-Length: 5\nUpload-Checksum: " + sum("sha1", "other"), 460},
		} {
			answer := s.ask("POST", "/files/", c.headers+"\nContent-Type: "+octetStream, "hello")
			s.want(what, answer, c.status, "Upload-Offset: 0")
			s.at(answer.Header.Get("Location"), "Upload-Offset: 0")
		}
	}},
	{"creation-with-upload/415 for a body of another content type, and nothing is made (SHOULD)", func(s *site) {
		for _, kind := range []string{"", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"} {
			s.want(kind, s.ask("POST", "/files/", "Upload-Length: 5\nContent-Type: "+kind, "hello"), 415, "Location: ")
		}
	}},
	{"creation-with-upload/a chunked body, with the length known and not (edge)", func(s *site) {
		for what, length := range map[string]string{"known": "Upload-Length: 11", "deferred": "Upload-Defer-Length: 1"} {
			made := s.wire("POST", "/files/", length+"\nContent-Type: "+octetStream+"\nTransfer-Encoding: chunked", inChunks("hello world")+lastChunk)
			s.want(what, made, 201, "Upload-Offset: 11")
			s.at(made.Header.Get("Location"), "Upload-Offset: 11")
		}
	}},
	{"creation-with-upload/Expect: 100-continue is answered before the body comes", func(s *site) {
		headers := "Content-Type: " + octetStream + "\nContent-Length: 5\nExpect: 100-continue\n"
		for what, c := range map[string]struct {
			headers string
			status  int
		}{
			"accepted":  {"Upload-Length: 5", 201},
			"too long":  {"Upload-Length: 999999999", 413},
			"no length": {"", 400},
			"unnamable": {"Upload-Length: 5\n" + meta("filename", "a/../b"), 400},
		} {
			s.expect(what, "POST", "/files/", headers+c.headers, "hello", c.status)
		}
		at := s.begin("Upload-Length: 5")
		s.expect("PATCH elsewhere", "PATCH", at, headers+"Upload-Offset: 3", "hello", 409)
		s.expect("PATCH", "PATCH", at, headers+"Upload-Offset: 0", "hello", 204)
	}},
}

// announces checks that an extension is among those that OPTIONS lists.
func (s *site) announces(extension string) {
	s.t.Helper()
	for one := range strings.SplitSeq(s.ask("OPTIONS", "/files/", "", "").Header.Get("Tus-Extension"), ",") {
		if one == extension {
			return
		}
	}
	s.t.Errorf("Tus-Extension does not list %s", extension)
}

// expect sends a head with Expect: 100-continue. The body follows only if the server asks for it, as it must when it accepts the
// request, and must not when it refuses it.
func (s *site) expect(what, method, at, headers, body string, status int) {
	s.t.Helper()
	conn := s.head(method, at, headers)
	defer conn.Close()
	from := bufio.NewReader(conn)
	answer := s.answer(conn, from, method)
	asked := answer.StatusCode == http.StatusContinue
	if asked {
		if _, err := conn.Write([]byte(body)); err != nil {
			s.t.Fatal(err)
		}
		answer = s.answer(conn, from, method)
	}
	if asked != (status < 300) {
		s.t.Errorf("%s: the body was asked for: %v", what, asked)
	}
	s.want(what, answer, status)
}
