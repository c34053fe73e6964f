package drive

import (
	"context"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/fault"
)

// Limit keeps a caller to a part of a drive. The zero value keeps nobody.
type Limit struct {
	Folder   string // id of the folder that is all there is of the drive; empty for the whole drive
	ReadOnly bool
}

// limit is a Limit as a request's context carries it. The rules ask for it where paths, ids and uploads are looked up, and where drives
// are changed, so that whatever a door does, and whatever door comes next, nothing gets around it:
//
//   - resolve and locate answer NotFound for what is not in the folder. They look at the ids on the way, in the transaction of
//     what is done, so that no path leads out of it, nor does a folder that is renamed meanwhile.
//   - edit and what else changes rows refuse everything to one who may only read.
//   - uploads know the folder to which their beginner was kept (Upload.within): nobody kept to a folder sees another one's, and they
//     end in the folder, whoever ends them.
//
// Doors speak of paths below the folder. [Inside] and [Shown] translate; a door that forgot to would find nothing.
type limit struct {
	Limit
	driveID string
	share   string // id of the drop box that this is for (drop.go); empty if it is for none
	top     Path   // where the folder was when the request began
}

type limitKey struct{}

// topKey is a folder of a drive.
type topKey struct{ drive, folder string }

// WithLimit keeps every call with the context that it answers to l, in this one drive. Forbidden with code "folder_gone" if the folder is
// in the trash, or removed for good.
func (s *Drives) WithLimit(ctx context.Context, driveID string, l Limit) (context.Context, error) {
	kept := &limit{Limit: l, driveID: driveID, top: Root}
	if l.Folder != "" {
		key := topKey{driveID, l.Folder}
		top, mark, known := s.tops.Find(key)
		if !known {
			at, err := locate(ctx, s.db, driveID, l.Folder)
			if fault.Is(err, fault.NotFound) || err == nil && !at.node.Folder {
				return nil, fault.New(fault.Forbidden, "drive.WithLimit", "The folder that these credentials open is not there any more.").WithCode("folder_gone")
			}
			if err != nil {
				return nil, fault.Wrap(err, "drive.WithLimit")
			}
			top = at.path
			s.tops.Keep(key, mark, top)
		}
		kept.top = top
	}
	return context.WithValue(ctx, limitKey{}, kept), nil
}

// limitOf is what ctx is kept to; nil if it is to nothing.
func limitOf(ctx context.Context) *limit {
	l, _ := ctx.Value(limitKey{}).(*limit)
	return l
}

// keptTo is the id of the folder that ctx is kept to; empty if it is to none.
func keptTo(ctx context.Context) string {
	if l := limitOf(ctx); l != nil {
		return l.Folder
	}
	return ""
}

// within keeps what is done for an upload to the folder that its beginner was kept to, whoever does it.
func within(ctx context.Context, u Upload) context.Context {
	if u.within == "" {
		return ctx
	}
	return context.WithValue(ctx, limitKey{}, &limit{Limit: Limit{Folder: u.within}, driveID: u.DriveID, top: Root})
}

// Top is the folder that ctx is kept to, as a path in the drive; Root if it is to none.
func Top(ctx context.Context) Path {
	if l := limitOf(ctx); l != nil {
		return l.top
	}
	return Root
}

// ReadOnly reports whether ctx may change nothing.
func ReadOnly(ctx context.Context) bool {
	l := limitOf(ctx)
	return l != nil && l.ReadOnly
}

// Inside is the path in the drive of what a caller calls p. TooLarge if that gets too long or too deep.
func Inside(ctx context.Context, p Path) (Path, error) {
	top := Top(ctx)
	switch {
	case top == Root:
		return p, nil
	case p == Root:
		return top, nil
	}
	return ParsePath(string(top) + string(p))
}

// Shown is what a caller calls the path p in the drive: the reverse of Inside. What is not in the caller's folder is shown as its top.
func Shown(ctx context.Context, p Path) Path { return p.Below(Top(ctx)) }

// Below is the path as it is seen from a folder above it: Root for the folder itself, and for what is not in it.
func (p Path) Below(folder Path) Path {
	if folder == Root {
		return p
	}
	names, depth := p.Names(), len(folder.Names())
	if !p.Within(folder) || len(names) == depth {
		return Root
	}
	return Path("/" + strings.Join(names[depth:], "/"))
}

// confine refuses a place that is not in the folder that ctx is kept to.
func confine(ctx context.Context, driveID string, p *place) error {
	l := limitOf(ctx)
	if l == nil {
		return nil
	}
	if err := ofDrive(ctx, driveID); err != nil {
		return err
	}
	if l.Folder != "" && !slices.ContainsFunc(p.chain, func(at link) bool { return at.id == l.Folder }) {
		return fault.New(fault.NotFound, "drive.confine", "").WithPath(string(p.path))
	}
	p.top = l.Folder
	return nil
}

// writable refuses whoever may only read, and whoever is kept to another drive.
func writable(ctx context.Context, driveID string) error {
	if ReadOnly(ctx) {
		return fault.New(fault.Forbidden, "drive.writable", "These credentials are for reading only.").WithCode("read_only")
	}
	return ofDrive(ctx, driveID)
}

// ofDrive refuses whoever is kept to another drive.
func ofDrive(ctx context.Context, driveID string) error {
	if l := limitOf(ctx); l != nil && l.driveID != driveID {
		return fault.New(fault.NotFound, "drive.ofDrive", "")
	}
	return nil
}

// unlimited refuses what is about the whole drive to one who is kept to a folder, or to another drive.
func unlimited(ctx context.Context, driveID string) error {
	if keptTo(ctx) != "" {
		return fault.New(fault.NotFound, "drive.unlimited", "")
	}
	return ofDrive(ctx, driveID)
}

// sees reports whether an upload is one that ctx may know of: of those who are kept to a folder, each knows what was begun by one
// who was kept to the same. What came by the link of a drop box is known there alone, and nothing else is.
func sees(ctx context.Context, u Upload) bool {
	if u.share != "" && ctx.Value(ownKey{}) != nil {
		return true
	}
	l := limitOf(ctx)
	return sharedBy(ctx) == u.share && (l == nil || u.DriveID == l.driveID && (l.Folder == "" || u.within == l.Folder))
}

// discreet takes out of an error what would tell one who is kept to a folder how much the rest of the drive holds.
func discreet(ctx context.Context, err error) error {
	if code, _, _ := fault.Public(err); err == nil || code != "quota_exceeded" || keptTo(ctx) == "" {
		return err
	}
	return &fault.Error{Kind: fault.Full, Op: "drive.quota", Code: "quota_exceeded", Public: "The drive is full.", Err: err}
}
