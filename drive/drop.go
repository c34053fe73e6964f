package drive

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Uploads into a drop box are begun by strangers, with the context that OpenShare answers. BeginUpload knows them by it:
//
//   - They go into the shared folder, wherever that is by then, under the next free name. What a stranger says of folder and
//     conflict counts for nothing, and a hash is not taken: by it a drive finds uploads and content.
//   - Each takes a use of the share, in the transaction that writes it down, and gives it back if it ends without a file.
//   - They are their share's alone (sees): neither the owner nor another link finds them.
//   - They become a file only while the share is there and its folder is not in the trash.
//
// What they set aside is the owner's space, so they live shorter than others.
const (
	dropBegun = 15 * time.Minute // until the first byte
	dropIdle  = 3 * time.Hour    // from each byte to the next
	dropAge   = 48 * time.Hour   // whatever they receive

	maxShareUploads  = 100  // open, of one share
	maxSenderUploads = 30   // of them, of one address
	maxDropped       = 1000 // open, of one drive's shares; and never more than half of Options.MaxOpenUploads
)

// sharedBy is the id of the drop box whose link ctx came by; empty if it came by none.
func sharedBy(ctx context.Context) string {
	if l := limitOf(ctx); l != nil {
		return l.share
	}
	return ""
}

type ownKey struct{}

// asServer marks what the server does by itself: it sees the uploads of strangers too.
func asServer(ctx context.Context) context.Context { return context.WithValue(ctx, ownKey{}, true) }

// admitDrop makes of a new upload one into the drop box that ctx opens, and takes a use. NotFound if there is none left, the share has ended or its
// folder is in the trash; TooMany with code "too_many_uploads"; TooLarge; Invalid with code "length_required" for a length that is not known,
// and with "whole_only" for what is not one whole file.
func (e *edit) admitDrop(ctx context.Context, u *Upload) error {
	gone := fault.New(fault.NotFound, "drive.admitDrop", "")
	if err := u.droppable(); err != nil {
		return err
	}
	var folder string
	var largest int64
	err := e.Row(ctx, `UPDATE shares SET uses = uses + 1, used_at = $3 WHERE id = $1 AND drive_id = $2 AND kind = 'drop' AND (most = 0 OR uses < most)
		AND (expires_at = 0 OR expires_at > $3) RETURNING node_id, max_size`, []any{u.share, e.drive, sqldb.Micros(e.now)}, &folder, &largest)
	if sqldb.NoRow(err) {
		return gone
	}
	if err != nil {
		return err
	}
	if largest > 0 && u.Length > largest {
		return tooLarge(largest)
	}
	var all, ofShare, ofSender int
	if err := e.Row(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN share_id = $2 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN share_id = $2 AND sender = $3 THEN 1 ELSE 0 END), 0)
		FROM uploads WHERE drive_id = $1 AND share_id <> '' AND completed_at = 0 AND gone_at = 0`, []any{e.drive, u.share, u.Sender}, &all, &ofShare, &ofSender); err != nil {
		return err
	}
	if all >= min(maxDropped, max(1, e.s.limits().MaxOpenUploads/2)) || ofShare >= maxShareUploads || ofSender >= maxSenderUploads {
		return fault.New(fault.TooMany, "drive.admitDrop", "Too many files are on their way here just now. Try again later.").WithCode("too_many_uploads").WithWait(time.Minute)
	}
	at, err := locate(ctx, e, e.drive, folder)
	if err != nil {
		return err
	}
	u.Folder, u.Conflict, u.SHA256, u.Concat, u.Parts = at.path, Rename, nil, "", nil
	return u.check() // the path has another length now
}

// dropLives refuses an upload whose share has ended.
func (e *edit) dropLives(ctx context.Context, u Upload) error {
	if u.share == "" {
		return nil
	}
	var one int
	err := e.Row(ctx, `SELECT 1 FROM shares WHERE id = $1 AND (expires_at = 0 OR expires_at > $2)`, []any{u.share, sqldb.Micros(e.now)}, &one)
	if sqldb.NoRow(err) {
		err = noUpload()
	}
	return err
}

// returnUse gives back the use of a share that an upload has which ends without a file.
func (e *edit) returnUse(ctx context.Context, u Upload) error {
	if u.share == "" {
		return nil
	}
	_, err := e.Exec(ctx, `UPDATE shares SET uses = uses - 1 WHERE id = $1 AND uses > 0`, u.share)
	return err
}

// endDrops ends what is on its way into a drop box that is no more. What cannot be ended now expires soon.
func (s *Drives) endDrops(ctx context.Context, driveID, shareID string) {
	ctx = context.WithoutCancel(ctx)
	ids, err := sqldb.All(ctx, s.db, `SELECT id FROM uploads WHERE drive_id = $1 AND share_id = $2 AND share_id <> '' AND completed_at = 0 AND gone_at = 0`,
		[]any{driveID, shareID}, func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
	for _, id := range ids {
		if _, ended := s.endOpen(ctx, driveID, id); ended != nil && !fault.Is(ended, fault.NotFound) { // which it is if it became a file, or ended
			err = ended
		}
	}
	if err != nil {
		s.o.Log.Warn("uploads into a drop box outlive it", "share", shareID, "error", err)
	}
}

// forgetDrop ends an upload that is full and has nowhere to go any more: refused is why.
func (s *Drives) forgetDrop(ctx context.Context, driveID, id string, refused error) error {
	if !fault.Is(refused, fault.NotFound) {
		return refused
	}
	u, err := s.anyUpload(ctx, s.db, driveID, id)
	if err != nil || u.share == "" {
		return refused
	}
	return s.removeUpload(ctx, driveID, id)
}

// DropAddress is what names an upload to the one who began it: its id, and a MAC of it for this share and its password. Whoever has it needs no
// password any more, and whoever shares the link can guess none.
func (s *Drives) DropAddress(ctx context.Context, share Share, id string) (string, error) {
	mac, err := s.shareMAC(ctx, "drop", share.ID, share.password, id)
	return id + "." + base64.RawURLEncoding.EncodeToString(mac[:min(len(mac), shareTokenMAC)]), fault.Wrap(err, "drive.DropAddress")
}

// DropID is the id of the upload that an address of DropAddress names. NotFound for any other text.
func (s *Drives) DropID(ctx context.Context, share Share, address string) (string, error) {
	id, _, _ := strings.Cut(address, ".")
	if !sqldb.ValidID(id) {
		return "", noUpload()
	}
	want, err := s.DropAddress(ctx, share, id)
	if err != nil {
		return "", err
	}
	if !hmac.Equal([]byte(want), []byte(address)) {
		return "", noUpload()
	}
	return id, nil
}

// DropSender is what NewUpload.Sender says of somebody who is counted by a network (origin.ClientNetwork): a MAC, since there is no need to know it itself.
func (s *Drives) DropSender(ctx context.Context, share Share, network string) (string, error) {
	mac, err := s.shareMAC(ctx, "sender", share.ID, network)
	return base64.RawURLEncoding.EncodeToString(mac[:min(len(mac), shareTokenMAC)]), fault.Wrap(err, "drive.DropSender")
}
