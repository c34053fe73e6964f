package s3

import (
	"context"
	"errors"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"
)

// What came of an attempt of a request.
const (
	OK      = "ok"      // done; of a download, that it began
	Missing = "missing" // 404
	Refused = "refused" // another 4xx
	Failed  = "failed"  // 5xx
	Broken  = "broken"  // no answer
	Left    = "left"    // who asked did not wait
)

// Calls are what a store asks for, as S3 names it.
func Calls() []string {
	return []string{"PutObject", "GetObject", "HeadObject", "DeleteObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload",
		"AbortMultipartUpload", "ListParts", "ListMultipartUploads", "ListObjectsV2", "HeadBucket"}
}

// Results are all that may come of one.
func Results() []string { return []string{OK, Missing, Refused, Failed, Broken, Left} }

// attempts tells of each attempt: it stands behind what asks again.
func attempts(observe func(ctx context.Context, call string, began time.Time, result string)) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("SatchelAttempts",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
				began := time.Now()
				out, meta, err := next.HandleFinalize(ctx, in)
				observe(ctx, awsmiddleware.GetOperationName(ctx), began, resultOf(ctx, err))
				return out, meta, err
			}), "Retry", middleware.After)
	}
}

func resultOf(ctx context.Context, err error) string {
	var answer *awshttp.ResponseError
	switch {
	case err == nil:
		return OK
	case errors.Is(ctx.Err(), context.Canceled):
		return Left
	case !errors.As(err, &answer) || answer.HTTPStatusCode() < 300:
		return Broken
	case answer.HTTPStatusCode() == http.StatusNotFound:
		return Missing
	case answer.HTTPStatusCode() < 500:
		return Refused
	}
	return Failed
}
