package s3

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/satchelhq/satchel/blob"
)

// Sweep removes the objects and aborts the uploads that no record names. See [blob.Sweeper].
func (s *Store) Sweep(ctx context.Context, before time.Time) (n int, bytes int64, err error) {
	objects := s3.NewListObjectsV2Paginator(s.api, &s3.ListObjectsV2Input{Bucket: &s.o.Bucket, Prefix: &s.o.Prefix})
	for objects.HasMorePages() {
		page, err := objects.NextPage(ctx)
		if err != nil {
			return n, bytes, fmt.Errorf("blob/s3: sweep: %w", meaning(err))
		}
		orphans, err := s.orphans(ctx, page.Contents, before)
		if err != nil {
			return n, bytes, fmt.Errorf("blob/s3: sweep: %w", err)
		}
		for _, o := range orphans {
			if err := s.delete(ctx, aws.ToString(o.Key)); err != nil {
				return n, bytes, fmt.Errorf("blob/s3: sweep: %w", err)
			}
			n++
			bytes += aws.ToInt64(o.Size)
		}
	}
	uploads, err := s.sweepUploads(ctx, before)
	return n + uploads, bytes, err
}

// orphans are those of a page of objects that are old and that no record names. A page is compared with the rows of its keys at
// once; what these do not name is looked up once more.
func (s *Store) orphans(ctx context.Context, page []types.Object, before time.Time) (orphans []types.Object, err error) {
	var last blob.Key
	var after string
	for _, o := range page {
		if key, ours := s.keyOf(aws.ToString(o.Key)); ours {
			if after == "" {
				after = string(key[:len(key)-1]) // a key before it
			}
			last = key
		}
	}
	named := map[string]bool{}
	for at := blob.Key(after); last != ""; {
		entries, err := s.ledger.Page(ctx, at, last, 1000)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			for _, name := range e.names() {
				named[name] = true
			}
		}
		at = entries[len(entries)-1].Key
	}
	for _, o := range page {
		name := aws.ToString(o.Key)
		key, ours := s.keyOf(name)
		if !ours || named[name] || !aws.ToTime(o.LastModified).Before(before) {
			continue
		}
		r, err := s.ledger.Load(ctx, key)
		if err != nil && !errors.Is(err, blob.ErrNotFound) {
			return nil, err
		}
		if !slices.Contains(r.names(), name) {
			orphans = append(orphans, o)
		}
	}
	return orphans, nil
}

func (s *Store) sweepUploads(ctx context.Context, before time.Time) (n int, err error) {
	uploads := s3.NewListMultipartUploadsPaginator(s.api, &s3.ListMultipartUploadsInput{Bucket: &s.o.Bucket, Prefix: &s.o.Prefix})
	for uploads.HasMorePages() {
		page, err := uploads.NextPage(ctx)
		if err != nil {
			return n, fmt.Errorf("blob/s3: sweep uploads: %w", meaning(err))
		}
		for _, u := range page.Uploads {
			name, id := aws.ToString(u.Key), aws.ToString(u.UploadId)
			key, ours := s.keyOf(name)
			if !ours || !aws.ToTime(u.Initiated).Before(before) {
				continue
			}
			r, err := s.ledger.Load(ctx, key)
			if err != nil && !errors.Is(err, blob.ErrNotFound) {
				return n, fmt.Errorf("blob/s3: sweep uploads: %w", err)
			}
			if r.UploadID == id {
				continue
			}
			if err := s.abort(ctx, name, id); err != nil {
				return n, fmt.Errorf("blob/s3: sweep uploads: %w", err)
			}
			n++
		}
	}
	return n, nil
}
