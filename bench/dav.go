package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// Of the rows of WebDAV.
const (
	davConns  = 16
	fewFiles  = 256    // small files that are asked for, shared out among the connections
	manyFiles = 10_000 // children of the folder that is listed, copied and removed
	largeFile = 512 * mib
)

// The folders of davRoot.
const (
	fewFolder  = davRoot + "few/"
	manyFolder = davRoot + "many/"
	putFolder  = davRoot + "put/"
	largePath  = davRoot + "large.bin"
)

// statusMulti is the status of a PROPFIND answer (RFC 4918, section 11.1).
const statusMulti = 207

// davClient reads and writes files.
type davClient struct{ *contents }

// propertiesBody asks what every client shows of a file, and what every one of the servers knows.
const propertiesBody = `<?xml version="1.0" encoding="utf-8"?>` + "\n" +
	`<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:getcontentlength/><D:getlastmodified/></D:prop></D:propfind>`

// scenes are what is measured of WebDAV, with the goals of the project.
func (d davClient) scenes(p davPeers) []scene {
	of := func(ours, others []peer, fill func(context.Context, *child) error, rows ...row) scene {
		return scene{protocol: protocol{"WebDAV", p.terms}, ours: ours, others: others, fill: fill, rows: rows}
	}
	bulk := func(s scene) scene {
		s.bulk = true
		return s
	}
	put := row{name: "PUT 4 KiB", conns: davConns, judged: strict, goal: 1.5, prepare: d.puts}
	putSynced := put
	putSynced.name = "PUT 4 KiB, all synced"
	return []scene{
		of(p.strict, p.others, d.few,
			row{name: "PROPFIND depth 0", conns: davConns, judged: strict, goal: 1, prepare: d.propfinds},
			row{name: "GET 4 KiB", conns: davConns, judged: strict, goal: 1, prepare: d.gets}),
		of(p.both, p.others, d.folder(putFolder), put),
		of(p.strict, p.synced, d.folder(putFolder), putSynced),
		of(p.strict, p.others, d.many,
			row{name: "PROPFIND depth 1 of 10000 files", conns: 1, judged: strict, goal: 1, against: nginx, prepare: d.list},
			row{name: "COPY of 10000 files", conns: 1, judged: strict, goal: 20, once: true, prepare: d.copy},
			row{name: "DELETE of 10000 files", conns: 1, judged: strict, goal: 5, once: true, prepare: d.remove}),
		bulk(of(p.strict, p.others, d.large,
			row{name: "GET 512 MiB", conns: 1, judged: strict, goal: 0.9, weight: largeFile, prepare: d.getLarge})),
		bulk(of(p.both, p.others, nil,
			row{name: "PUT 512 MiB", conns: 1, judged: relaxed, goal: 0.95, weight: largeFile, once: true, prepare: d.putLarge})),
	}
}

// folder makes an empty folder.
func (d davClient) folder(path string) func(context.Context, *child) error {
	return func(_ context.Context, c *child) error {
		w, err := dial(c.host, c.auth)
		if err != nil {
			return err
		}
		defer w.close()
		_, err = w.do("MKCOL", path, nil, nil, http.StatusCreated)
		return err
	}
}

func (d davClient) few(ctx context.Context, c *child) error {
	return d.fill(ctx, c, fewFolder, fewFiles)
}
func (d davClient) many(ctx context.Context, c *child) error {
	return d.fill(ctx, c, manyFolder, manyFiles)
}

func numbered(folder string, n int) string { return fmt.Sprintf("%sfile-%05d.bin", folder, n) }

// fill makes a folder of n small files.
func (d davClient) fill(ctx context.Context, c *child, folder string, n int) error {
	if err := d.folder(folder)(ctx, c); err != nil {
		return err
	}
	operations := make([]operation, davConns)
	for i := range operations {
		w, err := dial(c.host, c.auth)
		if err != nil {
			return err
		}
		defer w.close()
		operations[i] = func() error {
			for k := i; k < n && ctx.Err() == nil; k += davConns {
				if err := d.put(w, numbered(folder, k), small); err != nil {
					return err
				}
			}
			return nil
		}
	}
	_, err := together(ctx, operations, 0)
	return err
}

// large makes the large file.
func (d davClient) large(_ context.Context, c *child) error {
	w, err := dial(c.host, c.auth)
	if err != nil {
		return err
	}
	defer w.close()
	return d.put(w, largePath, largeFile)
}

// put writes a file that is not there yet.
func (d davClient) put(w *wire, path string, size int64) error {
	body, _ := d.next(size)
	_, err := w.do(http.MethodPut, path, nil, body, http.StatusCreated)
	return err
}

func (d davClient) puts(w *wire, _ int) (operation, error) {
	return func() error {
		body, n := d.next(small)
		_, err := w.do(http.MethodPut, putFolder+"file-"+strconv.FormatUint(n, 10)+".bin", nil, body, http.StatusCreated)
		return err
	}, nil
}

// putLarge asks something before, so that a server which remembers whose a password is does: a client that mounts a drive has asked, too.
func (d davClient) putLarge(w *wire, _ int) (operation, error) {
	if _, err := propfind(w, davRoot, "0"); err != nil {
		return nil, err
	}
	return func() error { return d.put(w, largePath, largeFile) }, nil
}

var errSize = errors.New("the answer has another size than the first one")

// again repeats a request over paths in turn. Every answer must be as long as the first one of its path, which is sized bytes long unless
// that is negative.
func again(w *wire, paths []string, size int64, ask func(path string) (answer, error)) (operation, error) {
	sizes := make([]int64, len(paths))
	for i, path := range paths {
		a, err := ask(path)
		if err != nil {
			return nil, err
		}
		if size >= 0 && a.size != size {
			return nil, fmt.Errorf("%s: %d bytes instead of %d", path, a.size, size)
		}
		sizes[i] = a.size
	}
	turn := 0
	return func() error {
		turn++
		i := turn % len(paths)
		a, err := ask(paths[i])
		if err == nil && a.size != sizes[i] {
			err = fmt.Errorf("%s: %w: %d, not %d", paths[i], errSize, a.size, sizes[i])
		}
		return err
	}, nil
}

// own are the small files that a connection asks for.
func own(connection int) []string {
	var paths []string
	for k := connection; k < fewFiles; k += davConns {
		paths = append(paths, numbered(fewFolder, k))
	}
	return paths
}

func (d davClient) gets(w *wire, connection int) (operation, error) {
	return again(w, own(connection), small, func(path string) (answer, error) {
		return w.do(http.MethodGet, path, nil, nil, http.StatusOK)
	})
}

func (d davClient) getLarge(w *wire, _ int) (operation, error) {
	return again(w, []string{largePath}, largeFile, func(path string) (answer, error) {
		return w.do(http.MethodGet, path, nil, nil, http.StatusOK)
	})
}

func propfind(w *wire, path, depth string) (answer, error) {
	body := &content{size: int64(len(propertiesBody)), block: []byte(propertiesBody)}
	return w.do("PROPFIND", path, []string{"Depth: " + depth, "Content-Type: application/xml"}, body, statusMulti)
}

func (d davClient) propfinds(w *wire, connection int) (operation, error) {
	paths := own(connection)
	if err := listed(w, paths[0], "0", 1); err != nil {
		return nil, err
	}
	return again(w, paths, -1, func(path string) (answer, error) { return propfind(w, path, "0") })
}

func (d davClient) list(w *wire, _ int) (operation, error) {
	if err := listed(w, manyFolder, "1", 1+manyFiles); err != nil {
		return nil, err
	}
	return again(w, []string{manyFolder}, -1, func(path string) (answer, error) { return propfind(w, path, "1") })
}

// listed checks that an answer tells of n resources, and the size of all files among them.
func listed(w *wire, path, depth string, n int) error {
	var body bytes.Buffer
	w.keep = &body
	defer func() { w.keep = nil }()
	if _, err := propfind(w, path, depth); err != nil {
		return err
	}
	// Prefixes of the namespace differ between servers.
	files := min(n, max(1, n-1))
	if got, sizes := bytes.Count(body.Bytes(), []byte(":href>"))/2, bytes.Count(body.Bytes(), []byte(":getcontentlength>4096</")); got != n || sizes != files {
		return fmt.Errorf("PROPFIND %s tells of %d resources and %d sizes instead of %d and %d: %.300s", path, got, sizes, n, files, body.Bytes())
	}
	return nil
}

// copy makes a folder that is not there yet.
func (d davClient) copy(w *wire, _ int) (operation, error) {
	return func() error { return duplicate(w, davRoot+"copy/") }, nil
}

func duplicate(w *wire, to string) error {
	_, err := w.do("COPY", manyFolder, []string{"Destination: http://" + w.host + to, "Depth: infinity", "Overwrite: F"}, nil,
		http.StatusCreated, http.StatusNoContent) // nginx says the latter for both
	return err
}

// remove takes a copy away again.
func (d davClient) remove(w *wire, _ int) (operation, error) {
	const gone = davRoot + "gone/"
	if err := duplicate(w, gone); err != nil {
		return nil, err
	}
	if err := listed(w, gone, "1", 1+manyFiles); err != nil {
		return nil, err
	}
	return func() error {
		_, err := w.do(http.MethodDelete, gone, nil, nil, http.StatusNoContent)
		return err
	}, nil
}
