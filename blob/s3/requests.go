package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/satchelhq/satchel/blob"
)

// A request with its tries may take this long, and longer by a second for each slowest bytes that it moves.
const (
	patience         = 2 * time.Minute
	completePatience = 10 * time.Minute
	slowest          = 256 << 10
)

func within(ctx context.Context, size int64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience+time.Duration(size/slowest)*time.Second)
}

// once makes a request that is asked for again anyway.
func once(o *s3.Options) { o.RetryMaxAttempts = 1 }

// errNoUpload says that there is no such multipart upload: completed, or aborted.
var errNoUpload = errors.New("there is no such multipart upload")

// meaning adds to S3's error what it is for a blob store.
func meaning(err error) error {
	if err == nil {
		return nil
	}
	var known smithy.APIError
	if errors.As(err, &known) {
		switch known.ErrorCode() {
		case "NoSuchKey", "NotFound":
			return fmt.Errorf("%w: %w", blob.ErrNotFound, err)
		case "NoSuchUpload":
			return fmt.Errorf("%w: %w", errNoUpload, err)
		case "InvalidPart", "InvalidPartOrder", "EntityTooSmall":
			return fmt.Errorf("%w: %w", blob.ErrShort, err)
		case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull":
			return fmt.Errorf("%w: %w", blob.ErrFull, err)
		}
	}
	var answer *awshttp.ResponseError
	switch {
	case errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusInsufficientStorage:
		return fmt.Errorf("%w: %w", blob.ErrFull, err)
	case errors.Is(err, context.Canceled):
		return err
	case answer == nil, answer.HTTPStatusCode() == 0, answer.HTTPStatusCode() >= 500, answer.HTTPStatusCode() == http.StatusTooManyRequests: // after all tries
		return fmt.Errorf("%w: %w", blob.ErrAway, err)
	}
	return err
}

func (s *Store) noteWrite() { s.wrote.Store(time.Now().UnixMicro()) }

// put stores an object.
func (s *Store) put(ctx context.Context, name string, body io.ReadSeeker, size int64) error {
	ctx, cancel := within(ctx, size)
	defer cancel()
	sum, err := checksum(body)
	if err != nil {
		return err
	}
	_, err = s.api.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.o.Bucket, Key: &name, Body: body, ContentLength: &size, ContentMD5: &sum})
	if err == nil {
		s.noteWrite()
	}
	return meaning(err)
}

func (s *Store) delete(ctx context.Context, name string) error {
	ctx, cancel := within(ctx, 0)
	defer cancel()
	_, err := s.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.o.Bucket, Key: &name})
	if err = meaning(err); errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

func (s *Store) objectSize(ctx context.Context, name string) (int64, error) {
	ctx, cancel := within(ctx, 0)
	defer cancel()
	head, err := s.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.o.Bucket, Key: &name})
	if err != nil {
		return 0, meaning(err)
	}
	return aws.ToInt64(head.ContentLength), nil
}

func (s *Store) createUpload(ctx context.Context, name string) (id string, err error) {
	ctx, cancel := within(ctx, 0)
	defer cancel()
	answer, err := s.api.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &s.o.Bucket, Key: &name})
	if err != nil {
		return "", meaning(err)
	}
	return aws.ToString(answer.UploadId), nil
}

// uploadPresent answers ErrNotFound if there is no such upload.
func (s *Store) uploadPresent(ctx context.Context, name, id string, how ...func(*s3.Options)) error {
	ctx, cancel := within(ctx, 0)
	defer cancel()
	_, err := s.api.ListParts(ctx, &s3.ListPartsInput{Bucket: &s.o.Bucket, Key: &name, UploadId: &id, MaxParts: aws.Int32(1)}, how...)
	if err = meaning(err); errors.Is(err, errNoUpload) || errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("%w: its multipart upload was aborted: %w", blob.ErrNotFound, err)
	}
	return err
}

func (s *Store) abort(ctx context.Context, name, id string) error {
	ctx, cancel := within(ctx, 0)
	defer cancel()
	_, err := s.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.o.Bucket, Key: &name, UploadId: &id})
	if err = meaning(err); errors.Is(err, errNoUpload) || errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

// uploadPart sends the next part of r's upload.
func (s *Store) uploadPart(ctx context.Context, r *Record, body io.ReadSeeker, size int64) (Part, error) {
	ctx, cancel := within(ctx, size)
	defer cancel()
	sum, err := checksum(body)
	if err != nil {
		return Part{}, err
	}
	answer, err := s.api.UploadPart(ctx, &s3.UploadPartInput{Bucket: &s.o.Bucket, Key: &r.Upload, UploadId: &r.UploadID, PartNumber: &r.Next,
		Body: body, ContentLength: &size, ContentMD5: &sum})
	if err != nil {
		return Part{}, meaning(err)
	}
	s.noteWrite()
	return Part{Number: r.Next, Offset: r.body(), Size: size, ETag: aws.ToString(answer.ETag)}, nil
}

// copyPart makes the next part of r's upload of a range of an object.
func (s *Store) copyPart(ctx context.Context, r *Record, p piece) (Part, error) {
	ctx, cancel := within(ctx, p.size)
	defer cancel()
	source := (&url.URL{Path: s.o.Bucket + "/" + p.name}).EscapedPath()
	span := fmt.Sprintf("bytes=%d-%d", p.offset, p.offset+p.size-1)
	answer, err := s.api.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: &s.o.Bucket, Key: &r.Upload, UploadId: &r.UploadID, PartNumber: &r.Next,
		CopySource: &source, CopySourceRange: &span})
	if err != nil {
		return Part{}, meaning(err)
	}
	s.noteWrite()
	return Part{Number: r.Next, Offset: r.body(), Size: p.size, ETag: aws.ToString(answer.CopyPartResult.ETag)}, nil
}

// complete makes an object of the parts on record. Completing what was completed does nothing: the answer may have been lost. The
// object's size is looked at whatever S3 says. ErrNotFound if the upload was aborted, ErrShort if a part is missing, ErrAway if S3 says that
// it is complete and there is no object yet: it may still be at it, for a request that was given up here.
func (s *Store) complete(ctx context.Context, r *Record) error {
	ctx, cancel := context.WithTimeout(ctx, completePatience)
	defer cancel()
	parts := make([]types.CompletedPart, len(r.Parts))
	for i, p := range r.Parts {
		parts[i] = types.CompletedPart{PartNumber: aws.Int32(p.Number), ETag: aws.String(p.ETag)}
	}
	_, err := s.api.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &s.o.Bucket, Key: &r.Upload, UploadId: &r.UploadID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err = meaning(err); err != nil && !errors.Is(err, errNoUpload) {
		return err
	}
	said := err == nil
	// Who else completes it, to read it, may be at it: then the upload is no more, and the object is not there yet.
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		err := s.completed(ctx, r)
		switch {
		case !errors.Is(err, blob.ErrNotFound):
			return err
		case pause > time.Second && said:
			return fmt.Errorf("%w: %s is complete, it says, and not there", blob.ErrAway, r.Upload)
		case pause > time.Second:
			return err
		}
		time.Sleep(pause)
	}
}

// completed looks for the object that r's upload makes.
func (s *Store) completed(ctx context.Context, r *Record) error {
	size, err := s.objectSize(ctx, r.Upload)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return fmt.Errorf("%w: its multipart upload was aborted", blob.ErrNotFound)
	case err != nil:
		return err
	case size != r.body():
		return fmt.Errorf("%w: %d bytes were completed, want %d", blob.ErrShort, size, r.body())
	}
	s.noteWrite()
	return nil
}

// get opens a piece of an object for reading.
func (s *Store) get(ctx context.Context, p piece) (io.ReadCloser, error) {
	span := fmt.Sprintf("bytes=%d-%d", p.offset, p.offset+p.size-1)
	answer, err := s.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.o.Bucket, Key: &p.name, Range: &span})
	if err != nil {
		return nil, meaning(err)
	}
	if got := aws.ToInt64(answer.ContentLength); got != p.size {
		return nil, errors.Join(fmt.Errorf("%w: %s: %d bytes are answered, want %d", blob.ErrShort, p.name, got, p.size), answer.Body.Close())
	}
	return answer.Body, nil
}
