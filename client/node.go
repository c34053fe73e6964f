package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// Node is a file or a folder of the drive, as the server tells it. Names are whatever somebody chose.
type Node struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Path      string    `json:"path"`
	Folder    bool      `json:"folder"`
	Size      int64     `json:"size"` // bytes
	SHA256    string    `json:"sha256,omitempty"`
	MediaType string    `json:"media_type,omitempty"`
	Modified  time.Time `json:"modified"`
	ETag      string    `json:"etag"`
}

// Clean is a path of the drive as a person types it: from the top, with or without slashes around it.
func Clean(text string) string { return path.Clean("/" + text) }

// escape is a path as it stands in an address.
func escape(p string) string {
	var b strings.Builder
	for name := range strings.SplitSeq(strings.Trim(p, "/"), "/") {
		b.WriteString("/" + url.PathEscape(name))
	}
	return b.String()
}

// Stat is what stands at a path, without what is in it. NotFound.
func (c *Client) Stat(ctx context.Context, at string) (Node, error) {
	var n Node
	err := c.call(ctx, http.MethodGet, "/api/v1/files"+escape(at), url.Values{"limit": {"1"}}, nil, &n, true)
	n.Path = Clean(at)
	return n, err
}

// page is how many names are asked for at a time.
const page = 1000

// Children are what is in a folder, folders first, read a page at a time. Each has its path by where it was asked for, whatever the
// server says of it. NotFound; of a file Invalid with code "is_file".
func (c *Client) Children(ctx context.Context, folder string) iter.Seq2[Node, error] {
	return func(yield func(Node, error) bool) {
		query := url.Values{"limit": {strconv.Itoa(page)}}
		for seen := ""; ; {
			var answer struct {
				Node
				Children []Node `json:"children"`
				Next     string `json:"next"`
			}
			if err := c.call(ctx, http.MethodGet, "/api/v1/files"+escape(folder), query, nil, &answer, true); err != nil {
				yield(Node{}, err)
				return
			}
			if !answer.Folder {
				yield(Node{}, fault.New(fault.Invalid, "client.Children", Clean(folder)+" is a file.").WithCode("is_file"))
				return
			}
			for _, n := range answer.Children {
				n.Path = path.Join(Clean(folder), "/"+n.Name)
				if !yield(n, nil) {
					return
				}
			}
			if answer.Next == "" {
				return
			}
			if answer.Next == seen || len(answer.Children) == 0 {
				yield(Node{}, fault.As(fault.Internal, "client.Children", fmt.Errorf("the server lists %q in a circle", folder)))
				return
			}
			seen = answer.Next
			query.Set("after", seen)
		}
	}
}
