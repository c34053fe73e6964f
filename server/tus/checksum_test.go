package tus

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
)

func sum(algorithm, text string) string {
	h, _ := newHash(algorithm)
	io.WriteString(h, text)
	return algorithm + " " + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func TestChecksum(t *testing.T) {
	each(t, drive.Options{InlineMax: 8}, func(t *testing.T, s *site) {
		text := "a text that is longer than what stays in a row"
		at := s.do("POST", "/files/", fmt.Sprintf("Upload-Length: %d\n", 10*len(text))+meta("filename", "f"), "").Header.Get("Location")
		offset := 0
		for _, c := range []struct {
			what, checksum, body string
			status               int
		}{
			{"another's checksum", sum("sha1", "another"), text, 460},
			{"an unknown algorithm", "sha3 AAAA", text, 400},
			{"not Base64", "sha1 %%%", text, 400},
			{"too short", "sha1 AAAA", text, 400},
			{"no value", "sha1", text, 400},
			{"small, wrong", sum("md5", "no"), "yes", 460},
			{"small", sum("md5", "yes"), "yes", 204},
			{"sha1", sum("sha1", text), text, 204},
			{"sha256", sum("sha256", text), text, 204},
			{"sha512", sum("sha512", text), text, 204},
			{"crc32c", sum("crc32c", text), text, 204},
			{"wrong again", sum("crc32c", "no"), text, 460},
			{"nothing, with its checksum", sum("sha1", ""), "", 204},
		} {
			s.want(c.what, s.do("PATCH", at, fmt.Sprintf("Upload-Offset: %d\nUpload-Checksum: %s", offset, c.checksum), c.body), c.status)
			if c.status == 204 {
				offset += len(c.body)
			}
			s.want(c.what+", then", s.do("HEAD", at, "", ""), 200, fmt.Sprintf("Upload-Offset: %d", offset))
		}
		bad := s.do("POST", "/files/", "Upload-Length: 5\nContent-Type: "+octetStream+"\nUpload-Checksum: "+sum("sha1", "other"), "hello")
		s.want("creation with upload", bad, 460)
		s.want("the upload is there", s.do("HEAD", bad.Header.Get("Location"), "", ""), 200, "Upload-Offset: 0")
	})
}

// The value of crc32c is the four bytes of the sum, highest first, as RFC 9260 has it for SCTP.
func TestCRC32C(t *testing.T) {
	if got := sum("crc32c", "123456789"); got != "crc32c 4waSgw==" {
		t.Errorf("the check value of CRC-32C is %s", got)
	}
	if crc32.Checksum([]byte("123456789"), crc32.MakeTable(crc32.Castagnoli)) != 0xE3069283 {
		t.Error("the table is not Castagnoli's")
	}
}

func TestChecksumTrailer(t *testing.T) {
	each(t, drive.Options{InlineMax: 8}, func(t *testing.T, s *site) {
		text := "a text that comes in chunks, with its checksum at the end"
		digest := sha1.Sum([]byte(text))
		right := "sha1 " + base64.StdEncoding.EncodeToString(digest[:])
		at := s.do("POST", "/files/", fmt.Sprintf("Upload-Length: %d\n", len(text))+meta("filename", "f"), "").Header.Get("Location")
		for _, c := range []struct {
			what, trailer string
			status        int
		}{
			{"a wrong one", "Upload-Checksum: " + sum("sha1", "other") + "\r\n", 460},
			{"an unknown algorithm", "Upload-Checksum: sha3 AAAA\r\n", 400},
			{"announced and never sent", "", 400},
			{"the body breaks off", "cut", 0},
			{"the right one", "Upload-Checksum: " + right + "\r\n", 204},
		} {
			before := s.drives.Counts().BytesReceived
			if status := s.chunked(at, text, c.trailer); status != c.status {
				t.Errorf("%s: status %d, want %d", c.what, status, c.status)
			}
			for s.drives.Counts().BytesReceived < before+int64(len(text)) { // a cut request is under way, or it would interrupt the next
				time.Sleep(time.Millisecond)
			}
			if c.status != 204 {
				s.want(c.what+", then", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 0")
			}
		}
		if got := s.read("/f"); got != text {
			t.Errorf("the file holds %q", got)
		}
	})
}

// chunked sends a PATCH as bytes on the wire; a trailer "cut" closes the connection in the middle instead, and answers 0.
func (s *site) chunked(at, text, trailer string) int {
	s.t.Helper()
	host, path, _ := strings.Cut(strings.TrimPrefix(at, "http://"), "/")
	conn, err := net.DialTimeout("tcp", host, time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "PATCH /%s HTTP/1.1\r\nHost: %s\r\nAs: alice\r\nTus-Resumable: 1.0.0\r\nContent-Type: %s\r\nUpload-Offset: 0\r\nTransfer-Encoding: chunked\r\nTrailer: Upload-Checksum\r\n\r\n", path, host, octetStream)
	for half := range strings.SplitSeq(text[:20]+"\x00"+text[20:], "\x00") {
		fmt.Fprintf(conn, "%x\r\n%s\r\n", len(half), half)
	}
	if trailer == "cut" {
		return 0
	}
	fmt.Fprintf(conn, "0\r\n%s\r\n", trailer)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestExpiration(t *testing.T) {
	each(t, drive.Options{UploadExpiry: 2 * time.Second}, func(t *testing.T, s *site) {
		made := s.do("POST", "/files/", "Upload-Length: 10\n"+meta("filename", "f"), "")
		at := made.Header.Get("Location")
		for _, answer := range []*http.Response{made, s.do("HEAD", at, "", ""), s.do("PATCH", at, "Upload-Offset: 0", "hello")} {
			when, err := http.ParseTime(answer.Header.Get("Upload-Expires"))
			if err != nil || time.Until(when) > 3*time.Second {
				t.Errorf("Upload-Expires: %q, %v", answer.Header.Get("Upload-Expires"), err)
			}
		}
		done := s.do("POST", "/files/", "Upload-Length: 5\nContent-Type: "+octetStream, "hello")
		s.want("a complete one does not expire", done, 201, "Upload-Expires: ")
		time.Sleep(2100 * time.Millisecond)
		s.want("after it, not swept yet", s.do("HEAD", at, "", ""), 410, "Upload-Offset: ")
		if err := s.drives.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.want("swept, look", s.do("HEAD", at, "", ""), 410)
		s.want("swept, go on", s.do("PATCH", at, "Upload-Offset: 5", "world"), 410)
		s.want("another user", s.do("HEAD", at, "As: bob", ""), 404)
	})
}

func TestConcatenationUnfinished(t *testing.T) {
	each(t, drive.Options{InlineMax: 8}, func(t *testing.T, s *site) {
		texts := []string{"the first part, ", "and more"}
		var parts []string
		for _, text := range texts {
			part := s.do("POST", "/files/", fmt.Sprintf("Upload-Length: %d\nUpload-Concat: partial", len(text)), "")
			parts = append(parts, part.Header.Get("Location"))
			s.want("partial", s.do("HEAD", parts[len(parts)-1], "", ""), 200, "Upload-Concat: partial")
		}
		relative := strings.ReplaceAll(strings.Join(parts, " "), s.url, "")
		final := s.do("POST", "/files/", "Upload-Concat: final;"+relative+"\n"+meta("filename", "f"), "")
		s.want("final", final, 201)
		at := final.Header.Get("Location")
		concat := "Upload-Concat: final;" + relative
		s.want("before", s.do("HEAD", at, "", ""), 200, concat, "Upload-Offset: ", "Upload-Length: 24", strings.TrimSpace(meta("filename", "f")))
		s.want("bytes of its own", s.do("PATCH", at, "Upload-Offset: 0", "x"), 403)
		s.want("second part", s.do("PATCH", parts[1], "Upload-Offset: 0", texts[1]), 204)
		s.want("between", s.do("HEAD", at, "", ""), 200, "Upload-Offset: ")
		s.want("first part", s.do("PATCH", parts[0], "Upload-Offset: 0", texts[0]), 204)
		if got := s.read("/f"); got != texts[0]+texts[1] {
			t.Errorf("the file holds %q", got)
		}
		s.want("after", s.do("HEAD", at, "", ""), 200, concat, "Upload-Offset: 24", "Upload-Length: 24", "Upload-Expires: ")
		s.want("its parts are used", s.do("HEAD", parts[0], "", ""), 200, "Upload-Offset: 16", "Upload-Expires: ")
		for what, list := range map[string]string{"not a part": at, "nonsense": "/files/../x", "nothing": ""} {
			answer := s.do("POST", "/files/", "Upload-Concat: final;"+list, "")
			if answer.StatusCode != 400 && answer.StatusCode != 404 {
				t.Errorf("%s: status %d", what, answer.StatusCode)
			}
		}
		s.want("with bytes", s.do("POST", "/files/", "Upload-Concat: final;"+at+"\nContent-Type: "+octetStream, "x"), 403)
	})
}
