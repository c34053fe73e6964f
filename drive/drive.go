package drive

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Options sets the bounds of all drives. New fills in the defaults of what is zero.
type Options struct {
	Quota          int64         // bytes that a new drive may hold, trash and versions included; 0 or less is no limit
	MaxFile        int64         // bytes of the largest file; 0 or less is no limit
	UploadExpiry   time.Duration // how long an upload lives after its last byte; default 24 h
	UploadMaxAge   time.Duration // how long an upload lives whatever it receives; 0 or less is no limit
	MaxOpenUploads int           // of one drive that are unfinished; default 50,000
	TrashExpiry    time.Duration // how long a removed node can be restored; default 30 days, negative is for ever
	Proof          bool          // whether content that only other users hold is found by its hash, against a proof of holding it
	Versions       int           // contents kept of an overwritten file; default 20, negative is none
	ChangesExpiry  time.Duration // how long it is known what changed in a drive; default 30 days, negative is for ever
	MaxChanges     int           // of one drive that are known, the sweep's pace aside; one Sync reads as many; default 50,000
	InlineMax      int64         // largest content that is kept in its row; default 64 KiB
	GCGrace        time.Duration // how old an orphan must be before gc removes it; default 1 h
	ChecksumRate   int64         // bytes a second that are read to compute checksums in the background; default 64 MiB
	ScrubEvery     time.Duration // how often all content is read again, to see whether it is still what it was; 0 or less is never
	ScrubRate      int64         // bytes a second that are read for that; default 8 MiB
	ScrubPause     time.Duration // after which content that seems damaged is read once more; default 4 s
	Log            *slog.Logger  // default slog.Default()
	// Admit, if set, is asked before content becomes a file, before an upload begins and before a file takes another name. Its
	// error refuses it.
	Admit func(Proposal) error
	// Ask, if set, is asked before new content is taken from outside: see ask.go. Its error refuses it, and it may wait.
	Ask func(context.Context, Question) (Amendment, error)
	// Elsewhere, if set, answers an address at which whoever has it reads a blob with these headers; empty if there is none.
	Elsewhere func(ctx context.Context, key blob.Key, contentType, disposition string) (string, error)
	Now       func() time.Time
	// Changed, if set, is called after each transaction that changed a drive, with what it changed.
	// It must return at once.
	Changed func([]Change)
	// Events is whether a row in the table events is written with each change, for package hooks to tell the outside.
	Events bool
}

// Proposal is a file that somebody wants to make.
type Proposal struct {
	DriveID   string
	Name      string
	MediaType string // as the client says; may be empty
	Size      int64  // bytes; negative if not known yet
}

// largestInline bounds InlineMax: content above it is never looked for in a row.
const largestInline = 1 << 20

// Drives is every drive of this server. It is safe for use by many goroutines.
type Drives struct {
	db        *sqldb.DB
	blobs     blob.Store
	o         Options
	adjusted  atomic.Pointer[Options] // see limits
	holds     *holds
	flow      *flow
	digesting *digesting
	patches   *turns // by node id
	rewinds   *turns // by drive id
	counts    counts
	chunks    sync.Pool // *[]byte of chunkSize
	wide      sync.Pool // *[]byte of wideChunk
	nodes     *sqldb.Memo[nodeKey, Node]
	tops      *sqldb.Memo[topKey, Path] // where folders are
	small     *smallContent
	watches   *watches
	listening sync.Once
	linkKey   atomic.Pointer[[]byte]
	census    census

	changesBound atomic.Bool

	sharePasswords *sharePasswords
}

// New gives access to the drives in db, whose content is in blobs.
func New(db *sqldb.DB, blobs blob.Store, o Options) *Drives {
	o = o.withDefaults()
	s := &Drives{db: db, blobs: blobs, o: o, holds: newHolds(), flow: newFlow(), digesting: newDigesting(), patches: newTurns(), rewinds: newTurns(),
		nodes: sqldb.NewMemo[nodeKey, Node](db, maxNodes, false), tops: sqldb.NewMemo[topKey, Path](db, maxNodes, false), small: newSmallContent(), watches: newWatches(), sharePasswords: newSharePasswords(),
		chunks: sync.Pool{New: func() any { b := make([]byte, chunkSize); return &b }},
		wide:   sync.Pool{New: func() any { b := make([]byte, wideChunk); return &b }}}
	s.adjusted.Store(&o)
	return s
}

// Adjust takes up the limits of o while the drives are in use: Quota, for drives that are made from then on, MaxFile, UploadExpiry, UploadMaxAge, MaxOpenUploads,
// TrashExpiry, Versions and ScrubEvery. Everything else stays as New was given it. What a call has begun with it may end with.
func (s *Drives) Adjust(o Options) {
	o = o.withDefaults()
	s.adjusted.Store(&o)
}

// limits are the options of which those count that Adjust takes up.
func (s *Drives) limits() *Options { return s.adjusted.Load() }

// withDefaults fills in what is not said.
func (o Options) withDefaults() Options {
	if o.UploadExpiry <= 0 {
		o.UploadExpiry = 24 * time.Hour
	}
	if o.MaxOpenUploads <= 0 {
		o.MaxOpenUploads = 50_000
	}
	if o.TrashExpiry == 0 {
		o.TrashExpiry = 30 * 24 * time.Hour
	}
	if o.Versions == 0 {
		o.Versions = 20
	}
	if o.ChangesExpiry == 0 {
		o.ChangesExpiry = 30 * 24 * time.Hour
	}
	if o.MaxChanges <= 0 {
		o.MaxChanges = 50_000
	}
	if o.InlineMax <= 0 {
		o.InlineMax = 64 << 10
	}
	o.InlineMax = min(o.InlineMax, largestInline)
	if o.GCGrace <= 0 {
		o.GCGrace = time.Hour
	}
	if o.ChecksumRate <= 0 {
		o.ChecksumRate = 64 << 20
	}
	if o.ScrubRate <= 0 {
		o.ScrubRate = 8 << 20
	}
	if o.ScrubPause <= 0 {
		o.ScrubPause = 4 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Admit == nil {
		o.Admit = func(Proposal) error { return nil }
	}
	if o.Changed == nil {
		o.Changed = func([]Change) {}
	}
	return o
}

// Create makes a user's drive inside tx, the transaction that makes the user. The drive has the user's id.
func (s *Drives) Create(ctx context.Context, tx *sqldb.Tx, userID string) error {
	quota, now, root := s.limits().Quota, sqldb.Micros(s.o.Now()), sqldb.NewID()
	if quota <= 0 {
		quota = -1
	}
	if _, err := tx.Exec(ctx, `INSERT INTO drives (id, root_id, quota, created_at, oldest_at) VALUES ($1, $2, $3, $4, $5)`,
		userID, root, quota, now, int64(nothingOld)); err != nil {
		return fault.Wrap(err, "drive.Create")
	}
	_, err := tx.Exec(ctx, `INSERT INTO nodes (id, drive_id, name, name_key, folder, created_at, modified_at, revision)
		VALUES ($1, $2, '', '', TRUE, $3, $3, 1)`, root, userID, now)
	return fault.Wrap(err, "drive.Create")
}

// SetQuota sets how many bytes a drive may hold, inside tx; negative is no limit. What it holds already stays, also where that is more. NotFound.
func (s *Drives) SetQuota(ctx context.Context, tx *sqldb.Tx, driveID string, quota int64) error {
	n, err := tx.Exec(ctx, `UPDATE drives SET quota = $2 WHERE id = $1 AND closed_at = 0`, driveID, max(quota, -1))
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "drive.SetQuota", "")
	}
	return fault.Wrap(err, "drive.SetQuota")
}

// Usage is how full a drive is, in bytes.
type Usage struct {
	Used     int64 // files, their versions and properties, and the trash
	Reserved int64 // what open uploads will need
	Uploads  int64 // how many are open; not bytes
	Quota    int64 // negative: no limit
}

// Free is how many bytes fit in beside those that are reserved, and false if there is no limit.
func (u Usage) Free() (int64, bool) {
	if u.Quota < 0 {
		return 0, false
	}
	return max(0, u.Quota-u.Used-u.Reserved), true
}

// Usage answers how full the drive is. One who is kept to a folder learns what is free, and nothing of what is used.
func (s *Drives) Usage(ctx context.Context, driveID string) (u Usage, err error) {
	if err := ofDrive(ctx, driveID); err != nil {
		return Usage{}, fault.Wrap(err, "drive.Usage")
	}
	err = s.db.Row(ctx, `SELECT used, reserved, uploads, quota FROM drives WHERE id = $1`, []any{driveID}, &u.Used, &u.Reserved, &u.Uploads, &u.Quota)
	if free, limited := u.Free(); err == nil && keptTo(ctx) != "" {
		if u = (Usage{Quota: -1}); limited {
			u.Quota = free
		}
	}
	return u, fault.Wrap(err, "drive.Usage")
}

// Usages answers how full each of some drives is, by its id. Those that are not there are left out.
func (s *Drives) Usages(ctx context.Context, driveIDs []string) (map[string]Usage, error) {
	all := make(map[string]Usage, len(driveIDs))
	err := eachByID(ctx, s.db, `SELECT id, used, reserved, uploads, quota FROM drives WHERE id`, driveIDs, func(scan sqldb.Scan) error {
		var id string
		var u Usage
		err := scan(&id, &u.Used, &u.Reserved, &u.Uploads, &u.Quota)
		all[id] = u
		return err
	})
	return all, fault.Wrap(err, "drive.Usages")
}

// MaxFile is the size of the largest file that is taken, in bytes; 0 is no limit.
func (s *Drives) MaxFile() int64 { return max(0, s.limits().MaxFile) }
