package tus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	expslog "golang.org/x/exp/slog"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/origin"
)

// Prefix is where uploads are; an upload's address is Prefix and its id.
const Prefix = "/files/"

const (
	version     = "1.0.0"
	extensions  = "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum,checksum-trailer,concatenation,concatenation-unfinished"
	octetStream = "application/offset+octet-stream"
	allowed     = "OPTIONS, POST, HEAD, PATCH, DELETE"
)

// ErrShutdown is the cause with which the server ends the contexts of requests when it stops: a PATCH under way
// then keeps what arrived and answers 503.
var ErrShutdown error = handler.ErrServerShutdown

// Options are what the door needs.
type Options struct {
	Drives *drive.Drives
	Origin origin.Origin
	Log    *slog.Logger // default slog.Default()
	// Observe, if set, is told of every PATCH that reached its upload. It must return at once.
	Observe func(Patched)
}

// Door serves /files/. It is safe for use by many goroutines.
type Door struct {
	drives *drive.Drives
	origin origin.Origin
	log    *slog.Logger
	tusd   *handler.UnroutedHandler

	observe func(Patched) // may be nil
}

const (
	lockPatience = 10 * time.Second // how long a request waits for the one that it interrupts
	readPatience = 60 * time.Second // how long a body may send nothing
	// The handler keeps a goroutine a request for this long after it ended. What must outlive a
	// request does not depend on it: see drive.Append.
	grace = time.Millisecond
)

// New makes the door.
func New(o Options) (*Door, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	d := &Door{drives: o.Drives, origin: o.Origin, log: o.Log, observe: o.Observe}
	composer := handler.NewStoreComposer()
	composer.UseCore(store{d})
	composer.UseTerminater(store{d})
	composer.UseConcater(store{d}) // partial uploads; those that join them are served by joined.go
	composer.UseLengthDeferrer(store{d})
	composer.UseLocker(locker{d})
	tusd, err := handler.NewUnroutedHandler(handler.Config{
		StoreComposer:                    composer,
		BasePath:                         Prefix,
		MaxSize:                          o.Drives.MaxFile(),
		DisableDownload:                  true,
		Cors:                             &handler.CorsConfig{Disable: true},
		Logger:                           expslog.New(silence{}), // requests are logged by the server
		GracefulRequestCompletionTimeout: grace,
		AcquireLockTimeout:               lockPatience,
		NetworkTimeout:                   readPatience,
	})
	if err != nil {
		return nil, fmt.Errorf("tus: %w", err)
	}
	d.tusd = tusd
	return d, nil
}

// silence is a log that nobody reads: it costs nothing to write to.
type silence struct{}

func (silence) Enabled(context.Context, expslog.Level) bool  { return false }
func (silence) Handle(context.Context, expslog.Record) error { return nil }
func (s silence) WithAttrs([]expslog.Attr) expslog.Handler   { return s }
func (s silence) WithGroup(string) expslog.Handler           { return s }

// ServeHTTP checks what the handler does not, serves what it cannot, and lets it speak the rest of the protocol.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if v, ok := draftOf(r); ok {
		d.serveDraft(w, r, v)
		return
	}
	d.serveTus(w, r)
}

func (d *Door) serveTus(w http.ResponseWriter, r *http.Request) {
	asked := r.Method
	if method := r.Header.Get("X-HTTP-Method-Override"); method != "" { // whatever the request's own method is
		r = r.WithContext(r.Context())
		r.Method = method // the handler, which looks for the header too, sees no POST any more
	}
	header := w.Header()
	header.Set("Tus-Resumable", version)
	header.Set("Cache-Control", "no-store")
	if r.Method == http.MethodOptions {
		d.options(w, r)
		return
	}
	id, seen, err := d.admit(r)
	if err == nil {
		err = d.serve(w, r, id, seen, asked != r.Method)
	}
	if err != nil {
		d.refuse(w, r, err)
	}
}

// serve answers a request that was admitted, or says why not before anything was written.
func (d *Door) serve(w http.ResponseWriter, r *http.Request, id string, seen drive.Seen, overridden bool) error {
	switch {
	case r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Upload-Concat"), joinedPrefix):
		return d.createJoined(w, r)
	case r.Method == http.MethodHead && seen.Kind == drive.Joined:
		return d.headJoined(w, r, id)
	case r.Method == http.MethodHead:
		d.drives.Asked(id)
	}
	reply := &reply{ResponseWriter: w, seen: seen, metadata: r.Header.Get("Upload-Metadata"), base: d.origin.Base(r), address: d.addressOf(r.Context()), headless: overridden && r.Method == http.MethodHead}
	reply.brief = r.Method == http.MethodHead || r.Method == http.MethodDelete
	if reply.patch = -1; r.Method == http.MethodPatch {
		if at, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64); err == nil {
			reply.patch = at
		}
		reply.current = func(header http.Header, status int) { d.tellCurrent(r.Context(), header, id, status) }
	}
	if r.Method == http.MethodPatch && seen.Length >= 0 && r.Header.Get("Upload-Length") == strconv.FormatInt(seen.Length, 10) {
		// A client whose answer was lost tells the length again. That changes nothing; the handler would refuse it.
		r.Header = r.Header.Clone()
		r.Header.Del("Upload-Length")
	}
	address := *r.URL
	address.Path = id // the handler takes the whole path for the id
	r = r.WithContext(context.WithValue(r.Context(), replyKey{}, reply))
	r.URL = &address
	var err error
	if r.Body != nil {
		r.Body = punctual{r.Body, func(err error) error { return d.mapped(r.Context(), err) }}
	}
	if reply.verify, err = withChecksum(r); err != nil {
		return err
	}
	// The handler sets deadlines on the connection and leaves them there for the requests that follow.
	defer func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) }()
	serve := map[string]http.HandlerFunc{
		http.MethodPost: d.tusd.PostFile, http.MethodHead: d.tusd.HeadFile, http.MethodPatch: d.tusd.PatchFile, http.MethodDelete: d.tusd.DelFile,
	}[r.Method]
	d.tusd.Middleware(serve).ServeHTTP(reply, r)
	return nil
}

// punctual is a body that says of itself when it stands still or was cut. The handler would call that an internal error.
type punctual struct {
	io.ReadCloser
	mapped func(error) error
}

func (p punctual) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	switch {
	case fault.Is(err, fault.Unauthenticated), fault.Is(err, fault.NotFound), fault.Is(err, fault.Busy): // it was cut, and this is why
		err = p.mapped(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errors.Join(p.mapped(stalled(nil)), err)
	}
	return n, err
}

// stalled is no fault.Timeout: clients of tus give up on 408, and begin again on 503 from where the offset is.
func stalled(cause error) error {
	return &fault.Error{Kind: fault.Busy, Op: "tus.take", Code: "body_stalled", Public: "The body stood still for too long. Ask for the offset and go on from there.", Err: cause}
}

// options tells what the server can do (protocol, "OPTIONS"). It asks for no credentials.
func (d *Door) options(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	box := boxOf(r.Context())
	header.Set("Tus-Version", version)
	header.Set("Tus-Extension", extensions)
	header.Set("Tus-Checksum-Algorithm", algorithms)
	if limit := d.largest(box); limit > 0 {
		header.Set("Tus-Max-Size", strconv.FormatInt(limit, 10))
	}
	if box != nil {
		header.Set("Tus-Extension", boxExtensions)
		header.Set("Allow", allowed)
	} else {
		header.Set("Allow", "OPTIONS, POST, PUT, HEAD, PATCH, DELETE")
		d.draftOptions(header)
	}
	w.WriteHeader(http.StatusNoContent)
}

// admit says which upload a request is about, or why it is refused. Whose an upload is comes first, so
// that a stranger learns nothing and stops nobody.
func (d *Door) admit(r *http.Request) (id string, seen drive.Seen, err error) {
	of, ok := driveOf(r.Context())
	if !ok {
		return "", seen, fault.New(fault.Unauthenticated, "tus.admit", "")
	}
	if r.Header.Get("Tus-Resumable") != version {
		return "", seen, errVersion{}
	}
	if id = idOf(r); id != "" {
		if seen, err = d.drives.SeeUpload(r.Context(), of, id); err != nil {
			return "", seen, err
		}
	}
	switch r.Method {
	case http.MethodHead, http.MethodPatch, http.MethodDelete:
		if id == "" {
			return "", seen, errMethod{}
		}
	case http.MethodPost:
		if id != "" {
			return "", seen, errMethod{}
		}
	default:
		return "", seen, errMethod{}
	}
	if seen.Kind == drive.Joined && r.Method == http.MethodPatch { // whatever else is wrong with it (protocol, "Concatenation")
		return "", seen, fault.New(fault.Forbidden, "tus.admit", "A final upload takes no bytes of its own.").WithCode("final_with_bytes")
	}
	if err := d.checkNumbers(r); err != nil {
		return "", seen, err
	}
	if err := checkBox(r); err != nil {
		return "", seen, err
	}
	return id, seen, checkHeaders(r)
}

// single are the headers of a request that have one value. Of two the handler would take the first, and others the last.
var single = [...]string{"Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Concat", checksumHeader, "Tus-Resumable"}

// checkNumbers refuses an offset or a length that is no non-negative integer (protocol, "Headers"; the handler takes "+5" and "-0"),
// and a length over the limit, or over what any server has room for.
func (d *Door) checkNumbers(r *http.Request) error {
	for _, name := range single {
		if len(r.Header.Values(name)) > 1 {
			return fault.New(fault.Invalid, "tus.checkNumbers", name+" is there twice.").WithCode("repeated_header")
		}
	}
	for _, name := range [...]string{"Upload-Offset", "Upload-Length"} {
		if strings.Trim(r.Header.Get(name), "0123456789") != "" {
			return fault.New(fault.Invalid, "tus.checkNumbers", name+" is not a number of bytes.").WithCode("invalid_number")
		}
	}
	if _, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64); r.Method == http.MethodPatch && errors.Is(err, strconv.ErrRange) {
		return fault.New(fault.OffsetMismatch, "tus.checkNumbers", "")
	}
	length, err := strconv.ParseInt(r.Header.Get("Upload-Length"), 10, 64)
	if limit := d.largest(boxOf(r.Context())); errors.Is(err, strconv.ErrRange) || (err == nil && limit > 0 && length > limit) {
		return fault.New(fault.TooLarge, "tus.checkNumbers", "The upload is longer than it may be.").WithCode("file_too_large")
	}
	return nil
}

// idOf is the upload's id in a request's address; empty for the address of all.
func idOf(r *http.Request) string {
	return strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/files"), "/")
}

// checkHeaders refuses what the protocol forbids and the handler takes.
func checkHeaders(r *http.Request) error {
	mediaType := r.Header.Get("Content-Type")
	switch r.Method {
	case http.MethodPatch:
		if mediaType != octetStream {
			return fault.New(fault.Unsupported, "tus.checkHeaders", "PATCH takes Content-Type: "+octetStream+".")
		}
	case http.MethodPost:
		if mediaType != octetStream && (r.ContentLength > 0 || r.ContentLength < 0 && mediaType != "") { // a chunked body may be empty
			return fault.New(fault.Unsupported, "tus.checkHeaders", "Creation with upload takes Content-Type: "+octetStream+".")
		}
		if lines := r.Header.Values("Upload-Metadata"); len(lines) > 1 { // one list (RFC 9110, section 5.3); the handler reads the first line
			r.Header.Set("Upload-Metadata", strings.Join(lines, ","))
		}
		return checkMetadata(r.Header.Get("Upload-Metadata"))
	}
	return nil
}

// tellCurrent writes what the refusal of a PATCH says of the upload: until when it lives, on every one (protocol, "Expiration"), and
// where it is if the PATCH was for somewhere else.
func (d *Door) tellCurrent(ctx context.Context, header http.Header, id string, status int) {
	of, _ := driveOf(ctx)
	u, err := d.drives.PeekUpload(ctx, of, id)
	if err != nil {
		return
	}
	expires(header, u)
	if status == http.StatusConflict {
		header.Set("Upload-Offset", strconv.FormatInt(u.Offset, 10))
	}
}

func (d *Door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Method == http.MethodPatch {
		d.tellCurrent(r.Context(), w.Header(), idOf(r), answer.Status(err))
	}
	switch err.(type) {
	case errMethod:
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusMethodNotAllowed)
	case errVersion:
		w.Header().Set("Tus-Version", version)
		w.WriteHeader(http.StatusPreconditionFailed)
	default:
		answer.Text(w, r, err)
	}
}

// errMethod is a method that an address does not have.
type errMethod struct{}

func (errMethod) Error() string { return "tus: method not allowed" }

// errVersion is a missing or unknown Tus-Resumable.
type errVersion struct{}

func (errVersion) Error() string { return "tus: unknown protocol version" }
