package s3

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/satchelhq/satchel/blob"
)

// AddressLife is how long a request may begin to an address that Address answers. What has begun goes on to its end.
const AddressLife = 5 * time.Minute

// Address is where whoever has it reads a blob from S3 itself, by GET, with these two headers in the answer. It is signed for [AddressLife] and cannot be
// taken back. Empty if Options.Public is, or if the blob is no object by itself.
func (s *Store) Address(ctx context.Context, key blob.Key, contentType, disposition string) (string, error) {
	if s.signer == nil {
		return "", nil
	}
	if err := checkKey("address", key); err != nil {
		return "", err
	}
	r, err := s.ledger.Load(ctx, key)
	if err == nil && !r.Sealed {
		err = blob.ErrNotFound
	}
	if err != nil {
		return "", fail("address", key, err)
	}
	pieces := r.pieces(r.Size)
	if len(pieces) != 1 {
		return "", nil
	}
	private := "private, no-store"
	signed, err := s.signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.o.Bucket, Key: &pieces[0].name,
		ResponseContentType: &contentType, ResponseContentDisposition: &disposition, ResponseCacheControl: &private}, s3.WithPresignExpires(AddressLife))
	if err != nil {
		return "", fail("address", key, err)
	}
	return signed.URL, nil
}

// newSigner signs addresses of the service as others reach it.
func newSigner(api *s3.Client, public string) *s3.PresignClient {
	return s3.NewPresignClient(s3.New(api.Options(), func(o *s3.Options) {
		o.BaseEndpoint, o.APIOptions = &public, nil // nothing is asked for, so there is nothing to count
	}))
}
