package client

import (
	"context"
	"net/http"
	"time"
)

// Share is a link to a file or folder.
type Share struct {
	ID        string     `json:"id"`
	URL       string     `json:"url"`
	UploadURL *string    `json:"upload_url"`
	Kind      string     `json:"kind"` // download or drop
	Name      string     `json:"name"`
	Path      *string    `json:"path"` // nil while it is in the trash
	Protected bool       `json:"protected"`
	Uses      int64      `json:"uses"`
	MaxUses   *int64     `json:"max_uses"`
	MaxSize   *int64     `json:"max_size"`
	Created   time.Time  `json:"created_at"`
	Used      *time.Time `json:"used_at"`
	Expires   *time.Time `json:"expires_at"`
}

// NewShare is what a link is made of.
type NewShare struct {
	Path     string     `json:"path"`
	Kind     string     `json:"kind,omitempty"` // download or drop; default download
	Name     string     `json:"name,omitempty"`
	Password string     `json:"password,omitempty"`
	MaxUses  int64      `json:"max_uses,omitempty"` // 0 is any number
	MaxSize  int64      `json:"max_size,omitempty"` // bytes; 0 is as the drive has it
	Expires  *time.Time `json:"expires_at,omitempty"`
}

// MakeShare opens a file or folder to whoever has the link. Forbidden with code "session_required" by an app password.
func (c *Client) MakeShare(ctx context.Context, n NewShare) (Share, error) {
	var s Share
	n.Path = Clean(n.Path)
	err := c.call(ctx, http.MethodPost, "/api/v1/shares", nil, n, &s, false)
	return s, err
}

// Shares are the links, newest first.
func (c *Client) Shares(ctx context.Context) ([]Share, error) {
	var all struct{ Items []Share }
	err := c.call(ctx, http.MethodGet, "/api/v1/shares", nil, nil, &all, true)
	return all.Items, err
}

// EndShare ends a link.
func (c *Client) EndShare(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/v1/shares"+escape(id), nil, nil, nil, false)
}
