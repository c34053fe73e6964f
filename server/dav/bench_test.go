package dav_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// BenchmarkListing is a PROPFIND of 10,000 files, from request to the last byte at the client.
func BenchmarkListing(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			db := sqldbtest.OpenSQLite(b)
			if engine == "postgres" {
				db = sqldbtest.OpenPostgres(b)
			}
			s := newServer(b, db, setup{})
			if _, err := s.drives.MakeFolder(b.Context(), s.userID, "/d", drive.Guard{}); err != nil {
				b.Fatal(err)
			}
			s.fill(db, "/d", 10_000)
			for _, c := range []struct{ name, body string }{
				{"three", `<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:getcontentlength/><D:getlastmodified/></D:prop></D:propfind>`},
				{"allprop", ""},
				{"finder", `<D:propfind xmlns:D="DAV:"><D:prop><D:getlastmodified/><D:getcontentlength/><D:creationdate/><D:resourcetype/></D:prop></D:propfind>`},
			} {
				b.Run(c.name, func(b *testing.B) {
					for b.Loop() {
						r, err := http.NewRequestWithContext(b.Context(), "PROPFIND", s.URL+"/dav/d/", strings.NewReader(c.body))
						if err != nil {
							b.Fatal(err)
						}
						r.Header.Set("Depth", "1")
						response, err := http.DefaultClient.Do(r)
						if err != nil {
							b.Fatal(err)
						}
						n, err := io.Copy(io.Discard, response.Body)
						response.Body.Close()
						if err != nil || response.StatusCode != http.StatusMultiStatus {
							b.Fatal(response.Status, err)
						}
						b.SetBytes(n)
					}
				})
			}
		})
	}
}
