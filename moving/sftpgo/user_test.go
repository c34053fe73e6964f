package sftpgo_test

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sftpgo/sdk"
	"github.com/sftpgo/sdk/kms"

	"github.com/satchelhq/satchel/moving/sftpgo"
)

func options() sftpgo.Options {
	return sftpgo.Options{Here: func(folder string) string { return "/old" + folder }, Now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
}

// backup is SFTPGo's BackupData, of the types that it publishes.
type backup struct {
	Users   []sdk.User              `json:"users"`
	Groups  []sdk.Group             `json:"groups"`
	Folders []sdk.BaseVirtualFolder `json:"folders"`
	Admins  []any                   `json:"admins"`
	Shares  []map[string]string     `json:"shares"`
	Version int                     `json:"version"`
}

// user is an account as most are, but for what change does to it.
func user(name string, change func(u *sdk.User)) sdk.User {
	u := sdk.User{BaseUser: sdk.BaseUser{Status: 1, Username: name, Password: "$2a$04$R3lyAfefSWLQqNr/Vi4czeMVP4tSCKSQm1ss/NaIMiY/z52OxTE4q", HomeDir: "/srv/sftpgo/data/" + name,
		Permissions: map[string][]string{"/": {"*"}}, CreatedAt: 1700000000000, HasPassword: true}}
	change(&u)
	return u
}

// at is a virtual folder of a user or group. What it is, says the list of folders.
func at(name, path string) sdk.VirtualFolder {
	return sdk.VirtualFolder{BaseVirtualFolder: sdk.BaseVirtualFolder{Name: name}, VirtualPath: path, QuotaSize: -1, QuotaFiles: -1}
}

func in(provider sdk.FilesystemProvider) sdk.Filesystem { return sdk.Filesystem{Provider: provider} }

func write(t *testing.T, dump any) string {
	t.Helper()
	text, err := json.Marshal(dump)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dump.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUsersOfSFTPGo(t *testing.T) {
	groups := []sdk.Group{
		{BaseGroup: sdk.BaseGroup{Name: "office"}, VirtualFolders: []sdk.VirtualFolder{at("team", "/office/%username%"), at("team", "/own")}},
		{BaseGroup: sdk.BaseGroup{Name: "first"}, UserSettings: sdk.GroupUserSettings{BaseGroupUserSettings: sdk.BaseGroupUserSettings{HomeDir: "/srv/first/%role%/%username%", QuotaSize: 500}}},
		{BaseGroup: sdk.BaseGroup{Name: "guests"}, UserSettings: sdk.GroupUserSettings{BaseGroupUserSettings: sdk.BaseGroupUserSettings{ExpiresIn: 30, Permissions: map[string][]string{"/hr": {}}}}},
		{BaseGroup: sdk.BaseGroup{Name: "keys"}, UserSettings: sdk.GroupUserSettings{BaseGroupUserSettings: sdk.BaseGroupUserSettings{Filters: sdk.BaseUserFilters{
			DeniedLoginMethods: []string{"password"}, AllowedIP: []string{"192.0.2.0/24"}, FilePatterns: []sdk.PatternsFilter{{Path: "/", DeniedPatterns: []string{"*.key"}}}}}}},
		{BaseGroup: sdk.BaseGroup{Name: "cloud"}, UserSettings: sdk.GroupUserSettings{FsConfig: in(sdk.AzureBlobFilesystemProvider)}},
	}
	folders := []sdk.BaseVirtualFolder{
		{Name: "team", MappedPath: "/srv/sftpgo/team"}, {Name: "cloud", FsConfig: in(sdk.GCSFilesystemProvider)}, {Name: "secret", MappedPath: "/srv/secret", FsConfig: in(sdk.CryptedFilesystemProvider)},
	}
	var got []string
	var dump backup
	var want []string
	for _, c := range []struct {
		user sdk.User
		want string
	}{
		{user("ann", func(u *sdk.User) {
			u.Email, u.QuotaSize, u.Password = "ann@example.org", 100000000, "$argon2id$v=19$m=64,t=1,p=2$c2l4dGVlbiBieXRlcy4uLg$o6Bu6BygVbdAGCV33QwhhLV1rE5lmL67guTdkZjAGxY"
			u.VirtualFolders = []sdk.VirtualFolder{at("team", "/shared/team"), at("secret", "/s")}
		}), "ann ann@example.org $ar 100000000 /old/srv/sftpgo/data/ann→/ /old/srv/sftpgo/team→/shared/team; the folder /s is in an encrypted local folder, which is not read: take it over yourself; had 1 shares, which end"},
		{user("mia@example.org", func(u *sdk.User) {
			u.Status, u.PublicKeys, u.Permissions = 0, []string{"ssh-ed25519 AAAA mia"}, map[string][]string{"/": {"list", "download"}, "/up": {"*"}}
			u.Groups = []sdk.GroupMapping{{Name: "office", Type: sdk.GroupTypeSecondary}, {Name: "first", Type: sdk.GroupTypeMembership}, {Name: "gone", Type: 1}}
			u.VirtualFolders = []sdk.VirtualFolder{{BaseVirtualFolder: sdk.BaseVirtualFolder{Name: "unlisted", MappedPath: "/srv/own"}, VirtualPath: "/own"}}
		}), "mia@example.org  $2a disabled /old/srv/sftpgo/data/mia@example.org→/ /old/srv/own→/own /old/srv/sftpgo/team→/office/mia@example.org; could not sign in there, and cannot here: satchel user enable mia@example.org; " +
			"had permissions for some folders only, and may do everything in the own drive here; had 1 public keys, for which there is no use here"},
		{user("eva", func(u *sdk.User) {
			u.FsConfig, u.Password, u.VirtualFolders = in(sdk.S3FilesystemProvider), "$6$salt$hash", []sdk.VirtualFolder{at("cloud", "/cloud")}
		}), "eva  $6$; the files are in S3, which is not read: take them over yourself; the folder /cloud is in Google Cloud Storage, which is not read: take it over yourself"},
		{user("kim", func(u *sdk.User) { u.HomeDir = "data/kim" }), `kim  $2a stays: the home directory "data/kim" is no path that begins with /`},
		{user("lea", func(u *sdk.User) {
			u.ExpirationDate, u.VirtualFolders = 1700000000000, []sdk.VirtualFolder{at("nowhere", "/")}
			u.Filters.TOTPConfig = sdk.TOTPConfig{Enabled: true, ConfigName: "Default", Secret: kms.BaseSecret{Status: "Secretbox", Payload: "x"}}
		}), `lea  $2a disabled /old/srv/sftpgo/data/lea→/; could not sign in there, and cannot here: satchel user enable lea; the folder "/" from "" does not come along; had a second factor, which has to be set up anew`},
		{user("joy", func(u *sdk.User) {
			u.Role, u.Groups, u.ExpirationDate = "staff", []sdk.GroupMapping{{Name: "first", Type: sdk.GroupTypePrimary}}, 4000000000000
		}), "joy  $2a 500 /old/srv/first/staff/joy→/"},
		{user("sky", func(u *sdk.User) { u.Groups = []sdk.GroupMapping{{Name: "cloud", Type: sdk.GroupTypePrimary}} }),
			"sky  $2a; the files are in Azure Blob Storage, which is not read: take them over yourself"},
		{user("gus", func(u *sdk.User) { u.Groups = []sdk.GroupMapping{{Name: "guests", Type: sdk.GroupTypePrimary}} }),
			"gus  $2a disabled /old/srv/sftpgo/data/gus→/; could not sign in there, and cannot here: satchel user enable gus; had permissions for some folders only, and may do everything in the own drive here"},
		{user("guy", func(u *sdk.User) {
			u.Groups, u.ExpirationDate = []sdk.GroupMapping{{Name: "guests", Type: sdk.GroupTypePrimary}}, 4000000000000
		}), "guy  $2a /old/srv/sftpgo/data/guy→/; had permissions for some folders only, and may do everything in the own drive here"},
		{user("kay", func(u *sdk.User) { u.Groups = []sdk.GroupMapping{{Name: "keys", Type: sdk.GroupTypeSecondary}} }),
			"kay  - /old/srv/sftpgo/data/kay→/; could not sign in there by password; could sign in there from some addresses or at some times only, and can here from everywhere; was not allowed to see or make files of some names there, and is here"},
	} {
		dump.Users, want = append(dump.Users, c.user), append(want, c.want)
	}
	dump.Groups, dump.Folders, dump.Version, dump.Shares = groups, folders, 17, []map[string]string{{"id": "s", "username": "ann"}}
	all, err := sftpgo.Households(write(t, dump), options())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range all {
		line := h.Name + " " + h.Email + " " + cmp.Or(h.Hash, "---")[:1+min(2, len(h.Hash))]
		if h.Quota != nil {
			line += " " + strconv.FormatInt(*h.Quota, 10)
		}
		if h.Disabled {
			line += " disabled"
		}
		for _, b := range h.Folders {
			line += " " + b.From + "→" + string(b.To)
		}
		if h.Left != nil {
			line += " stays: " + h.Left.Error()
		}
		got = append(got, strings.Join(append([]string{line}, h.Notes...), "; "))
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("user %d: got\n%s\nwant\n%s", i, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestWhatIsNoDump(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                          "is no dump of SFTPGo",
		`"users"`:                     "is no dump of SFTPGo",
		`{"version": 17}`:             "no dump of SFTPGo with users",
		`{"users": []}`:               "no dump of SFTPGo with users",
		`{"users": 1, "version": 17}`: "is no dump of SFTPGo",
	} {
		if all, err := sftpgo.Households(write(t, json.RawMessage(text)), options()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", text, all, err)
		}
	}
	if _, err := sftpgo.Households("", options()); err == nil {
		t.Error("a file that is not there is read")
	}
}
