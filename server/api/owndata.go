package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/archive"
)

// ownDataRoutes is what users do with all that is theirs.
func (a *api) ownDataRoutes() []route {
	return []route{
		{"DELETE", v1 + "/me", inSession(a.deleteMe)},
		{"GET", v1 + "/me/audit", inSession(a.ownActivity)},
		{"GET", v1 + "/me/export", inSession(a.export)},
	}
}

// deleteMe closes the caller's account. The drive is removed behind the answer.
func (a *api) deleteMe(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	proof, err := readProof(w, r)
	if err != nil {
		return err
	}
	if err := a.accounts.DeleteOwn(r.Context(), p, proof, a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}

// maxExports is how many exports one process sends at once. Each reads whatever its user has, for as long as that takes.
const maxExports = 4

// exports are who is taking all of the own data now.
type exports struct {
	mu    sync.Mutex
	users map[string]bool
}

func newExports() *exports { return &exports{users: map[string]bool{}} }

// begin answers how to end. TooMany while the user has one, Busy while others have all that there are.
func (e *exports) begin(userID string) (end func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.users[userID]:
		return nil, fault.New(fault.TooMany, "api.export", "Your data is being sent already. Wait until that has ended.").WithCode("export_running").WithWait(time.Minute)
	case len(e.users) >= maxExports:
		return nil, fault.New(fault.Busy, "api.export", "Too many people are downloading all of their data. Try again later.").WithCode("exports_busy").WithWait(5 * time.Minute)
	}
	e.users[userID] = true
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.users, userID)
	}, nil
}

// export sends all of the caller's data as a ZIP.
func (a *api) export(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	content := r.URL.Query().Get("content")
	if content != "" && content != "all" && content != drive.ExportFiles {
		return invalid("invalid_fields", []fault.Field{{Name: "content", Code: "invalid", Message: `"all" or "files".`}})
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		archive.Head(w, zipName())
		return nil
	}
	end, err := a.exports.begin(p.UserID)
	if err != nil {
		return err
	}
	defer end()
	profile, err := a.profile(r.Context(), p)
	if err != nil {
		return err
	}
	if err := a.accounts.RecordExport(r.Context(), p, a.client(r)); err != nil {
		return err
	}
	return archive.Send(w, r, zipName(), "all data of user "+p.UserID, func(ctx context.Context, zip *archive.Archive) error {
		takeout := &takeout{a: a, zip: zip, user: p.UserID, all: content != drive.ExportFiles}
		return takeout.run(ctx, profile)
	})
}

// zipName is Content-Disposition for a ZIP with no name of its own.
func zipName() string {
	return `attachment; filename="satchel-` + time.Now().UTC().Format("2006-01-02") + `.zip"`
}

// profileBody is what is known of a user besides the files.
type profileBody struct {
	Exported time.Time                   `json:"exported_at"`
	User     userBody                    `json:"user"`
	Drive    driveBody                   `json:"drive"`
	Records  map[string][]map[string]any `json:"records"`
}

func (a *api) profile(ctx context.Context, p authn.Principal) (profileBody, error) {
	u, err := a.accounts.User(ctx, p.UserID)
	if err != nil {
		return profileBody{}, err
	}
	usage, err := a.drives.Usage(ctx, p.UserID)
	if err != nil {
		return profileBody{}, err
	}
	records, err := a.accounts.OwnRecords(ctx, p.UserID)
	body := profileBody{Exported: time.Now().UTC(), User: userOf(u), Drive: driveBody{Used: usage.Used}, Records: records}
	if usage.Quota >= 0 {
		body.Drive.Quota = &usage.Quota
	}
	return body, err
}

// takeout is an export on its way.
type takeout struct {
	a        *api
	zip      *archive.Archive
	user     string
	all      bool
	manifest manifest
}

// manifest is the last file of an export: what is in it, and what is not.
type manifest struct {
	About   []string    `json:"about"`
	Entries int64       `json:"entries"` // files and folders
	Bytes   int64       `json:"bytes"`   // of their content
	Gone    int64       `json:"gone"`    // how many were removed before their turn came
	Renamed []nameTaken `json:"renamed"` // the first of them
}

// nameTaken is a name that would mean something else to the program that unpacks it.
type nameTaken struct {
	Path    string `json:"path"`
	Archive string `json:"in_archive"`
}

// maxRenamed bounds how many of them the manifest lists.
const maxRenamed = 10_000

func (t *takeout) run(ctx context.Context, profile profileBody) error {
	if err := t.document("profile.json", profile); err != nil {
		return err
	}
	if err := t.activity(ctx); err != nil {
		return err
	}
	if err := t.a.drives.Export(ctx, t.user, t.all, func(x drive.Exported, content blob.Content) error { return t.entry(ctx, x, content) }); err != nil {
		return err
	}
	t.manifest.About = []string{
		"files: your drive. trash: what you removed, each below a name of its own. versions: what your files held before, a folder for each file.",
		"meanwhile: what was made, changed or moved while this archive was written, as it was at the end. It is in the other folders as it was before, or not at all.",
		"gone: how many files were removed for good before their turn came. They are not in here.",
		"renamed: names with a backslash, which some programs take for a folder.",
	}
	return t.document("manifest.json", t.manifest)
}

func (t *takeout) document(name string, v any) error {
	w, err := t.zip.Create(name, time.Now())
	if err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// activity writes what the audit log tells about the user, newest first, one JSON object a line.
func (t *takeout) activity(ctx context.Context) error {
	w, err := t.zip.Create("activity.jsonl", time.Now())
	if err != nil {
		return err
	}
	e := json.NewEncoder(w)
	for next := ""; ; {
		var lines []authn.AuditLine
		if lines, next, err = t.a.accounts.OwnActivity(ctx, t.user, authn.AuditFilter{After: next}); err != nil {
			return err
		}
		for _, l := range lines {
			if err := e.Encode(activityOf(l)); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
	}
}

func (t *takeout) entry(ctx context.Context, x drive.Exported, content blob.Content) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if x.Gone {
		t.manifest.Gone++
		return nil
	}
	name := t.name(x)
	t.manifest.Entries++
	w, err := t.zip.Create(name, x.Modified)
	if err != nil || x.Folder {
		return err
	}
	n, err := io.Copy(w, whileLives{ctx, content})
	if t.manifest.Bytes += n; err == nil && n != x.Size {
		err = fmt.Errorf("%s: %d bytes instead of %d", x.Path, n, x.Size)
	}
	return err
}

// name is where something is in the archive.
func (t *takeout) name(x drive.Exported) string {
	name := archive.Name(x.Path)
	if name != x.Path && len(t.manifest.Renamed) < maxRenamed {
		t.manifest.Renamed = append(t.manifest.Renamed, nameTaken{x.Path, name})
	}
	if x.Folder {
		name += "/"
	}
	return name
}

// whileLives reads until the context ends.
type whileLives struct {
	ctx context.Context
	io.Reader
}

func (r whileLives) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
