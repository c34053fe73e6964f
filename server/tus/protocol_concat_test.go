package tus

import (
	"fmt"
	"strings"

	"github.com/satchelhq/satchel/drive"
)

var concatenationRows = []row{
	{"concatenation/is announced", func(s *site) { s.announces("concatenation") }},
	{"concatenation/partial/is not made a file before it is concatenated (SHOULD)", func(s *site) {
		s.want("PATCH", s.ask("PATCH", s.begin("Upload-Concat: partial\nUpload-Length: 5\n"+meta("filename", "a part")), "Upload-Offset: 0", "hello"), 204)
		s.holds("/a part", "not_found")
	}},
	{"concatenation/partial/HEAD answers Upload-Offset and Upload-Concat", func(s *site) {
		at := s.begin("Upload-Concat: partial\nUpload-Length: 5")
		s.at(at, "Upload-Concat: partial", "Upload-Offset: 0", "Upload-Length: 5")
		s.want("PATCH", s.ask("PATCH", at, "Upload-Offset: 0", "hello"), 204)
		s.at(at, "Upload-Concat: partial", "Upload-Offset: 5", "Upload-Length: 5")
		s.at(s.begin("Upload-Concat: partial\nUpload-Defer-Length: 1"), "Upload-Concat: partial", "Upload-Offset: 0", "Upload-Defer-Length: 1")
	}},
	{"concatenation/partial/HEAD answers Upload-Concat in the answer to no other upload", func(s *site) {
		s.at(s.begin("Upload-Length: 5"), "Upload-Concat: ")
	}},
	{"concatenation/final/is the partials in the order of the list, and as long as all of them", func(s *site) {
		a, b, c := s.part("one, "), s.part(strings.Repeat("two", 100)), s.part(", three")
		at := s.begin("Upload-Concat: final;" + b + " " + a + " " + c + "\n" + meta("filename", "ordered"))
		s.at(at, "Upload-Length: 312", "Upload-Offset: 312")
		s.holds("/ordered", strings.Repeat("two", 100)+"one, , three")
	}},
	{"concatenation/final/Upload-Concat is answered as it came, absolute or relative", func(s *site) {
		for what, base := range map[string]string{"absolute": s.url, "relative": "", "another host": "https://tus.example.org"} {
			done := base + strings.TrimPrefix(s.part("hello"), s.url)
			waiting := base + strings.TrimPrefix(s.begin("Upload-Concat: partial\nUpload-Length: 5"), s.url)
			s.at(s.begin("Upload-Concat: final;"+done+"\n"+meta("filename", "as it came, "+what)), "Upload-Concat: final;"+done)
			for _, list := range []string{waiting, waiting + " " + waiting} {
				s.at(s.begin("Upload-Concat: final;"+list), "Upload-Concat: final;"+list)
			}
		}
	}},
	{"concatenation/final/with Upload-Length is refused, and nothing is made", func(s *site) {
		part := s.part("hello")
		for _, length := range []string{"Upload-Length: 5", "Upload-Length: 0", "Upload-Defer-Length: 1"} {
			s.want(length, s.ask("POST", "/files/", "Upload-Concat: final;"+part+"\n"+length, ""), 400, "Location: ")
		}
		s.at(part, "Upload-Offset: 5")
	}},
	{"concatenation/final/does not inherit the partials' metadata", func(s *site) {
		part := s.ask("POST", "/files/", "Upload-Concat: partial\nUpload-Length: 5\nContent-Type: "+octetStream+"\n"+meta("filename", "inherited", "secret", "x"), "hello").Header.Get("Location")
		s.at(s.begin("Upload-Concat: final;"+part+"\n"+meta("filename", "own")), strings.TrimSpace(meta("filename", "own")))
		s.holds("/own", "hello")
		s.holds("/inherited", "not_found")
		s.at(s.begin("Upload-Concat: final;"+s.part("hello")), "Upload-Metadata: ")
	}},
	{"concatenation/final/HEAD answers Upload-Metadata as the client sent it", func(s *site) {
		header := "zeta eg==,filename c2VudA==,alpha,beta Yg=="
		s.at(s.begin("Upload-Concat: final;"+s.part("hello")+"\nUpload-Metadata: "+header), "Upload-Metadata: "+header)
	}},
	{"concatenation/final/what is no list of pairs in Upload-Metadata is 400, as elsewhere", func(s *site) {
		s.want("POST", s.ask("POST", "/files/", "Upload-Concat: final;"+s.part("hello")+"\nUpload-Metadata: filename %%%", ""), 400, "Location: ")
	}},
	{"concatenation/final/PATCH is 403, and neither it nor its partials change", func(s *site) {
		waiting := s.begin("Upload-Concat: partial\nUpload-Length: 5")
		final := s.begin("Upload-Concat: final;" + waiting + "\n" + meta("filename", "untouched"))
		for _, headers := range []string{"Upload-Offset: 0", "Upload-Offset: 5", "", "Upload-Offset: -1", "Upload-Offset: 0\nUpload-Length: 5", "Upload-Offset: 0\nUpload-Checksum: sha3 x", "Upload-Offset: 0\nContent-Type: text/plain"} {
			for _, body := range []string{"", "hello"} {
				s.want("waiting, "+headers, s.ask("PATCH", final, headers, body), 403)
			}
		}
		s.at(final, "Upload-Offset: ", "Upload-Length: 5")
		s.at(waiting, "Upload-Offset: 0")
		s.want("PATCH", s.ask("PATCH", waiting, "Upload-Offset: 0", "hello"), 204)
		s.want("done", s.ask("PATCH", final, "Upload-Offset: 5", "x"), 403)
		s.want("done, empty", s.ask("PATCH", final, "Upload-Offset: 5", ""), 403)
		s.at(final, "Upload-Offset: 5", "Upload-Length: 5")
		s.holds("/untouched", "hello")
	}},
	{"concatenation/final/a partial may be used more than once in one (MAY)", func(s *site) {
		part := s.part("again ")
		at := s.begin("Upload-Concat: final;" + strings.Repeat(part+" ", 3) + "\n" + meta("filename", "thrice"))
		s.at(at, "Upload-Offset: 18", "Upload-Length: 18")
		s.holds("/thrice", "again again again ")
	}},
	{"concatenation/final/of an empty partial, and of nothing but those (edge)", func(s *site) {
		s.at(s.begin("Upload-Concat: final;"+s.part("")+" "+s.part("hello")+" "+s.part("")+"\n"+meta("filename", "padded")), "Upload-Offset: 5", "Upload-Length: 5")
		s.holds("/padded", "hello")
		s.at(s.begin("Upload-Concat: final;"+s.part("")+"\n"+meta("filename", "nothing")), "Upload-Offset: 0", "Upload-Length: 0")
		s.holds("/nothing", "")
	}},
	{"concatenation/final/asked for again after its answer was lost is the same, and makes nothing (edge)", func(s *site) {
		a, b := s.part("hello, "), s.part(strings.Repeat("again", 100))
		headers := "Upload-Concat: final;" + a + " " + b + "\n" + meta("filename", "asked for", "filetype", "text/plain")
		first := s.begin(headers)
		for what, again := range map[string]string{
			"as it was":           headers,
			"by other addresses":  strings.ReplaceAll(headers, s.url, ""),
			"by pairs in reverse": "Upload-Concat: final;" + a + " " + b + "\n" + meta("filetype", "text/plain", "filename", "asked for"),
		} {
			s.want(what, s.ask("POST", "/files/", again, ""), 201, "Location: "+first)
		}
		s.holds("/asked for", "hello, "+strings.Repeat("again", 100))
		s.holds("/asked for (1)", "not_found")
		s.want("another order", s.ask("POST", "/files/", "Upload-Concat: final;"+b+" "+a+"\n"+meta("filename", "asked for", "filetype", "text/plain"), ""), 410, "Location: ")
		s.want("another's", s.ask("POST", "/files/", "As: bob\n"+headers, ""), 404, "Location: ")
		s.want("DELETE", s.ask("DELETE", first, "", ""), 204)
		s.want("once it was ended", s.ask("POST", "/files/", headers, ""), 404, "Location: ")
		s.want("its parts", s.ask("HEAD", a, "", ""), 404)
	}},
	{"concatenation/final/asked for again with other metadata is another file, without a byte (edge)", func(s *site) {
		a, b := s.part(strings.Repeat("twice ", 100)), s.part("over")
		concat := "Upload-Concat: final;" + a + " " + b + "\n"
		first := s.begin(concat + meta("filename", "once"))
		s.at(a, "Upload-Offset: 600") // as a client asks that resumes
		second := s.begin(concat + meta("filename", "twice"))
		if first == second {
			s.t.Error("both have one address")
		}
		s.at(second, "Upload-Offset: 604", "Upload-Length: 604", strings.TrimSpace(meta("filename", "twice")))
		s.holds("/once", strings.Repeat("twice ", 100)+"over")
		s.holds("/twice", strings.Repeat("twice ", 100)+"over")
		s.want("another's", s.ask("POST", "/files/", "As: bob\n"+concat+meta("filename", "mine"), ""), 404, "Location: ")
	}},
	{"concatenation/partial/is full for who asks after it was used, and takes nothing (edge)", func(s *site) {
		a, b := s.part(strings.Repeat("used", 100)), s.part("up")
		s.begin("Upload-Concat: final;" + a + " " + b + "\n" + meta("filename", "used up"))
		for _, part := range []string{a, b} {
			s.at(part, "Upload-Concat: partial", "Upload-Expires: ")
			length := s.ask("HEAD", part, "", "").Header.Get("Upload-Length")
			s.at(part, "Upload-Offset: "+length)
			s.want("PATCH at its end", s.ask("PATCH", part, "Upload-Offset: "+length, ""), 204, "Upload-Offset: "+length)
			s.want("PATCH at its beginning", s.ask("PATCH", part, "Upload-Offset: 0", "used"), 409, "Upload-Offset: "+length)
			s.want("DELETE", s.ask("DELETE", part, "", ""), 204)
			s.want("HEAD", s.ask("HEAD", part, "", ""), 404)
		}
		s.holds("/used up", strings.Repeat("used", 100)+"up")
	}},
	{"concatenation/Upload-Concat/another value is 400 or says what is not there (edge)", func(s *site) {
		part, whole := s.part("hello"), s.begin("Upload-Length: 5")
		for value, status := range map[string]int{
			"final": 400, "final;": 400, "final; ": 400, "partial;" + part: 400, "whole": 400, "Final;" + part: 400, "1": 400, "final," + part: 400,
			"final;" + whole: 400, "final;/files/0000000000000000000000000a": 404, "final;" + part + " /files/none": 404, "final;" + part + " %zz": 400,
			"final;" + strings.ReplaceAll(part, "/files/", "/other/"): 404, "final;" + part + "/x": 404, "final;" + part + "," + part: 404,
		} {
			s.want(value, s.ask("POST", "/files/", "Upload-Concat: "+value, ""), status, "Location: ")
			s.want(value+", with a length", s.ask("POST", "/files/", "Upload-Length: 5\nUpload-Concat: "+value, ""), 400, "Location: ")
		}
		s.want("no ASCII", s.wire("POST", "/files/", "Content-Length: 0\nUpload-Concat: final;http://\xff"+strings.TrimPrefix(part, s.url), ""), 400, "Location: ")
		s.want("another's", s.ask("POST", "/files/", "As: bob\nUpload-Concat: final;"+part, ""), 404, "Location: ")
		s.at(part, "Upload-Offset: 5")
	}},
	{"concatenation/Upload-Concat/more spaces than one between addresses (edge)", func(s *site) {
		a, b := s.part("a"), s.part("b")
		s.begin("Upload-Concat: final;  " + a + "   " + b + "\n" + meta("filename", "spaced"))
		s.holds("/spaced", "ab")
	}},
	{"concatenation/Upload-Concat/1,000 parts, and one more is refused (edge)", func(s *site) {
		var list []string
		for range drive.MaxParts {
			list = append(list, strings.TrimPrefix(s.part("0123456789"), s.url))
		}
		s.want("one more", s.ask("POST", "/files/", "Upload-Concat: final;"+strings.Join(append(list, list[0]), " "), ""), 400, "Location: ")
		s.want("many more", s.ask("POST", "/files/", "Upload-Concat: final;"+strings.Repeat(list[0]+" ", 5000), ""), 400, "Location: ")
		s.at(s.begin("Upload-Concat: final;"+strings.Join(list, " ")+"\n"+meta("filename", "thousand")), fmt.Sprintf("Upload-Offset: %d", 10*drive.MaxParts))
		s.holds("/thousand", strings.Repeat("0123456789", drive.MaxParts))
	}},
	{"concatenation/final/over Tus-Max-Size is 413", func(s *site) {
		half := fmt.Sprintf("Upload-Concat: partial\nUpload-Length: %d", protocolLimit/2+1)
		s.want("POST", s.ask("POST", "/files/", "Upload-Concat: final;"+s.begin(half)+" "+s.begin(half), ""), 413, "Location: ")
	}},

	{"concatenation-unfinished/is announced", func(s *site) { s.announces("concatenation-unfinished") }},
	{"concatenation-unfinished/HEAD answers no Upload-Offset before the end (SHOULD), and then both, equal", func(s *site) {
		a, b := s.begin("Upload-Concat: partial\nUpload-Length: 6"), s.begin("Upload-Concat: partial\nUpload-Length: 5")
		final := s.begin("Upload-Concat: final;" + a + " " + b + "\n" + meta("filename", "unfinished"))
		s.at(final, "Upload-Offset: ", "Upload-Length: 11", "Upload-Concat: final;"+a+" "+b)
		s.want("the second", s.ask("PATCH", b, "Upload-Offset: 0", "world"), 204)
		s.at(final, "Upload-Offset: ", "Upload-Length: 11")
		s.holds("/unfinished", "not_found")
		s.want("half the first", s.ask("PATCH", a, "Upload-Offset: 0", "hel"), 204)
		s.at(final, "Upload-Offset: ", "Upload-Length: 11")
		s.want("the first", s.ask("PATCH", a, "Upload-Offset: 3", "lo "), 204)
		s.at(final, "Upload-Offset: 11", "Upload-Length: 11", "Upload-Concat: final;"+a+" "+b)
		s.holds("/unfinished", "hello world")
	}},
	{"concatenation-unfinished/Upload-Length comes as soon as it can be calculated", func(s *site) {
		a, b := s.begin("Upload-Concat: partial\nUpload-Defer-Length: 1"), s.begin("Upload-Concat: partial\nUpload-Length: 5")
		final := s.begin("Upload-Concat: final;" + a + " " + b + "\n" + meta("filename", "calculated"))
		s.at(final, "Upload-Offset: ", "Upload-Length: ")
		s.want("without the length", s.ask("PATCH", a, "Upload-Offset: 0", "hel"), 204)
		s.at(final, "Upload-Offset: ", "Upload-Length: ")
		s.want("with the length", s.ask("PATCH", a, "Upload-Offset: 3\nUpload-Length: 6", "lo"), 204)
		s.at(final, "Upload-Offset: ", "Upload-Length: 11")
		s.want("the rest", s.ask("PATCH", a, "Upload-Offset: 5", " "), 204)
		s.want("the second", s.ask("PATCH", b, "Upload-Offset: 0", "world"), 204)
		s.at(final, "Upload-Offset: 11", "Upload-Length: 11")
		s.holds("/calculated", "hello world")
	}},
	{"concatenation-unfinished/a length that comes late ends it too (edge)", func(s *site) {
		a := s.begin("Upload-Concat: partial\nUpload-Defer-Length: 1")
		final := s.begin("Upload-Concat: final;" + a + "\n" + meta("filename", "late length"))
		s.want("all", s.ask("PATCH", a, "Upload-Offset: 0", "hello"), 204)
		s.want("the length", s.ask("PATCH", a, "Upload-Offset: 5\nUpload-Length: 5", ""), 204, "Upload-Offset: 5")
		s.at(final, "Upload-Offset: 5", "Upload-Length: 5")
		s.holds("/late length", "hello")
	}},
	{"concatenation-unfinished/a length that comes late takes no final over Tus-Max-Size (edge)", func(s *site) {
		a, b := s.begin("Upload-Concat: partial\nUpload-Defer-Length: 1"), s.part(strings.Repeat("b", protocolLimit/2+1))
		s.begin("Upload-Concat: final;" + a + " " + b + "\n" + meta("filename", "too long together"))
		s.ask("PATCH", a, fmt.Sprintf("Upload-Offset: 0\nUpload-Length: %d", protocolLimit/2), strings.Repeat("a", protocolLimit/2))
		s.holds("/too long together", "not_found")
	}},
	{"concatenation-unfinished/one partial in two finals (MAY be refused, never a defect)", func(s *site) {
		a := s.begin("Upload-Concat: partial\nUpload-Length: 5")
		first := s.begin("Upload-Concat: final;" + a + "\n" + meta("filename", "first of two"))
		second := s.ask("POST", "/files/", "Upload-Concat: final;"+a+"\n"+meta("filename", "second of two"), "")
		s.want("the partial", s.ask("PATCH", a, "Upload-Offset: 0", "hello"), 204)
		one := s.ask("HEAD", first, "", "")
		two := s.ask("HEAD", second.Header.Get("Location"), "", "")
		if one.Header.Get("Upload-Offset") != "5" && two.Header.Get("Upload-Offset") != "5" {
			s.t.Errorf("neither is done: %d, %d", one.StatusCode, two.StatusCode)
		}
		for _, answer := range []int{one.StatusCode, two.StatusCode} {
			if answer != 200 && answer != 409 && answer != 410 {
				s.t.Errorf("HEAD answers %d", answer)
			}
		}
	}},
}
