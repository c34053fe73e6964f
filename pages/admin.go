package pages

import (
	"strings"
	"time"
)

// AdminFrame is what every page for administrators has.
type AdminFrame struct {
	Frame
	Here string   // address of this section
	Done *Message // what the form that was sent did; nil if none was sent
}

// Sections are the parts, to go to.
func (AdminFrame) Sections() []Section {
	return []Section{
		{"/admin", "admin.section.overview"},
		{"/admin/users", "admin.section.users"},
		{"/admin/uploads", "admin.section.uploads"},
		{"/admin/newcomers", "admin.section.newcomers"},
		{"/admin/audit", "admin.section.audit"},
	}
}

// Overview is the page with how the server is doing.
type Overview struct {
	AdminFrame
	Version                         string
	Users, Disabled, Administrators int64
	Used                            int64 // bytes
	Files, Folders                  int64
	Counted                         time.Time // zero if files were not counted
	Uploads                         int64
	Disk                            Disk
	StoreFailed                     bool
	Scrub                           Scrub
	Jobs                            []Job
}

// Scrub is how content is read again, to see whether it is still what it was.
type Scrub struct {
	Damaged int64     // contents
	Whole   time.Time // when all was last read; zero if it never was
	Never   bool      // it is not to be read
}

// Disk is the room for content, in bytes. A total of 0 is that it is not known.
type Disk struct{ Free, Total int64 }

// Taken is what is not free.
func (d Disk) Taken() int64 { return d.Total - d.Free }

// High is from where on the bar warns: nine tenths.
func (d Disk) High() int64 { return d.Total / 10 * 9 }

// Job is a background job.
type Job struct {
	Name     string
	Failures int       // in a row; 0 if the last run went well
	Ended    time.Time // of the last run
	Well     time.Time // zero if none ever ended well
}

// Failing are the jobs whose last run failed.
func (v Overview) Failing() (all []Job) {
	for _, j := range v.Jobs {
		if j.Failures > 0 {
			all = append(all, j)
		}
	}
	return all
}

// Overview renders the page with how the server is doing.
func (e *Edition) Overview(v Overview) ([]byte, error) { return e.render("admin", v) }

// AdminUploads is the page with the uploads of everybody that are under way.
type AdminUploads struct {
	AdminFrame
	Items []AdminUpload
	Next  string // address of the page with older ones; empty if there are none
}

// AdminUpload is one of them. How its file is called is not told.
type AdminUpload struct {
	ID, User, UserAddress    string // User is empty while the account is being removed
	Kind                     string // a key below admin.uploads.kind
	MediaType                string // may be empty
	Size                     int64  // negative if it is not known
	Offset                   int64
	Created, Active, Expires time.Time
}

// AdminUploads renders the page with the uploads of everybody that are under way.
func (e *Edition) AdminUploads(v AdminUploads) ([]byte, error) { return e.render("admin-uploads", v) }

// Newcomers is the page with how accounts are made.
type Newcomers struct {
	AdminFrame
	Registration, Verify string // keys below admin.newcomers
	Made                 *MadeInvitation
	MadeUser             *MadeUser
	Invitations          []Invitation
	NextInvitations      string // address of the page with older ones; empty if there are none
	Newest               []Person
	Invite               InviteForm
	NewUser              NewUserForm
	Of                   string // which form the problem is about: "invite" or "make-user"
}

// ProblemOf is the problem of a form.
func (v Newcomers) ProblemOf(form string) *Problem {
	if v.Of != form {
		return nil
	}
	return v.Problem
}

// MadeInvitation is an invitation whose link is shown this once.
type MadeInvitation struct {
	Note, Link string
	Uses       int
	Expires    time.Time
}

// MadeUser is an account whose password is shown this once.
type MadeUser struct{ Username, Password, Address string }

// Invitation is one that was made.
type Invitation struct {
	ID, Note         string
	Uses, Used       int
	Created, Expires time.Time
	Ended            bool // expired, or used up
}

// InviteForm is what was filled in.
type InviteForm struct{ Uses, Days, Note string }

// NewUserForm is what was filled in.
type NewUserForm struct {
	Username, Email, Quota string
	Admin                  bool
}

// Newcomers renders the page with how accounts are made.
func (e *Edition) Newcomers(v Newcomers) ([]byte, error) { return e.render("admin-newcomers", v) }

// Audit is the page with the audit log.
type Audit struct {
	AdminFrame
	Filter AuditFilter
	Events []string // all that there are
	Lines  []AuditLine
	Next   string // address of the page with earlier lines; empty if there are none
}

// AuditFilter is what was filled in.
type AuditFilter struct{ User, Event, Since, Until, Address string }

// Set reports whether anything was.
func (f AuditFilter) Set() bool { return f != AuditFilter{} }

// AuditLine is a line of the audit log. Its texts are a stranger's.
type AuditLine struct {
	At              time.Time
	Event           string // as the audit log has it
	UserID, User    string // whose account; User is empty when it is gone
	ActorID, Actor  string
	Address, Detail string
	Device          Device
	Times           int64
	Here            bool // it is on the page of the account that it is about
}

// ByOwner reports whether the account's owner did it.
func (l AuditLine) ByOwner() bool { return l.ActorID != "" && l.ActorID == l.UserID }

// ByNobody reports whether it is not known who did it: a stranger, or the command line, which has no address.
func (l AuditLine) ByNobody() bool { return l.ActorID == "" }

// Audit renders the page with the audit log.
func (e *Edition) Audit(v Audit) ([]byte, error) { return e.render("admin-audit", v) }

// shortID is enough of an id to tell it from others on a page.
func shortID(id string) string { return strings.ToUpper(id[max(0, len(id)-6):]) }
