package authn

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// The bounds of a hash that another server made: what it costs is spent at a sign-in, beside others who wait for theirs.
const (
	maxForeignMemory = 128 << 10 // KiB
	maxForeignTime   = 16        // passes
	maxForeignBcrypt = 13        // about half a second
	maxForeign       = 512       // bytes
)

// What stands in a bcrypt hash: the cost in front, 22 characters of salt and 31 of the hash.
const (
	bcryptSalt     = len("$2a$10$")
	bcryptLength   = bcryptSalt + 22 + 31
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// CheckForeignHash says why a hash of a password that another server made cannot be taken over (NewUser.Hash); nil if it can. These can: bcrypt ("$2a$",
// "$2b$", "$2y$"), and argon2id as a PHC string. Both are replaced by a hash of ours when their owner signs in for the first time.
func CheckForeignHash(hash string) error {
	if len(hash) > maxForeign {
		return fmt.Errorf("password hash: %d bytes long", len(hash))
	}
	if isBcrypt(hash) {
		cost, err := bcrypt.Cost([]byte(hash))
		if err != nil {
			return fmt.Errorf("password hash: %w", err)
		}
		if len(hash) != bcryptLength || strings.Trim(hash[bcryptSalt:], bcryptAlphabet) != "" {
			return errors.New("password hash: bcrypt that is cut off or holds what it cannot hold")
		}
		if cost > maxForeignBcrypt {
			return fmt.Errorf("password hash: bcrypt with a cost of %d, which is more than %d", cost, maxForeignBcrypt)
		}
		return nil
	}
	c, salt, key, err := decodePHC(hash)
	if err == nil && encodePHC(c, salt, key) != hash {
		err = errors.New("password hash: argon2id with parameters that are not known here")
	}
	if err == nil && (c.memory > maxForeignMemory || c.time > maxForeignTime) {
		err = fmt.Errorf("password hash: argon2id with %d KiB and %d passes, which is more than %d and %d", c.memory, c.time, maxForeignMemory, maxForeignTime)
	}
	return err
}

func isBcrypt(hash string) bool {
	return strings.HasPrefix(hash, "$2a$") || strings.HasPrefix(hash, "$2b$") || strings.HasPrefix(hash, "$2y$")
}

// matchBcrypt reports whether a password has a bcrypt hash. bcrypt sees the first 72 bytes of a password and no more.
func matchBcrypt(hash, password string) (bool, error) {
	err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	return err == nil, err
}
