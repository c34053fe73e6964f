package s3_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/blob/s3/s3test"
)

// Each try of a request is told of, with what came of it; and the names that are told are those that there are.
func TestObserve(t *testing.T) {
	c := newScene(t)
	var told []string
	c.options.Observe = func(_ context.Context, call string, began time.Time, result string) {
		if began.IsZero() || !slices.Contains(s3.Calls(), call) || !slices.Contains(s3.Results(), result) {
			t.Errorf("told of %s: %s since %v", call, result, began)
		}
		told = append(told, call+" "+result)
	}
	c.Store = open(t, c.db, c.options)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	fates := []s3test.Fate{s3test.Refuse, s3test.Lose, s3test.Pass} // of the first three
	c.proxy.Decide(func(r *http.Request) s3test.Fate {
		if s3test.Operation(r) == "ListObjectsV2" {
			leave()
			<-r.Context().Done()
		}
		if len(fates) == 0 {
			return s3test.Pass
		}
		fate := fates[0]
		fates = fates[1:]
		return fate
	})
	content := noise(100)
	g := c.stage("k")
	c.write(g, content)
	c.must(g.Seal(t.Context()))
	c.wantBlob("k", content)
	if _, _, err := c.Sweep(ctx, time.Now()); err == nil {
		t.Error("who swept has left, and it was swept")
	}
	if got, want := strings.Join(told, ", "), "PutObject failed, PutObject broken, PutObject ok, GetObject ok, ListObjectsV2 left"; got != want {
		t.Errorf("told of %s; want %s", got, want)
	}
}
