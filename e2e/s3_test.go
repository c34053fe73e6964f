package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// inBucket are the settings of a server whose content is in a bucket. Its credentials are the environment's, or its own and in a file.
func inBucket(t *testing.T, endpoint string, own bool) []string {
	t.Helper()
	env := []string{"SATCHEL_BLOBS=s3://" + s3test.Bucket + "/files?region=" + s3test.Region + "&path_style=true&endpoint=" + endpoint}
	if !own {
		return append(env, "AWS_ACCESS_KEY_ID="+s3test.AccessKey, "AWS_SECRET_ACCESS_KEY="+s3test.SecretKey)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(s3test.SecretKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return append(env, "SATCHEL_S3_ACCESS_KEY="+s3test.AccessKey, "SATCHEL_S3_SECRET_KEY_FILE="+secret)
}

// Files in a bucket: uploaded whole and in parts through a server that is killed while it sends to S3, read in ranges over WebDAV, and
// kept by gc. An upload that the bucket aborted is gone.
func TestFilesInABucket(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": sqldbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := s3test.Start(t)
			proxy := s3test.NewProxy(t, bucket)
			s := startOn(t, database(t), inBucket(t, proxy.Endpoint, name == "postgres")...)
			a := s.Register(t, "ann")

			whole := &transfer{t: t, a: a, name: "whole", content: seeded(1, 37<<20)}
			joined := &transfer{t: t, a: a, name: "joined", content: seeded(2, 31<<20)}
			small := &transfer{t: t, a: a, name: "small", content: seeded(3, 300_000)}
			for _, send := range []struct {
				what *transfer
				step func(int) error
				kill string // when S3 is asked for this
			}{
				{whole, whole.step, "UploadPart"},
				{joined, inParts(joined, 11<<20, 30<<20).step, "UploadPartCopy"},
				{small, small.step, "PutObject"},
			} {
				var once sync.Once
				proxy.Decide(func(r *http.Request) s3test.Fate {
					if s3test.Operation(r) == send.kill {
						once.Do(s.Kill)
					}
					return s3test.Pass
				})
				killed := 0
				for !send.what.done {
					err := send.step(14 << 20)
					if errors.Is(err, errServerGone) {
						killed++
						s.revive()
					} else if err != nil {
						t.Fatal(err)
					}
				}
				if killed != 1 {
					t.Errorf("%s: the server was killed %d times, want once", send.what.name, killed)
				}
				send.what.check()
			}
			a.wantRange(t, whole, 0, 1)
			a.wantRange(t, whole, 9<<20, 11<<20)
			a.wantRange(t, joined, len(joined.content)-5, 5)
			a.Put(t, "put", string(small.content[1:]))

			if status, _ := a.Get(t, "put"); status != http.StatusOK {
				t.Errorf("what was put answers %d", status)
			}
			orphan := filepath.Join(bucket.Folder, s3test.Bucket, "files", "nobody.knows")
			hours := time.Now().Add(-2 * time.Hour)
			if err := errors.Join(os.WriteFile(orphan, []byte("left by an answer that was lost"), 0o600), os.Chtimes(orphan, hours, hours)); err != nil {
				t.Fatal(err)
			}
			if told := run(t, s.Command("gc")); !strings.Contains(told, "0 blobs and 1 orphans removed, 31 bytes freed") {
				t.Errorf("gc: %s", told)
			}
			if _, err := os.Stat(orphan); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("gc left what no row names: %v", err)
			}
			for _, u := range []*transfer{whole, joined, small} {
				u.check()
			}
			s.fsck()
			a.wantGone(t, bucket)
			if settings := run(t, s.Command("config", "check")); strings.Contains(s.log.String()+settings, s3test.SecretKey) {
				t.Error("the secret key is in the log, or in what config check tells")
			}
		})
	}
}

// wantRange reads a range of a file over WebDAV.
func (a *Account) wantRange(t *testing.T, u *transfer, from, size int) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, a.s.URL+"/dav/"+u.name, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+size-1))
	answer, err := a.Basic.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusPartialContent || string(got) != string(u.content[from:from+size]) {
		t.Errorf("%d bytes of %s from %d on: %s, %d bytes that are not those, or %v", size, u.name, from, answer.Status, len(got), err)
	}
}

// wantGone has a rule of the bucket abort an upload, and sends on.
func (a *Account) wantGone(t *testing.T, bucket *s3test.Server) {
	t.Helper()
	u := &transfer{t: t, a: a, name: "aborted", content: seeded(4, 20<<20)}
	for u.acked < 9<<20 {
		if err := u.step(9 << 20); err != nil {
			t.Fatal(err)
		}
	}
	bucket.AbortUploads()
	answer, err := u.request(http.MethodPatch, u.address, map[string]string{
		"Content-Type": "application/offset+octet-stream", "Upload-Offset": fmt.Sprint(u.acked),
	}, u.content[u.acked:], http.StatusGone)
	if err == nil && !strings.Contains(answer.text, "Begin it again") {
		t.Errorf("the answer is %q", answer.text)
	}
}
