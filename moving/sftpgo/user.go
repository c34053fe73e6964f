package sftpgo

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/moving"
)

// maxDump bounds a dump, in bytes: a user has one or two thousand.
const maxDump = 1 << 30

// dump is BackupData.
type dump struct {
	Users   []user   `json:"users"`
	Folders []folder `json:"folders"`
	Groups  []group  `json:"groups"`
	Shares  []struct {
		Username string `json:"username"`
	} `json:"shares"`
	Version int `json:"version"`
}

type user struct {
	Username       string              `json:"username"`
	Email          string              `json:"email"`
	Password       string              `json:"password"`        // hashed
	Status         int                 `json:"status"`          // 1 is active
	ExpirationDate int64               `json:"expiration_date"` // milliseconds since 1970, 0 is never
	HomeDir        string              `json:"home_dir"`
	QuotaSize      int64               `json:"quota_size"` // bytes, 0 is no limit
	PublicKeys     []string            `json:"public_keys"`
	Permissions    map[string][]string `json:"permissions"`
	VirtualFolders []virtual           `json:"virtual_folders"`
	Role           string              `json:"role"`
	Groups         []membership        `json:"groups"`
	Filesystem     filesystem          `json:"filesystem"`
	CreatedAt      int64               `json:"created_at"` // milliseconds since 1970
	Filters        filters             `json:"filters"`
}

// filters is what is read of UserFilters.
type filters struct {
	TOTP struct {
		Enabled bool `json:"enabled"`
	} `json:"totp_config"`
	DeniedLoginMethods []string          `json:"denied_login_methods"`
	AllowedIP          []string          `json:"allowed_ip"`
	DeniedIP           []string          `json:"denied_ip"`
	AccessTime         []json.RawMessage `json:"access_time"`
	FilePatterns       []json.RawMessage `json:"file_patterns"`
}

// passwordMethod is what SFTPGo calls a sign-in by password alone.
const passwordMethod = "password"

// folder is BaseVirtualFolder.
type folder struct {
	Name       string     `json:"name"`
	MappedPath string     `json:"mapped_path"`
	Filesystem filesystem `json:"filesystem"`
}

// virtual is a folder in a user's tree.
type virtual struct {
	folder
	VirtualPath string `json:"virtual_path"`
}

type group struct {
	Name           string    `json:"name"`
	VirtualFolders []virtual `json:"virtual_folders"`
	UserSettings   struct {  // all of users whose primary group it is; filters and permissions also of others
		HomeDir     string              `json:"home_dir"`
		QuotaSize   int64               `json:"quota_size"`
		ExpiresIn   int64               `json:"expires_in"` // days since the user was made
		Permissions map[string][]string `json:"permissions"`
		Filesystem  filesystem          `json:"filesystem"`
		Filters     filters             `json:"filters"`
	} `json:"user_settings"`
}

// membership is GroupMapping.
type membership struct {
	Name string `json:"name"`
	Type int    `json:"type"`
}

func (m membership) rank() int {
	if m.Type == primaryGroup {
		return 0
	}
	return 1
}

// Of what kind a user's group is: GroupTypePrimary and its kin.
const (
	primaryGroup    = 1
	membershipGroup = 3 // nothing comes from it
)

type filesystem struct {
	Provider int `json:"provider"`
}

// providers are what a filesystem may be in: FilesystemProvider.
var providers = [...]string{"a local folder", "S3", "Google Cloud Storage", "Azure Blob Storage", "an encrypted local folder", "another SFTP server", "an HTTP filesystem"}

func (f filesystem) String() string {
	if f.Provider < 0 || f.Provider >= len(providers) {
		return fmt.Sprintf("a filesystem of kind %d", f.Provider)
	}
	return providers[f.Provider]
}

// Options are what the dump does not say.
type Options struct {
	// Here answers where a folder of the other server is on this machine.
	Here func(folder string) string
	Now  time.Time
}

// Households are the users in a dump, as they stand there.
func Households(file string, o Options) ([]moving.Household, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	info, err := f.Stat()
	if err == nil && info.Size() > maxDump {
		err = fmt.Errorf("%s is larger than %d bytes", file, maxDump)
	}
	if err != nil {
		return nil, err
	}
	var d dump
	if err := json.NewDecoder(f).Decode(&d); err != nil {
		return nil, fmt.Errorf("%s is no dump of SFTPGo: %w", file, err)
	}
	if d.Version == 0 || d.Users == nil {
		return nil, fmt.Errorf("%s is no dump of SFTPGo with users", file)
	}
	all := make([]moving.Household, 0, len(d.Users))
	for _, u := range d.Users {
		all = append(all, d.household(u, o))
	}
	return all, nil
}

func (d dump) household(u user, o Options) moving.Household {
	d.inherit(&u)
	h := moving.Household{Name: u.Username, Email: u.Email, Hash: u.Password}
	note := func(format string, args ...any) { h.Notes = append(h.Notes, fmt.Sprintf(format, args...)) }
	if u.QuotaSize > 0 {
		h.Quota = &u.QuotaSize
	}
	expired := u.ExpirationDate > 0 && time.UnixMilli(u.ExpirationDate).Before(o.Now)
	if h.Disabled = u.Status != 1 || expired; h.Disabled {
		note("could not sign in there, and cannot here: satchel user enable %s", u.Username)
	}
	switch {
	case u.Filesystem.Provider != 0:
		note("the files are in %s, which is not read: take them over yourself", u.Filesystem)
	case !filepath.IsAbs(u.HomeDir):
		h.Left = fmt.Errorf("the home directory %q is no path that begins with /", u.HomeDir)
	default:
		h.Folders = append(h.Folders, moving.Belonging{From: o.Here(u.HomeDir), To: drive.Root})
	}
	for _, v := range u.VirtualFolders {
		to, err := drive.ParsePath(v.VirtualPath)
		switch {
		case v.Filesystem.Provider != 0:
			note("the folder %s is in %s, which is not read: take it over yourself", v.VirtualPath, v.Filesystem)
		case err != nil || to == drive.Root || !filepath.IsAbs(v.MappedPath):
			note("the folder %q from %q does not come along", v.VirtualPath, v.MappedPath)
		default:
			h.Folders = append(h.Folders, moving.Belonging{From: o.Here(v.MappedPath), To: to})
		}
	}
	if slices.Contains(u.Filters.DeniedLoginMethods, passwordMethod) {
		h.Hash = ""
	}
	h.Notes = append(h.Notes, d.endings(u)...)
	if u.Username == "" {
		h.Left = errors.New("it has no name")
	}
	return h
}

// endings says what a user had or was that is not so here.
func (d dump) endings(u user) (notes []string) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if slices.Contains(u.Filters.DeniedLoginMethods, passwordMethod) {
		note("could not sign in there by password")
	}
	if len(u.Filters.AllowedIP)+len(u.Filters.DeniedIP)+len(u.Filters.AccessTime) > 0 {
		note("could sign in there from some addresses or at some times only, and can here from everywhere")
	}
	if len(u.Filters.FilePatterns) > 0 {
		note("was not allowed to see or make files of some names there, and is here")
	}
	if len(u.Permissions) != 1 || !slices.Contains(u.Permissions["/"], "*") {
		note("had permissions for some folders only, and may do everything in the own drive here")
	}
	if len(u.PublicKeys) > 0 {
		note("had %d public keys, for which there is no use here", len(u.PublicKeys))
	}
	if u.Filters.TOTP.Enabled {
		note("had a second factor, which has to be set up anew")
	}
	shares := 0
	for _, s := range d.Shares {
		if s.Username == u.Username {
			shares++
		}
	}
	if shares > 0 {
		note("had %d shares, which end", shares)
	}
	return notes
}

// inherit gives a user what comes from groups, as SFTPGo does at a sign-in: the home directory and the filesystem of the primary group, its quota and end
// where the user has none, and virtual folders, permissions and filters of all groups, the primary one first, at paths that are free. What a virtual folder
// is stands in the list of all folders.
func (d dump) inherit(u *user) {
	named := strings.NewReplacer("%username%", u.Username, "%role%", u.Role)
	taken := map[string]bool{}
	for _, v := range u.VirtualFolders {
		taken[v.VirtualPath] = true
	}
	u.VirtualFolders = slices.Clone(u.VirtualFolders)
	u.Permissions = maps.Clone(u.Permissions)
	groups := slices.Clone(u.Groups)
	slices.SortStableFunc(groups, func(a, b membership) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, of := range groups {
		at := slices.IndexFunc(d.Groups, func(g group) bool { return g.Name == of.Name })
		if at < 0 || of.Type == membershipGroup {
			continue
		}
		g := d.Groups[at]
		if of.Type == primaryGroup {
			if g.UserSettings.HomeDir != "" {
				u.HomeDir = named.Replace(g.UserSettings.HomeDir)
			}
			if g.UserSettings.Filesystem.Provider != 0 {
				u.Filesystem = g.UserSettings.Filesystem
			}
			if u.QuotaSize == 0 {
				u.QuotaSize = g.UserSettings.QuotaSize
			}
			if u.ExpirationDate == 0 && g.UserSettings.ExpiresIn > 0 {
				u.ExpirationDate = u.CreatedAt + g.UserSettings.ExpiresIn*(24*time.Hour).Milliseconds()
			}
		}
		u.restrict(g.UserSettings.Filters)
		for path, may := range g.UserSettings.Permissions {
			if _, ok := u.Permissions[path]; of.Type == primaryGroup && path == "/" || path != "/" && !ok {
				if u.Permissions == nil {
					u.Permissions = map[string][]string{}
				}
				u.Permissions[path] = may
			}
		}
		for _, v := range g.VirtualFolders {
			if v.VirtualPath = named.Replace(v.VirtualPath); !taken[v.VirtualPath] {
				taken[v.VirtualPath] = true
				u.VirtualFolders = append(u.VirtualFolders, v)
			}
		}
	}
	for i, v := range u.VirtualFolders {
		for _, f := range d.Folders {
			if f.Name == v.Name {
				u.VirtualFolders[i].folder = f
			}
		}
		u.VirtualFolders[i].MappedPath = named.Replace(u.VirtualFolders[i].MappedPath)
	}
}

// restrict adds the filters of a group.
func (u *user) restrict(by filters) {
	f := &u.Filters
	f.DeniedLoginMethods = slices.Concat(f.DeniedLoginMethods, by.DeniedLoginMethods)
	f.AllowedIP, f.DeniedIP = slices.Concat(f.AllowedIP, by.AllowedIP), slices.Concat(f.DeniedIP, by.DeniedIP)
	f.AccessTime, f.FilePatterns = slices.Concat(f.AccessTime, by.AccessTime), slices.Concat(f.FilePatterns, by.FilePatterns)
}
