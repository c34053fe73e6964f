package certificate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lookEvery is how often the files are read again. Watching them would not see what some programs do: Kubernetes swaps a link above the folder.
	lookEvery = 10 * time.Second
	// maxFile bounds a file, in bytes: whoever names a disk by mistake gets an error and not a full memory.
	maxFile = 1 << 20
	// soonOver is when the log warns of a certificate that nobody has replaced.
	soonOver = 7 * 24 * time.Hour
)

// Files is a certificate and its key in two files, which whoever renews it replaces. It is safe for use by many goroutines.
type Files struct {
	cert, key string
	log       *slog.Logger
	current   atomic.Pointer[tls.Certificate]

	mu   sync.Mutex
	seen []byte // the sum of what was read last, good or not
}

// OpenFiles reads a certificate with its chain, and the key that goes with it, in PEM. One that has expired is served nevertheless, and the
// log says so.
func OpenFiles(cert, key string, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, log: log}
	pair, sum, err := f.read()
	if err != nil {
		return nil, err
	}
	f.seen = sum
	f.serve(pair)
	return f, nil
}

// TLS are the settings that serve it.
func (f *Files) TLS() *tls.Config {
	return settings(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current.Load(), nil })
}

// Served is the certificate in use.
func (f *Files) Served() []Served { return []Served{servedBy(f.current.Load().Leaf)} }

// Run looks at the files until ctx ends.
func (f *Files) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.Look()
		}
	}
}

// Look serves what the files hold now, for new connections. A pair that cannot be served, because it is half written, does not fit or has
// expired, leaves the one before in use; the log says so once.
func (f *Files) Look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	pair, sum, err := f.read()
	if bytes.Equal(sum, f.seen) {
		return
	}
	f.seen = sum
	if err == nil && !pair.Leaf.NotAfter.After(time.Now()) {
		err = fmt.Errorf("it has expired at %s", pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	if err != nil {
		old := servedBy(f.current.Load().Leaf)
		f.log.Error("the certificate changed and cannot be used: the one before stays", "tls_cert", f.cert, "tls_key", f.key, "err", err, "name", old.Name, "until", old.Until)
		return
	}
	f.serve(pair)
}

func (f *Files) serve(pair *tls.Certificate) {
	f.current.Store(pair)
	tell(f.log, servedBy(pair.Leaf))
}

// tell says in the log what is served, and until when.
func tell(log *slog.Logger, s Served) {
	level, message := slog.LevelInfo, "certificate"
	switch left := time.Until(s.Until); {
	case left <= 0:
		level, message = slog.LevelWarn, "the certificate has expired"
	case left < soonOver:
		level, message = slog.LevelWarn, "the certificate expires soon"
	}
	log.Log(context.Background(), level, message, "name", s.Name, "until", s.Until)
}

// read reads both files, and answers the sum of what was there also with an error.
func (f *Files) read() (*tls.Certificate, []byte, error) {
	cert, certErr := readFile(f.cert)
	key, keyErr := readFile(f.key)
	sum := sha256.New()
	for _, part := range []any{len(cert), certErr, keyErr} {
		fmt.Fprintln(sum, part)
	}
	sum.Write(cert)
	sum.Write(key)
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, sum.Sum(nil), err
	}
	pair, err := tls.X509KeyPair(cert, key) // with Leaf
	if err != nil {
		return nil, sum.Sum(nil), fmt.Errorf("%s, %s: %w", f.cert, f.key, err)
	}
	return &pair, sum.Sum(nil), nil
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return content, err
}
