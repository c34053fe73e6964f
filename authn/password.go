package authn

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
)

// The bounds of a password. Any UTF-8 is welcome in it.
const (
	MinPassword = 8    // characters
	MaxPassword = 1024 // bytes
)

// cost is what argon2id is told to spend (RFC 9106, section 3.1).
type cost struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// owasp is the cost that OWASP recommends for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one thread.
func owasp() cost { return cost{memory: 19 << 10, time: 2, threads: 1} }

const (
	saltSize = 16
	hashSize = 32
	// maxHashing bounds how many have a hash computed or wait for one. At some 30 ms a hash and two at a time, the last one waits four seconds.
	maxHashing = 256
)

// hasher hashes passwords, a bounded number at once: each takes 19 MiB and a core.
type hasher struct {
	cost     cost // of new hashes; a hash of another cost or kind is replaced at the next sign-in
	slots    chan struct{}
	large    chan struct{} // whose turn it is of hashes that take more memory than ours, which come from other servers: one at a time, so that they don't add up
	waiting  atomic.Int64
	computed atomic.Int64
	decoy    string // a hash that no password has, for accounts that do not exist
}

func newHasher(parallel int) *hasher {
	return &hasher{
		cost:  owasp(),
		slots: make(chan struct{}, parallel),
		large: make(chan struct{}, 1),
		decoy: encodePHC(owasp(), make([]byte, saltSize), make([]byte, hashSize)),
	}
}

// hash makes the PHC string of a password. Busy if too many wait.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	key, err := h.derive(ctx, password, h.cost, salt, hashSize)
	if err != nil {
		return "", err
	}
	return encodePHC(h.cost, salt, key), nil
}

// verify reports whether the password has this hash, and whether the hash is of another cost or kind than today's.
func (h *hasher) verify(ctx context.Context, phc, password string) (ok, outdated bool, err error) {
	if isBcrypt(phc) { // of another server
		err = h.inTurn(ctx, 0, func() (err error) {
			ok, err = matchBcrypt(phc, password)
			return err
		})
		return ok, true, fault.Wrap(err, "authn.verify")
	}
	c, salt, want, err := decodePHC(phc)
	if err != nil {
		return false, false, fault.As(fault.Internal, "authn.verify", err)
	}
	got, err := h.derive(ctx, password, c, salt, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, c != h.cost, nil
}

func (h *hasher) derive(ctx context.Context, password string, c cost, salt []byte, size uint32) (key []byte, err error) {
	err = h.inTurn(ctx, c.memory, func() error {
		key = argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, size)
		return nil
	})
	return key, err
}

// inTurn computes a hash, which takes so many KiB, when there is a slot for it. Busy if too many wait.
func (h *hasher) inTurn(ctx context.Context, memory uint32, compute func() error) error {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > maxHashing {
		return fault.New(fault.Busy, "authn.derive", "Too many people are signing in. Try again in a moment.").WithCode("sign_in_busy")
	}
	if memory > h.cost.memory {
		select {
		case h.large <- struct{}{}:
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), "authn.derive")
		}
		defer func() {
			runtime.GC() // before the next one takes as much
			<-h.large
		}()
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), "authn.derive")
	}
	defer func() { <-h.slots }()
	defer h.tidy()
	return compute()
}

// tidy has the memory of hashes collected while others wait for theirs. The collector lets the heap double first: in a flood of sign-ins that would be
// some hashes more of 19 MiB each than are being computed. It takes a millisecond or two for every few hashes of 30.
func (h *hasher) tidy() {
	if h.computed.Add(1)%int64(cap(h.slots)) == 0 && h.waiting.Load() > int64(cap(h.slots)) {
		runtime.GC()
	}
}

// preparePassword answers the form of a password that is hashed: NFC, as the OpaqueString profile has it
// (RFC 8265, section 4.2.2), because one keyboard composes what another does not. ok is false for what
// no account's password can be.
func preparePassword(password string) (prepared string, ok bool) {
	if len(password) > MaxPassword || !utf8.ValidString(password) {
		return "", false
	}
	prepared = norm.NFC.String(password)
	return prepared, utf8.RuneCountInString(prepared) >= MinPassword
}

// encodePHC spells a hash as the PHC string format has it: $argon2id$v=19$m=…,t=…,p=…$SALT$HASH.
func encodePHC(c cost, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		c.memory, c.time, c.threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// decodePHC reads what encodePHC wrote. Costs far above any sensible one are refused, since they would stop the server.
func decodePHC(s string) (c cost, salt, key []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return cost{}, nil, nil, fmt.Errorf("password hash: not argon2id of version %d", argon2.Version)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil {
		return cost{}, nil, nil, fmt.Errorf("password hash: parameters: %w", err)
	}
	if c.memory > 1<<20 || c.time < 1 || c.time > 64 || c.threads < 1 || c.threads > 64 {
		return cost{}, nil, nil, fmt.Errorf("password hash: parameters out of bounds: %s", parts[3])
	}
	if salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil {
		return cost{}, nil, nil, fmt.Errorf("password hash: salt: %w", err)
	}
	if key, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil {
		return cost{}, nil, nil, fmt.Errorf("password hash: %w", err)
	}
	if len(key) < 16 || len(key) > 64 {
		return cost{}, nil, nil, fmt.Errorf("password hash: %d bytes long", len(key))
	}
	return c, salt, key, nil
}
