package drive

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// How long a download link may live.
const (
	DefaultLinkLife = time.Hour
	MaxLinkLife     = 24 * time.Hour
)

// DownloadLink answers a code with which anybody may read the file at path until it expires: what stands there then. life is at most
// MaxLinkLife; 0 is DefaultLinkLife. NotFound; a folder is Invalid with code "is_folder", a life that is none "invalid_life". One who is kept to a folder gets NotFound.
func (s *Drives) DownloadLink(ctx context.Context, driveID string, path Path, life time.Duration) (node Node, code string, expires time.Time, err error) {
	if err := unlimited(ctx, driveID); err != nil { // a link tells the whole path
		return node, "", expires, fault.Wrap(err, "drive.DownloadLink")
	}
	if life == 0 {
		life = DefaultLinkLife
	}
	if life < 0 || life > MaxLinkLife {
		return node, "", expires, fault.New(fault.Invalid, "drive.DownloadLink", "A link lives for at most 24 hours.").WithCode("invalid_life")
	}
	if node, err = s.Stat(ctx, driveID, path); err == nil && node.Folder {
		err = isFolder()
	}
	if err != nil {
		return node, "", expires, fault.Wrap(err, "drive.DownloadLink")
	}
	key, err := s.linkSecret(ctx)
	if err != nil {
		return node, "", expires, fault.Wrap(err, "drive.DownloadLink")
	}
	expires = s.o.Now().Add(life).Truncate(time.Second)
	until := strconv.FormatInt(expires.Unix(), 36)
	mac := linkMAC(key, driveID, until, node.Path)
	return node, driveID + "." + until + "." + base64.RawURLEncoding.EncodeToString(mac), expires, nil
}

// LinkedDrive answers whose drive a code of DownloadLink opens, for this path and no other. NotFound for every other code; Gone with
// code "link_expired".
func (s *Drives) LinkedDrive(ctx context.Context, code string, path Path) (driveID string, err error) {
	wrong := fault.New(fault.NotFound, "drive.LinkedDrive", "")
	parts := strings.Split(code, ".")
	if len(parts) != 3 || !sqldb.ValidID(parts[0]) || len(parts[1]) > 13 {
		return "", wrong
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(mac) != sha256.Size {
		return "", wrong
	}
	key, err := s.linkSecret(ctx)
	if err != nil {
		return "", fault.Wrap(err, "drive.LinkedDrive")
	}
	if !hmac.Equal(mac, linkMAC(key, parts[0], parts[1], path)) {
		return "", wrong
	}
	until, err := strconv.ParseInt(parts[1], 36, 64)
	if err != nil {
		return "", wrong
	}
	if !s.o.Now().Before(time.Unix(until, 0)) {
		return "", fault.New(fault.Gone, "drive.LinkedDrive", "This link has expired.").WithCode("link_expired")
	}
	return parts[0], nil
}

// linkMAC is over all that a link says. Neither an id nor a number nor a path holds a NUL.
func linkMAC(key []byte, driveID, until string, path Path) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("download\x00" + driveID + "\x00" + until + "\x00" + string(path)))
	return h.Sum(nil)
}

// theLinkKey is the id of the one row of link_keys.
const theLinkKey = "download"

// linkSecret is the key of the codes, the same on every node. It is made when it is first needed.
func (s *Drives) linkSecret(ctx context.Context) ([]byte, error) {
	if key := s.linkKey.Load(); key != nil {
		return *key, nil
	}
	const find = `SELECT secret FROM link_keys WHERE id = $1`
	var key []byte
	err := s.db.Row(ctx, find, []any{theLinkKey}, &key)
	if sqldb.NoRow(err) {
		fresh := make([]byte, sha256.Size)
		_, _ = rand.Read(fresh) // it never fails
		if _, err := s.db.Exec(ctx, `INSERT INTO link_keys (id, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			theLinkKey, fresh, sqldb.Micros(s.o.Now())); err != nil {
			return nil, err
		}
		err = s.db.Row(ctx, find, []any{theLinkKey}, &key) // another node may have been first
	}
	if err != nil {
		return nil, err
	}
	s.linkKey.Store(&key)
	return key, nil
}
