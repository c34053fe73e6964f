package drive

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// The bounds of shares.
const (
	MaxShares     = 500  // of one drive
	MaxShareName  = 100  // characters
	MaxSharePass  = 1024 // bytes of a share's password
	MaxShareUses  = 1_000_000
	minSharePass  = 4 // characters: guesses are limited for each share
	shareMemory   = 30 * 24 * time.Hour
	shareTokenMAC = 16 // bytes of a link's MAC
)

// ShareKind is what a share is for.
type ShareKind string

const (
	ShareDownload ShareKind = "download" // to read a file, or a folder with all below it
	ShareDrop     ShareKind = "drop"     // to put files into a folder, and to see nothing of it
)

// Share is a file or folder that its owner opens to whoever has the link. It is known by its id, so it goes along when it is moved or renamed.
type Share struct {
	ID      string
	DriveID string
	NodeID  string
	Kind    ShareKind
	Name    string // that the owner gave it
	Most    int64  // downloads, or files that may be dropped; 0 is any number
	Uses    int64  // of them, until now
	MaxSize int64  // bytes of the largest file that may be dropped; 0 leaves it to the drive
	Expires time.Time
	Created time.Time
	Used    time.Time // zero if it never was
	Token   string    // what opens it, in its address

	password     string // argon2id, in the PHC string format; empty for none
	tries        int64
	tried        time.Time
	blockedUntil time.Time
}

// Protected reports whether it asks for a password.
func (s Share) Protected() bool { return s.password != "" }

// Spent reports whether there are no uses left.
func (s Share) Spent() bool { return s.Most > 0 && s.Uses >= s.Most }

// Ended reports whether it had expired at a moment.
func (s Share) Ended(now time.Time) bool { return !s.Expires.IsZero() && !now.Before(s.Expires) }

// NewShare is a share that somebody wants to make.
type NewShare struct {
	Kind     ShareKind // zero: ShareDownload
	Name     string    // empty: that of the file or folder
	Password string    // empty: none
	Most     int64     // 0: any number
	MaxSize  int64     // of ShareDrop; 0: as the drive has it
	Expires  time.Time // zero: never
}

// MakeShare opens the file or folder at path to whoever has the share's link. NotFound; the drive itself is Forbidden with code "is_root", a drop box
// that is a file Invalid with code "is_file", and other values that are none Invalid with the field; TooMany with code "too_many_shares". One who
// is kept to a folder gets NotFound: a link would outlive those credentials.
func (s *Drives) MakeShare(ctx context.Context, driveID string, path Path, n NewShare) (Share, error) {
	if err := unlimited(ctx, driveID); err != nil {
		return Share{}, fault.Wrap(err, "drive.MakeShare")
	}
	if err := n.check(s.o.Now()); err != nil {
		return Share{}, fault.Wrap(err, "drive.MakeShare")
	}
	if err := writable(ctx, driveID); err != nil {
		return Share{}, fault.Wrap(err, "drive.MakeShare")
	}
	made := Share{DriveID: driveID, Kind: n.Kind, Name: n.Name, Most: n.Most, MaxSize: n.MaxSize, Expires: n.Expires}
	if n.Password != "" {
		var err error
		if made.password, err = s.sharePasswords.hash(ctx, n.Password); err != nil {
			return Share{}, fault.Wrap(err, "drive.MakeShare")
		}
	}
	err := s.edit(ctx, "drive.MakeShare", driveID, func(e *edit) error {
		at, err := resolve(ctx, e, driveID, path)
		if err != nil {
			return err
		}
		node, err := at.found()
		switch {
		case err != nil:
			return err
		case node.ID == e.root:
			return fault.New(fault.Forbidden, "drive.MakeShare", "The drive itself cannot be shared. Share a folder in it.").WithCode("is_root")
		case made.Kind == ShareDrop && !node.Folder:
			return fault.New(fault.Invalid, "drive.MakeShare", "Files are put into a folder. This is a file.").WithCode("is_file")
		}
		var there int
		if err := e.Row(ctx, `SELECT COUNT(*) FROM shares WHERE drive_id = $1`, []any{driveID}, &there); err != nil {
			return err
		}
		if there >= MaxShares {
			return fault.New(fault.TooMany, "drive.MakeShare", "There are too many shares. Remove some first.").WithCode("too_many_shares")
		}
		made.ID, made.NodeID, made.Created = sqldb.NewID(), node.ID, e.now
		if n.Name == "" {
			made.Name = shorten(node.Name, MaxShareName)
		}
		_, err = e.Exec(ctx, `INSERT INTO shares (id, drive_id, node_id, kind, name, password, most, max_size, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			made.ID, driveID, made.NodeID, string(made.Kind), made.Name, made.password, made.Most, made.MaxSize, sqldb.Micros(made.Expires), sqldb.Micros(made.Created))
		return err
	})
	if err == nil {
		made.Token, err = s.shareToken(ctx, made.ID)
	}
	return made, fault.Wrap(err, "drive.MakeShare")
}

// check refuses what no share can be, and fills in what was left out.
func (n *NewShare) check(now time.Time) error {
	field := func(name, message string) error {
		e := fault.New(fault.Invalid, "drive.MakeShare", message).WithCode("invalid_fields")
		e.Fields = []fault.Field{{Name: name, Code: "invalid", Message: message}}
		return e
	}
	if n.Kind == "" {
		n.Kind = ShareDownload
	}
	n.Name = strings.TrimSpace(n.Name)
	switch {
	case n.Kind != ShareDownload && n.Kind != ShareDrop:
		return field("kind", `This is "download" or "drop".`)
	case !storable(n.Name) || utf8.RuneCountInString(n.Name) > MaxShareName || strings.ContainsFunc(n.Name, unicode.IsControl):
		return field("name", "A name has at most 100 characters, and none that steers.")
	case n.Password != "" && (len(n.Password) > MaxSharePass || !utf8.ValidString(n.Password) || utf8.RuneCountInString(n.Password) < minSharePass):
		return field("password", "A password has at least 4 characters, and at most 1024 bytes.")
	case n.Most < 0 || n.Most > MaxShareUses:
		return field("max_uses", "A number up to 1000000.")
	case n.MaxSize < 0 || n.MaxSize > 0 && n.Kind != ShareDrop:
		return field("max_size", "A number of bytes, of a share to put files into.")
	case !n.Expires.IsZero() && !n.Expires.After(now):
		return field("expires_at", "This is over already.")
	case n.Expires.After(now.AddDate(100, 0, 0)):
		return field("expires_at", "This is too far away.")
	}
	return nil
}

// shorten cuts a text to so many characters.
func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

const shareColumns = `id, drive_id, node_id, kind, name, password, most, uses, max_size, expires_at, created_at, used_at, tries, tried_at, blocked_until`

func scanShare(scan sqldb.Scan) (s Share, err error) {
	var expires, created, used, tried, blocked int64
	err = scan(&s.ID, &s.DriveID, &s.NodeID, (*string)(&s.Kind), &s.Name, &s.password, &s.Most, &s.Uses, &s.MaxSize, &expires, &created, &used, &s.tries, &tried, &blocked)
	s.Expires, s.Created, s.Used, s.tried, s.blockedUntil = sqldb.Time(expires), sqldb.Time(created), sqldb.Time(used), sqldb.Time(tried), sqldb.Time(blocked)
	return s, err
}

// Shares answers all shares of a drive, newest first, those that have ended among them.
func (s *Drives) Shares(ctx context.Context, driveID string) ([]Share, error) {
	if err := unlimited(ctx, driveID); err != nil {
		return nil, fault.Wrap(err, "drive.Shares")
	}
	all, err := sqldb.All(ctx, s.db, `SELECT `+shareColumns+` FROM shares WHERE drive_id = $1 ORDER BY id DESC`, []any{driveID}, scanShare)
	for i := range all {
		if err == nil {
			all[i].Token, err = s.shareToken(ctx, all[i].ID)
		}
	}
	return all, fault.Wrap(err, "drive.Shares")
}

// RemoveShare ends a share at once: its link opens nothing any more, and there is no row left of it, nor of what is on its way into it. NotFound.
func (s *Drives) RemoveShare(ctx context.Context, driveID, id string) error {
	if err := unlimited(ctx, driveID); err != nil {
		return fault.Wrap(err, "drive.RemoveShare")
	}
	err := s.edit(ctx, "drive.RemoveShare", driveID, func(e *edit) error {
		n, err := e.Exec(ctx, `DELETE FROM shares WHERE id = $1 AND drive_id = $2`, id, driveID)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "drive.RemoveShare", "")
		}
		return err
	})
	if err == nil {
		s.db.Notify(TopicChanged, driveID) // whoever is sending by its link
		s.endDrops(ctx, driveID, id)
	}
	return err
}

// OpenShare answers the share that a link's token opens, what is shared, and a context that reaches that and nothing else: reading only, and of a drop box
// for Put and for uploads of its own (drop.go). NotFound for any other token, and for a share that has expired or whose file or folder is in the trash. A share that is Spent is
// answered: whoever began a download may end it. Whether the owner's account still counts is for the caller to ask.
func (s *Drives) OpenShare(ctx context.Context, token string) (context.Context, Share, Node, error) {
	wrong := fault.New(fault.NotFound, "drive.OpenShare", "")
	id, _, found := strings.Cut(token, ".")
	if !found || !sqldb.ValidID(id) {
		return nil, Share{}, Node{}, wrong
	}
	want, err := s.shareToken(ctx, id)
	if err != nil {
		return nil, Share{}, Node{}, fault.Wrap(err, "drive.OpenShare")
	}
	if !hmac.Equal([]byte(want), []byte(token)) {
		return nil, Share{}, Node{}, wrong
	}
	all, err := sqldb.All(ctx, s.db, `SELECT `+shareColumns+` FROM shares WHERE id = $1`, []any{id}, scanShare)
	if err != nil {
		return nil, Share{}, Node{}, fault.Wrap(err, "drive.OpenShare")
	}
	if len(all) == 0 || all[0].Ended(s.o.Now()) {
		return nil, Share{}, Node{}, wrong
	}
	share := all[0]
	share.Token = token
	at, err := locate(context.WithValue(ctx, limitKey{}, (*limit)(nil)), s.db, share.DriveID, share.NodeID) // the link counts, not who else asks
	if err != nil {
		return nil, Share{}, Node{}, fault.Wrap(err, "drive.OpenShare")
	}
	kept := &limit{Limit: Limit{Folder: share.NodeID, ReadOnly: share.Kind != ShareDrop}, driveID: share.DriveID, top: at.path}
	if share.Kind == ShareDrop {
		kept.share = share.ID
	}
	return context.WithValue(ctx, limitKey{}, kept), share, *at.node, nil
}

// TakeShare counts one use of a share, in one statement: however many ask at once, there are no more than it has. NotFound if there is none left.
func (s *Drives) TakeShare(ctx context.Context, id string) error {
	now := sqldb.Micros(s.o.Now())
	n, err := s.execUnsettled(ctx, `UPDATE shares SET uses = uses + 1, used_at = $2 WHERE id = $1 AND (most = 0 OR uses < most) AND (expires_at = 0 OR expires_at > $2)`, id, now)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "drive.TakeShare", "")
	}
	return fault.Wrap(err, "drive.TakeShare")
}

// ReturnShare takes a use back that came to nothing.
func (s *Drives) ReturnShare(ctx context.Context, id string) error {
	_, err := s.execUnsettled(ctx, `UPDATE shares SET uses = uses - 1 WHERE id = $1 AND uses > 0`, id)
	return fault.Wrap(err, "drive.ReturnShare")
}

// execUnsettled is sqldb.DB.Exec for what is about no account.
func (s *Drives) execUnsettled(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) (err error) {
		n, err = tx.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

// shareToken is what opens a share: its id, and a MAC of it. Owners copy a link again months later, so it must be known; this way no row holds it, and
// whoever reads the table alone opens nothing.
func (s *Drives) shareToken(ctx context.Context, id string) (string, error) {
	mac, err := s.shareMAC(ctx, "share", id)
	return id + "." + base64.RawURLEncoding.EncodeToString(mac[:min(len(mac), shareTokenMAC)]), err
}

// shareMAC is over words of which none but the last holds a NUL. The first one says what for.
func (s *Drives) shareMAC(ctx context.Context, words ...string) ([]byte, error) {
	key, err := s.linkSecret(ctx)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(strings.Join(words, "\x00")))
	return h.Sum(nil), nil
}
