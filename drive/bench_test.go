package drive

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/sqldb"
)

// BenchmarkSmallUpload is what the database costs of an upload of 4 KiB: begun, filled, a file.
func BenchmarkSmallUpload(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d writers", writers), func(b *testing.B) {
			db, err := sqldb.Open(b.Context(), "sqlite:"+b.TempDir()+"/satchel.db", sqldb.Options{Exclusive: true, Relaxed: true})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			s := New(db, mem.New(), Options{UploadExpiry: time.Hour})
			id := sqldb.NewID()
			err = db.Update(b.Context(), func(tx *sqldb.Tx) error {
				if _, err := tx.Exec(b.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, 'a', 'a', '', 0)`, id); err != nil {
					return err
				}
				return s.Create(b.Context(), tx, id)
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetParallelism(max(1, writers/2))
			upload := func(body []byte) {
				binary.BigEndian.PutUint64(body, uint64(time.Now().UnixNano()))
				ctx := context.Background()
				name := sqldb.NewID()
				u, err := s.BeginUpload(ctx, id, NewUpload{Folder: Root, Name: name, Length: int64(len(body)), Metadata: "filename " + name})
				if err == nil {
					var hold *Hold
					if hold, err = s.HoldUpload(ctx, u.ID, func() {}); err == nil {
						u, err = s.Append(ctx, id, u.ID, 0, bytes.NewReader(body), AppendOptions{})
						hold.Release()
					}
				}
				if err != nil || u.NodeID == "" {
					b.Error(u, err)
				}
			}
			if writers == 1 {
				body := make([]byte, 4096)
				for b.Loop() {
					upload(body)
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				body := make([]byte, 4096)
				for pb.Next() {
					upload(body)
				}
			})
		})
	}
}
