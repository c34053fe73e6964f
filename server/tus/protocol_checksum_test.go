package tus

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

var terminationRows = []row{
	{"termination/is announced", func(s *site) { s.announces("termination") }},
	{"termination/DELETE/204, for an upload that is begun, under way, complete, and for each kind", func(s *site) {
		begun := s.begin("Upload-Length: 10")
		under := s.begin("Upload-Length: 10")
		s.want("PATCH", s.ask("PATCH", under, "Upload-Offset: 0", "hello"), 204)
		complete := s.begin("Upload-Length: 5\n" + meta("filename", "kept"))
		s.want("PATCH", s.ask("PATCH", complete, "Upload-Offset: 0", "hello"), 204)
		waiting := s.begin("Upload-Concat: partial\nUpload-Length: 5")
		final := s.begin("Upload-Concat: final;" + waiting)
		for what, at := range map[string]string{
			"begun": begun, "under way": under, "complete": complete, "deferred": s.begin("Upload-Defer-Length: 1"),
			"final, waiting": final, "final": s.begin("Upload-Concat: final;" + s.part("hello")), "partial": s.part("hello"),
		} {
			s.want(what, s.ask("DELETE", at, "", ""), 204)
			for _, method := range []string{"HEAD", "PATCH", "DELETE"} { // SHOULD
				if answer := s.ask(method, at, "Upload-Offset: 0", ""); answer.StatusCode != 410 {
					s.want(what+", then "+method, answer, 404, "Upload-Offset: ")
				}
			}
		}
		s.want("a partial whose final is gone", s.ask("DELETE", waiting, "", ""), 204)
		s.holds("/kept", "hello")
	}},
	{"termination/DELETE/frees what the upload had set aside (SHOULD)", func(s *site) {
		before, err := s.drives.Usage(s.t.Context(), s.alice)
		if err != nil {
			s.t.Fatal(err)
		}
		at := s.begin("Upload-Length: 5000")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", strings.Repeat("x", 3000)), 204)
		s.want("DELETE", s.ask("DELETE", at, "", ""), 204)
		if after, err := s.drives.Usage(s.t.Context(), s.alice); err != nil || after.Reserved != before.Reserved || after.Uploads != before.Uploads {
			s.t.Errorf("usage was %+v, is %+v, %v", before, after, err)
		}
	}},
}

func expirationRows(c *clock) []row {
	// soon checks that an answer says until when the upload lives.
	soon := func(s *site, what string, answer *http.Response, status int) {
		s.t.Helper()
		s.want(what, answer, status)
		when, err := time.Parse(http.TimeFormat, answer.Header.Get("Upload-Expires"))
		if left := when.Sub(c.now()); err != nil || left > time.Hour || left < 50*time.Minute {
			s.t.Errorf("%s: Upload-Expires is %q, %v from now", what, answer.Header.Get("Upload-Expires"), left)
		}
	}
	return []row{
		{"expiration/is announced", func(s *site) { s.announces("expiration") }},
		{"expiration/Upload-Expires/is in the answer to the POST, as it is known", func(s *site) {
			soon(s, "POST", s.ask("POST", "/files/", "Upload-Length: 10", ""), 201)
			soon(s, "deferred", s.ask("POST", "/files/", "Upload-Defer-Length: 1", ""), 201)
			soon(s, "with a part", s.ask("POST", "/files/", "Upload-Length: 10\nContent-Type: "+octetStream, "hello"), 201)
			soon(s, "partial", s.ask("POST", "/files/", "Upload-Concat: partial\nUpload-Length: 10", ""), 201)
			soon(s, "final", s.ask("POST", "/files/", "Upload-Concat: final;"+s.begin("Upload-Concat: partial\nUpload-Length: 5"), ""), 201)
		}},
		{"expiration/Upload-Expires/is in every answer to a PATCH while the upload is unfinished", func(s *site) {
			at := s.begin("Upload-Length: 10")
			soon(s, "taken", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204)
			soon(s, "empty", s.ask("PATCH", at, "Upload-Offset: 5", ""), 204)
			soon(s, "elsewhere", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 409)
			soon(s, "too much", s.ask("PATCH", at, "Upload-Offset: 5", "hello!"), 413)
			soon(s, "another checksum", s.ask("PATCH", at, "Upload-Offset: 5\nUpload-Checksum: "+sum("sha1", "other"), "world"), 460)
			soon(s, "no checksum", s.ask("PATCH", at, "Upload-Offset: 5\nUpload-Checksum: sha3 AAAA", "world"), 400)
			soon(s, "no offset", s.ask("PATCH", at, "", "world"), 400)
			soon(s, "another type", s.ask("PATCH", at, "Upload-Offset: 5\nContent-Type: text/plain", "world"), 415)
			soon(s, "another version", s.ask("PATCH", at, "Upload-Offset: 5\nTus-Resumable: 0.2.2", "world"), 412)
			waiting := s.begin("Upload-Concat: partial\nUpload-Length: 10")
			soon(s, "final", s.ask("PATCH", s.begin("Upload-Concat: final;"+waiting), "Upload-Offset: 0", "x"), 403)
		}},
		{"expiration/Upload-Expires/is not there once nothing expires", func(s *site) {
			at := s.begin("Upload-Length: 5\n" + meta("filename", "lasting"))
			s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204, "Upload-Expires: ")
		}},
		{"expiration/410 for an upload that has expired, swept or not (SHOULD)", func(s *site) {
			at := s.begin("Upload-Length: 10")
			s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204)
			c.advance(61 * time.Minute)
			for _, when := range []string{"expired", "swept"} {
				s.want(when, s.ask("HEAD", at, "", ""), 410, "Upload-Offset: ")
				s.want(when, s.ask("PATCH", at, "Upload-Offset: 5", "world"), 410)
				if err := s.drives.Sweep(s.t.Context()); err != nil {
					s.t.Fatal(err)
				}
			}
		}},
	}
}

var checksumRows = []row{
	{"checksum/is announced", func(s *site) { s.announces("checksum") }},
	{"checksum/Tus-Checksum-Algorithm/is in OPTIONS, in lower-case ASCII, with sha1", func(s *site) {
		header := s.ask("OPTIONS", "/files/", "", "").Header.Get("Tus-Checksum-Algorithm")
		sha1 := false
		for name := range strings.SplitSeq(header, ",") {
			sha1 = sha1 || name == "sha1"
			if name == "" || strings.ToLower(name) != name || !printable(name) || strings.Contains(name, " ") {
				s.t.Errorf("an algorithm is called %q", name)
			}
		}
		if !sha1 {
			s.t.Errorf("Tus-Checksum-Algorithm is %q", header)
		}
	}},
	{"checksum/204 for the right one, by every algorithm that is announced", func(s *site) {
		header := s.ask("OPTIONS", "/files/", "", "").Header.Get("Tus-Checksum-Algorithm")
		for name := range strings.SplitSeq(header, ",") {
			for _, size := range []int{0, 10, 5000} {
				text := strings.Repeat("c", size)
				at := s.begin("Upload-Length: 5000\n" + meta("filename", name))
				s.want(name, s.ask("PATCH", at, "Upload-Offset: 0\nUpload-Checksum: "+sum(name, text), text), 204, fmt.Sprintf("Upload-Offset: %d", size))
			}
		}
	}},
	{"checksum/460 for another, and the chunk is discarded", func(s *site) {
		for _, size := range []int{1, 64, 65, 5000} { // in a row, and in a stage
			text := strings.Repeat("d", size)
			at := s.begin(fmt.Sprintf("Upload-Length: %d\n", 2*size) + meta("filename", fmt.Sprint("discard ", size)))
			wrong := "\nUpload-Checksum: " + sum("sha256", "other")
			s.want("at the start", s.ask("PATCH", at, "Upload-Offset: 0"+wrong, text), 460)
			s.at(at, "Upload-Offset: 0")
			s.want("the right one", s.ask("PATCH", at, "Upload-Offset: 0\nUpload-Checksum: "+sum("sha256", text), text), 204)
			s.want("the last chunk", s.ask("PATCH", at, fmt.Sprintf("Upload-Offset: %d", size)+wrong, strings.Repeat("x", size)), 460)
			s.at(at, fmt.Sprintf("Upload-Offset: %d", size))
			s.want("the right one", s.ask("PATCH", at, fmt.Sprintf("Upload-Offset: %d\nUpload-Checksum: ", size)+sum("sha256", text), text), 204)
			s.holds(fmt.Sprint("/discard ", size), text+text)
		}
	}},
	{"checksum/400 for an algorithm that is not there, and the chunk is discarded", func(s *site) {
		at := s.begin("Upload-Length: 5")
		for _, value := range []string{"sha3 AAAA", "SHA1 qvTGHdzF6KLavt4PO0gs2a6pQ00=", "sha1", "sha1 ", "sha1 !", "sha1 AAAA", "sha1  ", "sha1,md5 AAAA", ";", "sha1qvTGHdzF6KLavt4PO0gs2a6pQ00="} {
			s.want(value, s.ask("PATCH", at, "Upload-Offset: 0\nUpload-Checksum: "+value, "hello"), 400)
		}
		s.at(at, "Upload-Offset: 0")
	}},
	{"checksum/a mismatch leaves the length unknown, as the upload must not be updated", func(s *site) {
		for _, size := range []int{5, 5000} {
			text := strings.Repeat("l", size)
			at := s.begin("Upload-Defer-Length: 1\n" + meta("filename", fmt.Sprint("unknown ", size)))
			length := fmt.Sprintf("Upload-Offset: 0\nUpload-Length: %d\nUpload-Checksum: ", size)
			s.want("another", s.ask("PATCH", at, length+sum("sha1", "other"), text), 460)
			s.at(at, "Upload-Offset: 0", "Upload-Defer-Length: 1", "Upload-Length: ")
			s.want("longer than it says", s.ask("PATCH", at, length+sum("sha1", text+"!"), text+"!"), 413)
			s.at(at, "Upload-Offset: 0", "Upload-Defer-Length: 1", "Upload-Length: ")
			s.want("the right one", s.ask("PATCH", at, length+sum("sha1", text), text), 204, fmt.Sprintf("Upload-Offset: %d", size))
			s.at(at, fmt.Sprintf("Upload-Offset: %d", size), fmt.Sprintf("Upload-Length: %d", size), "Upload-Defer-Length: ")
			s.holds(fmt.Sprint("/unknown ", size), text)
		}
	}},
	{"checksum/a complete upload verifies it too (edge)", func(s *site) {
		at := s.begin("Upload-Length: 5\n" + meta("filename", "verified"))
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204)
		s.want("another", s.ask("PATCH", at, "Upload-Offset: 5\nUpload-Checksum: "+sum("sha1", "other"), ""), 460)
		s.want("that of nothing", s.ask("PATCH", at, "Upload-Offset: 5\nUpload-Checksum: "+sum("sha1", ""), ""), 204)
		s.holds("/verified", "hello")
	}},
	{"checksum/a body that breaks off is not verified, and none of it counts", func(s *site) {
		at := s.begin("Upload-Length: 100")
		before := s.drives.Counts().BytesReceived
		s.wire("!PATCH", at, "Upload-Offset: 0\nContent-Type: "+octetStream+"\nContent-Length: 100\nUpload-Checksum: "+sum("sha1", strings.Repeat("x", 100)), strings.Repeat("x", 90))
		s.arrived(before + 90)
		s.at(at, "Upload-Offset: 0")
	}},
	{"checksum/creation-with-upload is verified as a PATCH is", func(s *site) {
		head := "Upload-Length: 5\nContent-Type: " + octetStream + "\nUpload-Checksum: "
		s.want("right", s.ask("POST", "/files/", head+sum("md5", "hello"), "hello"), 201, "Upload-Offset: 5")
		other := s.ask("POST", "/files/", head+sum("md5", "other"), "hello")
		s.want("another", other, 460)
		s.at(other.Header.Get("Location"), "Upload-Offset: 0")
		s.want("none that is known", s.ask("POST", "/files/", head+"sha3 AAAA", "hello"), 400, "Location: ")
	}},
}

var trailerRows = []row{
	{"checksum-trailer/is announced", func(s *site) { s.announces("checksum-trailer") }},
	{"checksum-trailer/204 for the right one, 460 and 400 as in a header, and the chunk is discarded", func(s *site) {
		for _, size := range []int{10, 5000} {
			text := strings.Repeat("t", size)
			at := s.begin(fmt.Sprintf("Upload-Length: %d\n", size) + meta("filename", fmt.Sprint("trailer ", size)))
			for _, c := range []struct {
				what, trailer string
				status        int
			}{
				{"another", "Upload-Checksum: " + sum("sha1", "other"), 460},
				{"none that is known", "Upload-Checksum: sha3 AAAA", 400},
				{"no checksum", "Upload-Checksum: sha1", 400},
				{"another trailer", "X-Other: " + sum("sha1", text), 400},
				{"the right one", "Upload-Checksum: " + sum("sha512", text), 204},
			} {
				head := "Upload-Offset: 0\nContent-Type: " + octetStream + "\nTransfer-Encoding: chunked\nTrailer: Upload-Checksum"
				s.want(c.what, s.wire("PATCH", at, head, inChunks(text)+"0\r\n"+c.trailer+"\r\n\r\n"), c.status)
				if c.status != 204 {
					s.at(at, "Upload-Offset: 0")
				}
			}
			s.holds(fmt.Sprint("/trailer ", size), text)
		}
	}},
	{"checksum-trailer/at creation", func(s *site) {
		head := "Upload-Length: 5\nContent-Type: " + octetStream + "\nTransfer-Encoding: chunked\nTrailer: Upload-Checksum"
		s.want("right", s.wire("POST", "/files/", head, inChunks("hello")+"0\r\nUpload-Checksum: "+sum("sha1", "hello")+"\r\n\r\n"), 201, "Upload-Offset: 5")
		other := s.wire("POST", "/files/", head, inChunks("hello")+"0\r\nUpload-Checksum: "+sum("sha1", "other")+"\r\n\r\n")
		s.want("another", other, 460)
		s.at(other.Header.Get("Location"), "Upload-Offset: 0")
	}},
	{"checksum-trailer/leaves the length unknown on a mismatch", func(s *site) {
		at := s.begin("Upload-Defer-Length: 1\n" + meta("filename", "trailer and length"))
		head := "Upload-Offset: 0\nUpload-Length: 5\nContent-Type: " + octetStream + "\nTransfer-Encoding: chunked\nTrailer: Upload-Checksum"
		s.want("another", s.wire("PATCH", at, head, inChunks("hello")+"0\r\nUpload-Checksum: "+sum("sha1", "other")+"\r\n\r\n"), 460)
		s.at(at, "Upload-Offset: 0", "Upload-Defer-Length: 1", "Upload-Length: ")
		s.want("right", s.wire("PATCH", at, head, inChunks("hello")+"0\r\nUpload-Checksum: "+sum("sha1", "hello")+"\r\n\r\n"), 204, "Upload-Offset: 5")
		s.holds("/trailer and length", "hello")
	}},
	{"checksum-trailer/one that was not announced, or is not in a chunked body, is none (edge)", func(s *site) {
		at := s.begin("Upload-Length: 5\n" + meta("filename", "unannounced"))
		s.want("not announced", s.wire("PATCH", at, "Upload-Offset: 0\nContent-Type: "+octetStream+"\nTransfer-Encoding: chunked", inChunks("hel")+"0\r\nUpload-Checksum: "+sum("sha1", "other")+"\r\n\r\n"), 204, "Upload-Offset: 3")
		s.want("not chunked", s.wire("PATCH", at, "Upload-Offset: 3\nContent-Type: "+octetStream+"\nContent-Length: 2\nTrailer: Upload-Checksum", "lo"), 204, "Upload-Offset: 5")
		s.holds("/unannounced", "hello")
	}},
}
