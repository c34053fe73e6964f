package s3

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Objects calls take for the objects that the bucket has of this store, a page at a time, each as the record of a sealed blob. It is for who has a bucket and
// no ledger of it. It was written to with Options.Sealed and no stage was synced, so each object is the content of its key; if there are several, a
// call was cut short, and they are the same.
func (s *Store) Objects(ctx context.Context, take func(context.Context, []Entry) error) error {
	pages := s3.NewListObjectsV2Paginator(s.api, &s3.ListObjectsV2Input{Bucket: &s.o.Bucket, Prefix: &s.o.Prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("blob/s3: objects: %w", meaning(err))
		}
		var all []Entry
		for _, o := range page.Contents {
			name, size := aws.ToString(o.Key), aws.ToInt64(o.Size)
			if key, ours := s.keyOf(name); ours {
				all = append(all, Entry{key, size, Record{Version: 1, Epoch: 1, Sealed: true, Object: name, Size: size, Modified: aws.ToTime(o.LastModified)}})
			}
		}
		if err := take(ctx, all); err != nil {
			return err
		}
	}
	return nil
}
