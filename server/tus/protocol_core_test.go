package tus

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

var coreRows = []row{
	{"core/Tus-Version/OPTIONS lists the versions, the preferred one first", func(s *site) {
		s.want("OPTIONS", s.ask("OPTIONS", "/files/", "", ""), 204, "Tus-Version: 1.0.0")
	}},
	{"core/Tus-Resumable/an unknown version is 412 with Tus-Version, and nothing is done", func(s *site) {
		at := s.begin("Upload-Length: 5\n" + meta("filename", "version"))
		for _, version := range []string{"", "0.2.2", "1.0.1", "1.0.0, 0.2.2", "2.0.0", "x"} {
			s.want("POST", s.ask("POST", "/files/", "Tus-Resumable: "+version+"\nUpload-Length: 5\n"+meta("filename", "never"), ""), 412, "Tus-Version: 1.0.0", "Location: ")
			s.want("PATCH", s.ask("PATCH", at, "Tus-Resumable: "+version+"\nUpload-Offset: 0", "hello"), 412, "Tus-Version: 1.0.0")
			s.want("HEAD", s.ask("HEAD", at, "Tus-Resumable: "+version, ""), 412, "Tus-Version: 1.0.0", "Upload-Offset: ")
			s.want("DELETE", s.ask("DELETE", at, "Tus-Resumable: "+version, ""), 412, "Tus-Version: 1.0.0")
		}
		s.at(at, "Upload-Offset: 0")
	}},
	{"core/Tus-Resumable/412 comes before whether the upload exists", func(s *site) {
		for _, method := range []string{"HEAD", "PATCH", "DELETE"} {
			s.want(method, s.ask(method, "/files/0000000000000000000000000a", "Tus-Resumable: 0.2.2\nUpload-Offset: 0", ""), 412, "Tus-Version: 1.0.0")
		}
	}},
	{"core/Tus-Resumable/is in refusals too", func(s *site) {
		s.want("nobody", s.ask("HEAD", "/files/0000000000000000000000000a", "As: nobody", ""), 401)
		s.want("not there", s.ask("HEAD", "/files/0000000000000000000000000a", "", ""), 404)
		s.want("no method of tus", s.ask("GET", "/files/", "", ""), 405)
	}},
	{"core/Tus-Extension/is a list of what is there", func(s *site) {
		got := strings.Split(s.ask("OPTIONS", "/files/", "", "").Header.Get("Tus-Extension"), ",")
		slices.Sort(got)
		want := "checksum checksum-trailer concatenation concatenation-unfinished creation creation-defer-length creation-with-upload expiration termination"
		if strings.Join(got, " ") != want {
			s.t.Errorf("Tus-Extension is %q, want %s", got, want)
		}
	}},
	{"core/Tus-Max-Size/is the limit (SHOULD)", func(s *site) {
		s.want("OPTIONS", s.ask("OPTIONS", "/files/", "", ""), 204, fmt.Sprintf("Tus-Max-Size: %d", protocolLimit))
	}},
	{"core/X-HTTP-Method-Override/is the method", func(s *site) {
		at := s.begin("Upload-Length: 10\n" + meta("filename", "overridden"))
		s.want("PATCH", s.ask("POST", at, "X-HTTP-Method-Override: PATCH\nUpload-Offset: 0\nContent-Type: "+octetStream, "hello"), 204, "Upload-Offset: 5")
		s.want("HEAD", s.ask("POST", at, "X-HTTP-Method-Override: HEAD", ""), 200, "Upload-Offset: 5", "Upload-Length: 10", "Cache-Control: no-store")
		s.want("OPTIONS", s.ask("POST", at, "X-HTTP-Method-Override: OPTIONS", ""), 204, "Tus-Version: 1.0.0")
		s.want("no method of tus", s.ask("POST", at, "X-HTTP-Method-Override: MOVE", ""), 405)
		s.want("DELETE", s.ask("POST", at, "X-HTTP-Method-Override: DELETE", ""), 204)
		s.want("it is gone", s.ask("HEAD", at, "", ""), 404)
	}},
	{"core/X-HTTP-Method-Override/whatever the actual method is", func(s *site) {
		for _, actual := range []string{"GET", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			at := s.begin("Upload-Length: 5\n" + meta("filename", "from "+actual))
			s.want(actual+" for HEAD", s.ask(actual, at, "X-HTTP-Method-Override: HEAD", ""), 200, "Upload-Offset: 0", "Upload-Length: 5")
			s.want(actual+" for PATCH", s.ask(actual, at, "X-HTTP-Method-Override: PATCH\nUpload-Offset: 0\nContent-Type: "+octetStream, "hello"), 204, "Upload-Offset: 5")
			s.want(actual+" for DELETE", s.ask(actual, at, "X-HTTP-Method-Override: DELETE", ""), 204)
			s.want(actual+" for POST", s.ask(actual, "/files/", "X-HTTP-Method-Override: POST\nUpload-Length: 5\nContent-Type: "+octetStream, ""), 201)
		}
	}},

	{"core/HEAD/Upload-Offset is there, at 0, between and at the end", func(s *site) {
		at := s.begin("Upload-Length: 10\n" + meta("filename", "head"))
		s.at(at, "Upload-Offset: 0")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204)
		s.at(at, "Upload-Offset: 5")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 5", "world"), 204)
		s.at(at, "Upload-Offset: 10")
		s.at(s.begin("Upload-Length: 0\n"+meta("filename", "empty")), "Upload-Offset: 0", "Upload-Length: 0")
	}},
	{"core/HEAD/Upload-Length is there when it is known", func(s *site) {
		s.at(s.begin("Upload-Length: 10"), "Upload-Length: 10", "Upload-Defer-Length: ")
	}},
	{"core/HEAD/404 without Upload-Offset for what is not there (SHOULD)", func(s *site) {
		for _, at := range []string{"/files/0000000000000000000000000a", "/files/none", "/files/a/b", "/files/%2e%2e%2fx"} {
			s.want(at, s.ask("HEAD", at, "", ""), 404, "Upload-Offset: ", "Upload-Length: ")
		}
		s.want("another's", s.ask("HEAD", s.begin("Upload-Length: 10"), "As: bob", ""), 404, "Upload-Offset: ", "Upload-Length: ")
	}},
	{"core/HEAD/Cache-Control is no-store, whatever the status", func(s *site) {
		at := s.begin("Upload-Length: 5\n" + meta("filename", "cache"))
		s.at(at, "Cache-Control: no-store")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204)
		s.at(at, "Cache-Control: no-store")
		s.want("not there", s.ask("HEAD", "/files/none", "", ""), 404, "Cache-Control: no-store")
	}},
	{"core/HEAD/with a Range is answered whole (edge)", func(s *site) {
		s.want("HEAD", s.ask("HEAD", s.begin("Upload-Length: 10"), "Range: bytes=2-4", ""), 200, "Upload-Offset: 0", "Upload-Length: 10", "Content-Range: ")
	}},

	{"core/PATCH/bytes go to the given offset, in one request and in many (SHOULD)", func(s *site) {
		at := s.begin("Upload-Length: 200\n" + meta("filename", "many"))
		for i := range 20 {
			s.want("PATCH", s.ask("PATCH", at, fmt.Sprintf("Upload-Offset: %d", 10*i), fmt.Sprintf("line %04d\n", i)), 204, fmt.Sprintf("Upload-Offset: %d", 10*i+10))
		}
		got := s.read("/many")
		if len(got) != 200 || !strings.HasPrefix(got, "line 0000\nline 0001\n") || !strings.HasSuffix(got, "line 0019\n") {
			s.t.Errorf("the file holds %q", got)
		}
	}},
	{"core/PATCH/415 for another content type, and nothing is done (SHOULD)", func(s *site) {
		at := s.begin("Upload-Length: 5")
		for _, kind := range []string{"", "text/plain", "application/octet-stream", "multipart/form-data; boundary=x", "application/offset+octet-stream2"} {
			s.want(kind, s.ask("PATCH", at, "Upload-Offset: 0\nContent-Type: "+kind, "hello"), 415)
		}
		s.at(at, "Upload-Offset: 0")
	}},
	{"core/PATCH/another offset is 409, and nothing is changed", func(s *site) {
		at := s.begin("Upload-Length: 10\n" + meta("filename", "offsets"))
		s.want("ahead", s.ask("PATCH", at, "Upload-Offset: 5", "world"), 409)
		s.want("the first half", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204)
		for _, offset := range []string{"0", "4", "6", "10", "11", "9223372036854775807", "9223372036854775808", strings.Repeat("9", 400)} {
			s.want(offset, s.ask("PATCH", at, "Upload-Offset: "+offset, "xxxxx"), 409, "Upload-Offset: 5")
			s.want(offset+", empty", s.ask("PATCH", at, "Upload-Offset: "+offset, ""), 409, "Upload-Offset: 5")
		}
		s.at(at, "Upload-Offset: 5")
		s.want("the second half", s.ask("PATCH", at, "Upload-Offset: 5", "world"), 204)
		s.want("the end is known", s.ask("PATCH", at, "Upload-Offset: 5", "world"), 409, "Upload-Offset: 10")
		s.holds("/offsets", "helloworld")
	}},
	{"core/PATCH/Upload-Offset must be a non-negative integer", func(s *site) {
		at := s.begin("Upload-Length: 5")
		for _, offset := range []string{"", "-1", "-0", "+0", "0x0", "0.0", "1e0", "0 0", "0,0", "zero"} {
			s.want(offset, s.ask("PATCH", at, "Upload-Offset: "+offset, "hello"), 400)
		}
		s.at(at, "Upload-Offset: 0")
	}},
	{"core/PATCH/204 with the sum of the old offset and the bytes received", func(s *site) {
		at := s.begin("Upload-Length: 1000\n" + meta("filename", "sums"))
		offset := 0
		for _, n := range []int{0, 1, 63, 1, 135, 0, 800} {
			s.want("PATCH", s.ask("PATCH", at, fmt.Sprintf("Upload-Offset: %d", offset), strings.Repeat("s", n)), 204, fmt.Sprintf("Upload-Offset: %d", offset+n))
			offset += n
			s.at(at, fmt.Sprintf("Upload-Offset: %d", offset))
		}
	}},
	{"core/PATCH/404 for what is not there (SHOULD)", func(s *site) {
		for _, at := range []string{"/files/0000000000000000000000000a", "/files/none"} {
			s.want(at, s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 404, "Upload-Offset: ")
		}
	}},
	{"core/PATCH/a body that breaks off is kept as far as it came (SHOULD)", func(s *site) {
		for _, size := range []int{20, 2000} { // in a row, and in a stage
			text := strings.Repeat("b", size)
			at := s.begin(fmt.Sprintf("Upload-Length: %d\n", 2*size) + meta("filename", "broken"))
			before := s.drives.Counts().BytesReceived
			s.wire("!PATCH", at, fmt.Sprintf("Upload-Offset: 0\nContent-Type: %s\nContent-Length: %d", octetStream, 2*size), text)
			s.arrived(before + int64(size))
			s.at(at, fmt.Sprintf("Upload-Offset: %d", size))
			before = s.drives.Counts().BytesReceived
			s.wire("!PATCH", at, fmt.Sprintf("Upload-Offset: %d\nContent-Type: %s\nTransfer-Encoding: chunked", size, octetStream), inChunks(text[:size/2]))
			s.arrived(before + int64(size/2))
			s.at(at, fmt.Sprintf("Upload-Offset: %d", size+size/2))
		}
	}},
	{"core/PATCH/more than the length is 413, or the answer says what was taken (edge)", func(s *site) {
		at := s.begin("Upload-Length: 5\n" + meta("filename", "over"))
		s.want("announced", s.ask("PATCH", at, "Upload-Offset: 0", "hello!"), 413)
		s.at(at, "Upload-Offset: 0")
		answer := s.wire("PATCH", at, "Upload-Offset: 0\nContent-Type: "+octetStream+"\nTransfer-Encoding: chunked", inChunks("hello!")+lastChunk)
		if answer.StatusCode != 413 {
			s.want("chunked", answer, 204, "Upload-Offset: 5")
			s.holds("/over", "hello")
		}
		s.want("more at the end", s.ask("PATCH", at, "Upload-Offset: 5", "!"), answer.StatusCode)
	}},

	{"core/OPTIONS/answers with Tus-Version at every address, and to anybody", func(s *site) {
		for _, at := range []string{"/files", "/files/", "/files/0000000000000000000000000a", s.begin("Upload-Length: 1")} {
			answer := s.ask("OPTIONS", at, "As: nobody\nTus-Resumable: ", "")
			if answer.StatusCode != http.StatusOK {
				s.want(at, answer, 204)
			}
			s.want(at, answer, answer.StatusCode, "Tus-Version: 1.0.0")
		}
	}},
	{"core/OPTIONS/ignores Tus-Resumable", func(s *site) {
		for _, version := range []string{"", "0.2.2", "x"} {
			s.want(version, s.ask("OPTIONS", "/files/", "Tus-Resumable: "+version, ""), 204, "Tus-Version: 1.0.0")
		}
	}},
}

// arrived waits until the server has read so much, and has let go of the connections that brought it.
func (s *site) arrived(bytes int64) {
	s.t.Helper()
	for until := time.Now().Add(20 * time.Second); s.drives.Counts().BytesReceived < bytes; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			s.t.Fatal("the bytes do not arrive")
		}
	}
}
