package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

const files = "/files/"

// tusClient makes uploads.
type tusClient struct{ *contents }

const (
	versionLine = "Tus-Resumable: 1.0.0"
	typeLine    = "Content-Type: application/offset+octet-stream"
)

// upload is content that no other upload has, and the metadata line with a name that no other has.
func (t tusClient) upload(size int64) (*content, string) {
	body, n := t.next(size)
	name := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "file-%08d.bin", n))
	return body, "Upload-Metadata: filename " + name
}

func lengthLine(n int64) string { return "Upload-Length: " + strconv.FormatInt(n, 10) }
func offsetLine(n int64) string { return "Upload-Offset: " + strconv.FormatInt(n, 10) }

// create begins an upload and answers its path. With body it is sent along.
func (t tusClient) create(w *wire, length int64, metadata string, body *content) (string, error) {
	header := []string{versionLine, lengthLine(length), metadata}
	if body != nil {
		header = append(header, typeLine)
	}
	a, err := w.do(http.MethodPost, files, header, body, http.StatusCreated)
	if err != nil {
		return "", err
	}
	if body != nil {
		if err := a.at(body.size); err != nil {
			return "", err
		}
	}
	location, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		return "", err
	}
	return location.Path, nil
}

func (t tusClient) patch(w *wire, path string, offset int64, body *content) error {
	a, err := w.do(http.MethodPatch, path, []string{versionLine, typeLine, offsetLine(offset)}, body, http.StatusNoContent)
	if err != nil {
		return err
	}
	return a.at(offset + body.size)
}

// head asks for the offset, which must be what is expected.
func (t tusClient) head(w *wire, path string, expected int64) error {
	a, err := w.do(http.MethodHead, path, []string{versionLine}, nil, http.StatusOK)
	if err != nil {
		return err
	}
	return a.at(expected)
}

// terminate removes an upload (tus 1.0, "Termination").
func (t tusClient) terminate(w *wire, path string) error {
	_, err := w.do(http.MethodDelete, path, []string{versionLine}, nil, http.StatusNoContent)
	return err
}

var errOffset = errors.New("the server is at another offset than was sent")

func (a answer) at(offset int64) error {
	if got := a.header.Get("Upload-Offset"); got != strconv.FormatInt(offset, 10) {
		return fmt.Errorf("%w: %s, not %d", errOffset, got, offset)
	}
	return nil
}

// scenes are what is measured of tus, with the goals of the project.
func (t tusClient) scenes(ours, others []peer) []scene {
	tusProtocol := protocol{name: "tus", terms: `satchel verifies a Bearer token and looks its session up with every request. tusd v2.10.1 with file store and
file locker; it asks nobody who they are, and never waits for the disk.`}
	var all []scene
	add := func(r row) {
		r.judged = relaxed
		all = append(all, scene{protocol: tusProtocol, ours: ours, others: others, rows: []row{r}, bulk: r.once})
	}
	for _, conns := range []int{1, 16} {
		add(row{name: "create + PATCH 4 KiB", conns: conns, goal: 3, prepare: t.createAndPatch})
		add(row{name: "creation-with-upload 4 KiB", conns: conns, goal: 1.2, prepare: t.createWithUpload})
	}
	add(row{name: "create + PATCH 4 KiB + DELETE half way", conns: 16, prepare: t.cancelled})
	add(row{name: "HEAD", conns: 16, prepare: t.heads})
	add(row{name: "PATCH of 512 MiB", conns: 1, goal: 1, weight: 512 * mib, once: true, prepare: t.large(512*mib, 512*mib)})
	add(row{name: "256 MiB in PATCHes of 1 MiB", conns: 1, goal: 1, weight: 256 * mib, once: true, prepare: t.large(256*mib, mib)})
	return all
}

func (t tusClient) createAndPatch(w *wire, _ int) (operation, error) {
	return func() error {
		body, metadata := t.upload(small)
		path, err := t.create(w, small, metadata, nil)
		if err != nil {
			return err
		}
		return t.patch(w, path, 0, body)
	}, nil
}

func (t tusClient) createWithUpload(w *wire, _ int) (operation, error) {
	return func() error {
		body, metadata := t.upload(small)
		_, err := t.create(w, small, metadata, body)
		return err
	}, nil
}

// cancelled is an upload that its client gives up. What was removed makes a difference for what comes next: see docs/bench.md.
func (t tusClient) cancelled(w *wire, _ int) (operation, error) {
	return func() error {
		body, metadata := t.upload(small)
		path, err := t.create(w, 2*small, metadata, nil)
		if err != nil {
			return err
		}
		if err := t.patch(w, path, 0, body); err != nil {
			return err
		}
		return t.terminate(w, path)
	}, nil
}

// heads asks for unfinished uploads, four of each connection's own.
func (t tusClient) heads(w *wire, _ int) (operation, error) {
	const each = 4
	var paths []string
	for range each {
		body, metadata := t.upload(small / 2)
		path, err := t.create(w, small, metadata, body)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	turn := 0
	return func() error {
		turn++
		return t.head(w, paths[turn%each], small/2)
	}, nil
}

// large is one file of size bytes, in PATCHes of at most piece bytes. The creation is measured with it.
func (t tusClient) large(size, piece int64) func(*wire, int) (operation, error) {
	return func(w *wire, _ int) (operation, error) {
		return func() error {
			body, metadata := t.upload(size)
			path, err := t.create(w, size, metadata, nil)
			if err != nil {
				return err
			}
			for at := int64(0); at < size; at += piece {
				part := *body
				part.size = min(piece, size-at)
				if err := t.patch(w, path, at, &part); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
}
