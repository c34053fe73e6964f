package filebrowser

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/moving"
)

// user is what is read of users.User.
type user struct {
	ID       uint
	Username string
	Password string // bcrypt
	Scope    string // below server.Root
	Perm     struct {
		Admin, Create, Rename, Modify, Delete, Download bool
	}
	Rules []json.RawMessage
}

// server is what is read of settings.Server.
type server struct{ Root string }

// Buckets of storm: the name of the type, or the one that settings are kept in.
const (
	usersBucket  = "User"
	linksBucket  = "Link"
	configBucket = "config"
	serverKey    = "server"
	settingsKey  = "settings"
)

// Options are what the database does not say.
type Options struct {
	// Here answers where a folder of the other server is on this machine.
	Here func(folder string) string
}

// Households are the users in a database, in the order of their ids. File Browser must not be running: it holds its database.
func Households(file string, o Options) ([]moving.Household, error) {
	if _, err := os.Stat(file); err != nil { // bbolt makes what is not there
		return nil, err
	}
	db, err := bbolt.Open(file, 0, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is in use: stop File Browser first", file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	defer db.Close() // it was only read
	all, err := households(db, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// households reads what is in the database. bbolt trusts its pages and takes them from where the file is mapped: of one that is cut off or torn, as a copy
// is that was made while File Browser ran, it panics, or reads where there is nothing.
func households(db *bbolt.DB, o Options) (all []moving.Household, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if why := recover(); why != nil {
			all, err = nil, fmt.Errorf("it is damaged, or was copied while File Browser ran: %v", why)
		}
	}()
	err = db.View(func(tx *bbolt.Tx) error {
		users := tx.Bucket([]byte(usersBucket))
		if users == nil {
			return errors.New("it is no database of File Browser: it has no users")
		}
		root, err := rootOf(tx)
		if err == nil && !filepath.IsAbs(o.Here(root)) {
			err = fmt.Errorf("its root %q is a path from where File Browser was started: say where that is here, with --at %s=FOLDER", root, root)
		}
		if err != nil {
			return err
		}
		links := linksOf(tx)
		rules, err := rulesOf(tx)
		if err != nil {
			return err
		}
		return users.ForEach(func(key, row []byte) error {
			if row == nil || strings.HasPrefix(string(key), "__storm") { // an index, or what storm knows of the bucket
				return nil
			}
			var u user
			if err := json.Unmarshal(row, &u); err != nil {
				return fmt.Errorf("the user %x: %w", key, err)
			}
			u.Rules = append(u.Rules, rules...)
			all = append(all, u.household(root, links[u.ID], o))
			return nil
		})
	})
	return all, err
}

// rootOf is the folder that scopes are in.
func rootOf(tx *bbolt.Tx) (string, error) {
	config := tx.Bucket([]byte(configBucket))
	if config == nil {
		return "", errors.New("it has no settings")
	}
	var s server
	if err := json.Unmarshal(config.Get([]byte(serverKey)), &s); err != nil {
		return "", fmt.Errorf("its settings: %w", err)
	}
	return s.Root, nil
}

// rulesOf are the rules that hold for all users.
func rulesOf(tx *bbolt.Tx) ([]json.RawMessage, error) {
	row := tx.Bucket([]byte(configBucket)).Get([]byte(settingsKey))
	if row == nil {
		return nil, nil
	}
	var s struct{ Rules []json.RawMessage }
	if err := json.Unmarshal(row, &s); err != nil {
		return nil, fmt.Errorf("its settings: %w", err)
	}
	return s.Rules, nil
}

// linksOf counts shared links by the ids of users.
func linksOf(tx *bbolt.Tx) map[uint]int {
	count := map[uint]int{}
	links := tx.Bucket([]byte(linksBucket))
	if links == nil {
		return count
	}
	_ = links.ForEach(func(_, row []byte) error { // they are only counted, so what cannot be read is none
		var l struct{ UserID uint }
		if row != nil && json.Unmarshal(row, &l) == nil && l.UserID != 0 {
			count[l.UserID]++
		}
		return nil
	})
	return count
}

func (u user) household(root string, links int, o Options) moving.Household {
	scope := filepath.Join(root, filepath.FromSlash(path.Clean("/"+u.Scope)))
	h := moving.Household{Name: u.Username, Hash: u.Password, Folders: []moving.Belonging{{From: o.Here(scope), To: drive.Root}}}
	if u.Perm.Admin {
		h.Notes = append(h.Notes, fmt.Sprintf("was an administrator, and is none here: satchel user role %s admin", u.Username))
	}
	if p := u.Perm; !p.Create || !p.Rename || !p.Modify || !p.Delete || !p.Download {
		h.Notes = append(h.Notes, "was not allowed to do everything in the own folder, and is here")
	}
	if len(u.Rules) > 0 {
		h.Notes = append(h.Notes, fmt.Sprintf("had %d rules for what may be seen, which do not come along", len(u.Rules)))
	}
	if links > 0 {
		h.Notes = append(h.Notes, fmt.Sprintf("had %d shared links, which end", links))
	}
	if u.Username == "" {
		h.Left = fs.ErrInvalid
	}
	return h
}
