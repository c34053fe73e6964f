package crowd

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
)

// Size is how much there is.
type Size struct {
	Users  int // accounts
	Files  int // of all drives, those in the trash among them
	Large  int // of one drive, that of the account LargeUser
	Folder int // of one folder in it, LargeFolder
	// PasswordHash is every account's.
	PasswordHash string
	// Now is when the last of it happened. Nothing of it expires for an hour from then.
	Now time.Time
}

// What is looked for in it.
const (
	LargeUser   = "large-drive"
	LargeFolder = "/Camera"
	SmallUser   = "small-drive" // one as most are
)

// Million is a server with a million files and ten thousand accounts.
var Million = Size{Users: 10_000, Files: 1_000_000, Large: 150_000, Folder: 12_000}

// MaxChanges is how many changes of a drive are there at most: as many as a server remembers by default.
const MaxChanges = 50_000

// Fill writes it into the migrated database at location, of whose accounts none may have the names, and brings what Postgres knows of its tables up to date. The role must
// be a superuser. Equal sizes make equal rows, but for what follows from Now.
func Fill(ctx context.Context, location string, size Size) error {
	pool, err := sql.Open("postgres", location)
	if err != nil {
		return err
	}
	defer pool.Close()
	f := &filling{Size: size, rows: &streams{ctx: ctx, pool: pool, open: map[string]*stream{}}, ids: ids{rand.New(rand.NewPCG(1, 2))}}
	f.crowd()
	if err := f.rows.end(); err != nil {
		return fmt.Errorf("crowd: %w", err)
	}
	// What autovacuum would have done by the time that there are as many.
	_, err = pool.ExecContext(ctx, `VACUUM (ANALYZE)`)
	return err
}

// filling is a Fill under way.
type filling struct {
	Size
	ids
	rows   *streams
	files  int // until now
	shared []piece
}

// crowd makes all accounts. Their files come in turns, as they would, so that one drive's rows lie among those of all others.
func (f *filling) crowd() {
	f.strangers()
	for i := range sharedPieces {
		f.shared = append(f.shared, f.content(fmt.Appendf(nil, "what many have, %d\n", i), f.Now.AddDate(0, -6, 0)))
	}
	mean := max(2, (f.Files-f.Large)/max(1, f.Users-1))
	left := f.Files
	var drives []*tree
	for i := 1; i < f.Users; i++ {
		n := min(left, mean/2+i%(mean+1))
		left -= n
		drives = append(drives, f.account(i, n, 0))
	}
	large := f.account(0, left, min(f.Folder, left))
	rounds := mean/2 + mean + 1
	for round := range rounds {
		for _, d := range drives {
			if round < d.files {
				f.file(d, round)
			}
		}
		for k := large.files * round / rounds; k < large.files*(round+1)/rounds; k++ {
			f.file(large, k)
		}
	}
	for _, d := range append(drives, large) {
		f.close(d)
	}
}
