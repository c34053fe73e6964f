package client

import (
	"context"
	"net/http"
	"path"

	"github.com/satchelhq/satchel/fault"
)

// Mkdir makes a folder in one that is there. Exists, ParentMissing.
func (c *Client) Mkdir(ctx context.Context, at string) error {
	return c.call(ctx, http.MethodPost, "/api/v1/folders", nil, map[string]string{"path": Clean(at)}, nil, false)
}

// MkdirAll makes a folder with those above it that are missing. One that is there is no error.
func (c *Client) MkdirAll(ctx context.Context, at string) error {
	at = Clean(at)
	if at == "/" {
		return nil
	}
	err := c.Mkdir(ctx, at)
	switch code, _, _ := fault.Public(err); {
	case err == nil:
		return nil
	case code == "parent_missing":
		if err := c.MkdirAll(ctx, path.Dir(at)); err != nil {
			return err
		}
		return c.Mkdir(ctx, at)
	case fault.Is(err, fault.Exists):
		if n, looking := c.Stat(ctx, at); looking == nil && n.Folder {
			return nil
		}
	}
	return err
}

// Remove moves what stands at a path to the trash, a folder with all in it. NotFound.
func (c *Client) Remove(ctx context.Context, at string) error {
	return c.call(ctx, http.MethodDelete, "/api/v1/files"+escape(at), nil, nil, nil, false)
}

// RemoveUnchanged is Remove for what was looked at before: Precondition if another content, or another thing, stands there since. One that is gone
// is no error.
func (c *Client) RemoveUnchanged(ctx context.Context, n Node) error {
	q := request{method: http.MethodDelete, path: "/api/v1/files" + escape(n.Path), header: map[string]string{"If-Match": n.ETag}}
	err := c.insist(ctx, q, nil, true)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case fault.Is(err, fault.Precondition):
		return fault.New(fault.Precondition, "client.RemoveUnchanged", "It was changed meanwhile, and stays.").WithCode("changed")
	}
	return err
}

// Move gives a file or a folder another path. Exists, unless what stands there is to be moved to the trash.
func (c *Client) Move(ctx context.Context, from, to string, overwrite bool) error {
	return c.transfer(ctx, "/api/v1/move", from, to, overwrite)
}

// Copy makes another of a file or a folder with all in it, on the server.
func (c *Client) Copy(ctx context.Context, from, to string, overwrite bool) error {
	return c.transfer(ctx, "/api/v1/copy", from, to, overwrite)
}

func (c *Client) transfer(ctx context.Context, address, from, to string, overwrite bool) error {
	body := map[string]any{"from": Clean(from), "to": Clean(to), "overwrite": overwrite}
	return c.call(ctx, http.MethodPost, address, nil, body, nil, false)
}
