package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"golang.org/x/sync/singleflight"

	"github.com/satchelhq/satchel/blob"
)

// Options says where the bucket is.
type Options struct {
	Bucket   string
	Prefix   string // of all names; what is below it belongs to this store alone
	Endpoint string // URL of the service; empty is Amazon's
	Region   string // empty: as the environment says (AWS_REGION), or us-east-1
	// PathStyle names the bucket in the path and not in the host, as most services but Amazon's want it.
	PathStyle bool

	// AccessKey and SecretKey sign the requests. If both are empty, the credentials are the environment's as the SDK finds them:
	// AWS_ACCESS_KEY_ID and its kin, a web identity, or the role of the machine.
	AccessKey, SecretKey string

	// Public is the URL at which others reach the service, for Address; empty: nobody is sent there.
	Public string

	// Sealed keeps nothing of a stage that is closed before it is sealed, so that whatever is an object is a whole blob: see Objects.
	Sealed bool

	PartSize int64 // of the first 1000 parts, at least 5 MiB; 0 is 8 MiB
	Attempts int   // that a request gets; 0 is 8, over about 15 s

	// Observe, if set, is told of every attempt of a request: what it asked for (one of Calls), when it began, and what came of it (one of Results).
	Observe func(ctx context.Context, call string, began time.Time, result string)
}

// Store is a [blob.Store] in a bucket. Make one with [Open].
type Store struct {
	o      Options
	api    *s3.Client
	ledger Ledger
	signer *s3.PresignClient // nil without Options.Public
	wrote  atomic.Int64      // when S3 last took bytes, in microseconds

	settling singleflight.Group // those who want to read the parts of a key
}

var (
	_ blob.Store   = (*Store)(nil)
	_ blob.Sweeper = (*Store)(nil)
)

// Open makes a store. It asks S3 for nothing: Ready tells whether the bucket is there.
func Open(ctx context.Context, ledger Ledger, o Options) (*Store, error) {
	if o.PartSize == 0 {
		o.PartSize = 8 << 20
	}
	if o.Attempts == 0 {
		o.Attempts = 8
	}
	if o.Bucket == "" || o.PartSize < minPart || (o.AccessKey == "") != (o.SecretKey == "") {
		return nil, errors.New("blob/s3: open: want a bucket, parts of 5 MiB or more, and both keys or none")
	}
	if o.Prefix = strings.Trim(o.Prefix, "/"); o.Prefix != "" {
		o.Prefix += "/"
	}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = 64 // so that bursts do not dial anew each time
	})
	loaders := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(r *retry.StandardOptions) {
				r.MaxAttempts, r.MaxBackoff = o.Attempts, 5*time.Second // with jitter
				r.RateLimiter = ratelimit.None                          // one stream's failures must not take another's tries
			})
		}),
	}
	if o.Region != "" {
		loaders = append(loaders, config.WithRegion(o.Region))
	}
	if o.AccessKey != "" {
		loaders = append(loaders, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.AccessKey, o.SecretKey, "")))
	}
	settings, err := config.LoadDefaultConfig(ctx, loaders...)
	if err != nil {
		return nil, fmt.Errorf("blob/s3: open: %w", err)
	}
	if settings.Region == "" {
		settings.Region = "us-east-1"
	}
	api := s3.NewFromConfig(settings, func(c *s3.Options) {
		c.UsePathStyle = o.PathStyle
		if o.Endpoint != "" {
			c.BaseEndpoint = &o.Endpoint
		}
		// Sums are sent by us where bytes are; other services know no others.
		c.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		c.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		if o.Observe != nil {
			c.APIOptions = append(c.APIOptions, attempts(o.Observe))
		}
	})
	store := &Store{o: o, api: api, ledger: ledger}
	if o.Public != "" {
		store.signer = newSigner(api, o.Public)
	}
	return store, nil
}

// newName is the name of a new object of a key.
func (s *Store) newName(key blob.Key) string {
	return s.o.Prefix + string(key) + "." + strings.ToLower(rand.Text())
}

// keyOf is the key of an object's name; false if the name is none of newName's.
func (s *Store) keyOf(name string) (blob.Key, bool) {
	name, ours := strings.CutPrefix(name, s.o.Prefix)
	key, _, named := strings.Cut(name, ".")
	return blob.Key(key), ours && named && blob.Key(key).Valid()
}

// Stage begins empty content. See [blob.Store].
func (s *Store) Stage(ctx context.Context, key blob.Key) (blob.Stage, error) {
	if err := checkKey("stage", key); err != nil {
		return nil, err
	}
	r := Record{Version: 1, Epoch: 1, Live: true, Modified: time.Now()}
	if err := s.ledger.Begin(ctx, key, r); err != nil {
		return nil, fail("stage", key, err)
	}
	return s.newStage(ctx, key, r), nil
}

// Resume opens a stage again at offset. See [blob.Store]. ErrNotFound also if its multipart upload was aborted, by a rule of the
// bucket perhaps, and ErrShort if its objects are gone.
func (s *Store) Resume(ctx context.Context, key blob.Key, offset int64) (blob.Stage, error) {
	if err := checkKey("resume", key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("blob/s3: resume %s: negative offset %d", key, offset)
	}
	for {
		g, err := s.resume(ctx, key, offset)
		if errors.Is(err, ErrLost) {
			continue // somebody else was faster, and has to let go now
		}
		if err != nil {
			return nil, fail("resume", key, err)
		}
		return g, nil
	}
}

func (s *Store) resume(ctx context.Context, key blob.Key, offset int64) (*stage, error) {
	r, err := s.ledger.Load(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case r.length() < offset:
		return nil, blob.ErrShort
	case r.Sealed && r.Size > offset:
		return nil, blob.ErrNotFound
	case r.Sealed:
		return s.newStage(ctx, key, r), nil
	}
	if r.Settling {
		r, err = s.settle(ctx, key, r, r, false)
	}
	if err == nil {
		err = s.present(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	to, err := s.cut(ctx, key, &r, offset)
	if err != nil {
		return nil, err
	}
	if to.Live && to.UploadID != "" {
		to.Next++ // a part that was under way may still arrive under the number
	}
	to.Epoch++
	to.Live = true
	if to, err = s.save(ctx, key, r, to); err != nil {
		return nil, err
	}
	g := s.newStage(ctx, key, to)
	if err := g.loadTail(); err != nil {
		return nil, errors.Join(err, g.pending.close())
	}
	return g, nil
}

// present answers ErrNotFound if the multipart upload is no more, and ErrShort if an object is not.
func (s *Store) present(ctx context.Context, r Record) error {
	if r.UploadID != "" {
		return s.uploadPresent(ctx, r.Upload, r.UploadID)
	}
	if r.Object == "" {
		return nil
	}
	size, err := s.objectSize(ctx, r.Object)
	if errors.Is(err, blob.ErrNotFound) || (err == nil && size < r.Size) {
		return fmt.Errorf("%w: %s is lost", blob.ErrShort, r.Object)
	}
	return err
}

// Unseal makes a blob a stage again: only its record changes. See [blob.Store].
func (s *Store) Unseal(ctx context.Context, key blob.Key) error {
	if err := checkKey("unseal", key); err != nil {
		return err
	}
	for {
		r, err := s.ledger.Load(ctx, key)
		if err == nil && r.Sealed {
			to := r
			to.Sealed = false
			to.smallBodyToTail()
			_, err = s.save(ctx, key, r, to)
		}
		if errors.Is(err, ErrLost) {
			continue
		}
		if err != nil {
			return fail("unseal", key, err)
		}
		return nil
	}
}

// Remove drops a stage or a blob: first the record, which ends whoever writes to it, and then what it named. What S3 does not
// remove now is left for Sweep.
func (s *Store) Remove(ctx context.Context, key blob.Key) error {
	if err := checkKey("remove", key); err != nil {
		return err
	}
	r, err := s.ledger.Load(ctx, key)
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = s.ledger.Drop(ctx, key)
	}
	if err == nil {
		err = s.discard(ctx, r, Record{})
	}
	if err != nil {
		return fail("remove", key, err)
	}
	return nil
}

// List calls fn for every record. See [blob.Store]. What is not synced is not counted.
func (s *Store) List(ctx context.Context, fn func(blob.Entry) error) error {
	for after := blob.Key(""); ; {
		entries, err := s.ledger.Page(ctx, after, "", 1000)
		if err != nil {
			return fmt.Errorf("blob/s3: list: %w", err)
		}
		if len(entries) == 0 {
			return nil
		}
		for _, e := range entries {
			if err := fn(blob.Entry{Key: e.Key, Size: e.Body + e.TailSize, Modified: e.Modified, Sealed: e.Sealed}); err != nil {
				return err
			}
		}
		after = entries[len(entries)-1].Key
	}
}

// Ready answers nil when the bucket is there and took bytes within the last minute, if need be those of an object of its own.
func (s *Store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var err error
	if time.Since(time.UnixMicro(s.wrote.Load())) > time.Minute {
		err = s.put(ctx, s.o.Prefix+"ready", strings.NewReader("satchel"), 7)
	} else {
		_, err = s.api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.o.Bucket}, once)
	}
	if err != nil {
		return fmt.Errorf("blob/s3: not ready: %w", meaning(err))
	}
	return nil
}

// save writes a record and removes what it does not name any more. It answers the record as it is on record.
func (s *Store) save(ctx context.Context, key blob.Key, from, to Record) (Record, error) {
	to.Version, to.Modified = from.Version+1, time.Now()
	if err := s.ledger.Save(ctx, key, from, to); err != nil {
		return from, err
	}
	_ = s.discard(ctx, from, to) // what stays is swept
	return to, nil
}

// discard removes what one record names and another does not.
func (s *Store) discard(ctx context.Context, from, to Record) error {
	var errs []error
	if from.UploadID != "" && from.UploadID != to.UploadID && from.Upload != to.Object {
		errs = append(errs, s.abort(ctx, from.Upload, from.UploadID))
	}
	kept := to.names()
	for _, name := range from.names() {
		if !slices.Contains(kept, name) && (name != from.Upload || from.Settling) { // what was being completed may be there
			errs = append(errs, s.delete(ctx, name))
		}
	}
	return errors.Join(errs...)
}

func fail(op string, key blob.Key, err error) error {
	return fmt.Errorf("blob/s3: %s %s: %w", op, key, err)
}

func checkKey(op string, key blob.Key) error {
	if !key.Valid() {
		return fmt.Errorf("blob/s3: %s %q: %w", op, string(key), blob.ErrKey)
	}
	return nil
}
