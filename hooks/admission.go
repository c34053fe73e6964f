package hooks

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/webhook"
)

const (
	questions        = 64              // that are under way at once, of this process
	questionsOfDrive = 16              // of them, about one drive
	askAgain         = 5 * time.Second // after which a client may try again when nobody could be asked
)

// What comes of a question, for AdmissionOptions.Observe.
const (
	Admitted   = "admitted"
	Declined   = "rejected"
	Unanswered = "failed" // there was no answer, or none that can be understood
)

// AdmissionOptions says who is asked before content is taken.
type AdmissionOptions struct {
	Address string        // of the receiver, http:// or https://; empty: nobody is asked
	Secret  string        // signs the questions, as webhook.New wants it
	Timeout time.Duration // of a question, its waiting for a turn included; default 10 s
	Headers []string      // of the request that are told besides those that always are
	// Names answers the names of users by their ids, which are those of their drives. It is required where there is an address.
	Names func(ctx context.Context, ids []string) (map[string]string, error)
	// Observe, if set, is told what came of each question and how long it took.
	Observe func(result string, took time.Duration)
	Log     *slog.Logger // default slog.Default()
}

// Admission asks an operator's receiver whether content may be taken, in the JSON of tusd's pre-create hook. It is safe for use by many goroutines.
type Admission struct {
	o     AdmissionOptions
	to    *webhook.Client
	turns *askTurns
}

// NewAdmission makes an Admission, or nil where nobody is to be asked. The error tells neither address nor secret.
func NewAdmission(o AdmissionOptions) (*Admission, error) {
	if o.Address == "" {
		return nil, nil
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	headers := make([]string, 0, len(o.Headers))
	for _, name := range o.Headers {
		if !mayPass(name) {
			return nil, fmt.Errorf("the header %q is told to nobody", name)
		}
		headers = append(headers, http.CanonicalHeaderKey(name))
	}
	o.Headers = headers
	to, err := webhook.New(o.Address, o.Secret)
	if err != nil {
		return nil, err
	}
	return &Admission{o: o, to: to, turns: newAskTurns(questions, questionsOfDrive)}, nil
}

// Ask is for drive.Options. Its error is a Rejection, or Busy with code "admission_unavailable" if there was no answer in time: nothing is taken that
// nobody admitted.
func (a *Admission) Ask(ctx context.Context, q drive.Question) (drive.Amendment, error) {
	asked := time.Now()
	within, stop := context.WithTimeout(ctx, a.o.Timeout)
	defer stop()
	said, err := a.ask(within, q)
	switch {
	case err != nil && ctx.Err() != nil: // the client left
		return drive.Amendment{}, fault.Wrap(context.Cause(ctx), "hooks.Ask")
	case err != nil:
		a.o.Observe(Unanswered, time.Since(asked))
		a.o.Log.Warn("an upload was refused, because nobody said whether it may begin", "err", err)
		return drive.Amendment{}, (&fault.Error{Kind: fault.Busy, Op: "hooks.Ask", Public: "Whether this may be uploaded cannot be found out just now. Try again later.", Err: err}).
			WithCode("admission_unavailable").WithWait(askAgain)
	case said.RejectUpload:
		a.o.Observe(Declined, time.Since(asked))
		return drive.Amendment{}, rejection(said.HTTPResponse)
	}
	a.o.Observe(Admitted, time.Since(asked))
	return said.amendment, nil
}

// verdict is what a receiver said, understood.
type verdict struct {
	answer
	amendment drive.Amendment
}

func (a *Admission) ask(ctx context.Context, q drive.Question) (v verdict, err error) {
	leave, err := a.turns.take(ctx, q.DriveID)
	if err != nil {
		return v, fmt.Errorf("too many questions wait: %w", err)
	}
	defer leave()
	body, err := a.question(ctx, q)
	if err != nil {
		return v, err
	}
	got, err := a.to.Ask(ctx, "adm_"+sqldb.NewID(), body)
	if err != nil {
		return v, err
	}
	if !webhook.Taken(got.Status) {
		return v, fmt.Errorf("the receiver answered %d", got.Status)
	}
	if kind, _, err := mime.ParseMediaType(got.ContentType); err != nil || kind != jsonText {
		return v, errors.New("the receiver's answer is not application/json")
	}
	if err := json.Unmarshal(got.Body, &v.answer); err != nil {
		return v, fmt.Errorf("the receiver's answer: %w", err)
	}
	if !v.RejectUpload {
		v.amendment, err = v.ChangeFileInfo.amendment()
	}
	return v, err
}

// question is the body of a question.
func (a *Admission) question(ctx context.Context, q drive.Question) ([]byte, error) {
	r := requestOf(ctx)
	m := handler.ParseMetadataHeader(q.Metadata)
	if q.Metadata == "" && q.Name != "" { // a way in that knows no metadata
		m["filename"] = q.Name
		if q.MediaType != "" {
			m["filetype"] = q.MediaType
		}
	}
	about := satchel{Drive: q.DriveID, Share: q.Share, Path: string(q.Path), MediaType: q.MediaType, SHA256: hex.EncodeToString(q.SHA256), Door: r.Door, Request: r.ID}
	if who, ok := authn.From(ctx); ok && q.Share == "" {
		about.User, about.UserID = who.Username, who.UserID
	}
	if about.Owner = about.User; about.UserID != q.DriveID {
		names, err := a.o.Names(ctx, []string{q.DriveID})
		if err != nil {
			return nil, err
		}
		about.Owner = names[q.DriveID]
	}
	return json.Marshal(question{Type: "pre-create", Event: askEvent{
		Upload: upload{Size: max(0, q.Size), SizeIsDeferred: q.Size < 0, MetaData: m, IsPartial: q.Kind == drive.Partial, IsFinal: q.Kind == drive.Joined,
			PartialUploads: q.Parts},
		HTTPRequest: httpRequest{r.Method, r.URI, r.RemoteAddr, passing(r.Header, a.o.Headers)},
		Satchel:     about,
	}})
}

// The JSON of a question and its answer, as tusd has it (github.com/tus/tusd/v2/pkg/hooks, HookRequest and HookResponse), and Satchel beside it.
type question struct {
	Type  string
	Event askEvent
}

type askEvent struct {
	Upload      upload
	HTTPRequest httpRequest
	Satchel     satchel
}

type upload struct {
	ID             string // there is none yet
	Size           int64
	SizeIsDeferred bool
	Offset         int64
	MetaData       map[string]string
	IsPartial      bool
	IsFinal        bool
	PartialUploads []string
	Storage        map[string]string
}

type httpRequest struct {
	Method     string
	URI        string
	RemoteAddr string
	Header     http.Header
}

// satchel is what tusd does not know. docs/webhooks.md describes it.
type satchel struct {
	User      string // empty for who comes by the link of a drop box
	UserID    string
	Owner     string // of the drive; empty if the account is gone
	Drive     string
	Share     string
	Path      string
	MediaType string
	SHA256    string
	Door      string
	Request   string
}

type answer struct {
	HTTPResponse   answerHTTP
	RejectUpload   bool
	ChangeFileInfo changes
}

type answerHTTP struct {
	StatusCode int
	Body       string
	Header     map[string]string
}

type changes struct {
	MetaData map[string]string // null: nothing changes
}

// amendment is what of the changes counts: the name, the media type, and what is repeated of the metadata. The rest is where the file goes and what
// becomes of it, and stays the client's. The error is for what cannot be.
func (c changes) amendment() (a drive.Amendment, err error) {
	if c.MetaData == nil {
		return a, nil
	}
	first := func(keys ...string) string {
		for _, key := range keys {
			if v := c.MetaData[key]; v != "" {
				return v
			}
		}
		return ""
	}
	a.Name, a.MediaType = first("filename", "name"), first("filetype", "type")
	if a.Name != "" {
		if err := drive.CheckName(a.Name); err != nil {
			return a, fmt.Errorf("the receiver's file name: %w", err)
		}
	}
	if _, _, err := mime.ParseMediaType(a.MediaType); a.MediaType != "" && err != nil {
		return a, fmt.Errorf("the receiver's file type: %w", err)
	}
	for key := range c.MetaData {
		if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) {
			return a, fmt.Errorf("the receiver's metadata: %q is no key", key)
		}
	}
	pairs := strings.Split(handler.SerializeMetadataHeader(c.MetaData), ",")
	slices.Sort(pairs)
	text := strings.Join(pairs, ",")
	if len(text) > drive.MaxMetadata {
		return a, fmt.Errorf("the receiver's metadata is longer than %d bytes", drive.MaxMetadata)
	}
	a.Metadata = &text
	return a, nil
}
