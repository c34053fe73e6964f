package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"text/tabwriter"
)

// The S3 server of the rows, and its keys.
const (
	bucketName = "satchel"
	bucketKey  = "satchel-bench"
	bucketPass = "satchel-bench-secret"
)

// startBucket starts versitygw over a folder, with an empty bucket.
func (b *bench) startBucket(ctx context.Context, folder string) (*child, error) {
	folder = filepath.Join(folder, "s3")
	if err := os.MkdirAll(filepath.Join(folder, "data", bucketName), 0o700); err != nil {
		return nil, err
	}
	host, err := freeHost()
	if err != nil {
		return nil, err
	}
	return startChild(ctx, start{name: "versitygw", host: host, folder: folder, env: []string{"ROOT_ACCESS_KEY=" + bucketKey, "ROOT_SECRET_KEY=" + bucketPass}},
		b.versitygw, "--port", host, "--region", "us-east-1", "--quiet", "posix", filepath.Join(folder, "data"))
}

// inBucket are satchel's settings for a bucket at an address.
func inBucket(host string) []string {
	return []string{"SATCHEL_BLOBS=s3://" + bucketName + "/files?region=us-east-1&path_style=true&endpoint=http://" + host,
		"AWS_ACCESS_KEY_ID=" + bucketKey, "AWS_SECRET_ACCESS_KEY=" + bucketPass}
}

// onBucket is a satchel whose content is in a bucket. through, if set, is asked for the address at which satchel reaches it.
func (b *bench) onBucket(name string, through func(host string) string) peer {
	return peer{name, func(ctx context.Context, folder string) (*child, error) {
		s3, err := b.startBucket(ctx, folder)
		if err != nil {
			return nil, err
		}
		host := s3.host
		if through != nil {
			host = through(host)
		}
		c, err := satchelPeer(b.satchel, name, "relaxed", false, inBucket(host)...).start(ctx, folder)
		if err != nil {
			s3.stop()
			return nil, err
		}
		c.beside = append(c.beside, s3)
		return c, nil
	}}
}

// What is put into buckets: above what Satchel keeps in its rows, of one part and of many.
const (
	middling  = 256 << 10
	partsFile = 64 * mib
)

// bucketScenes compare content in a bucket with content on the disk.
func (b *bench) bucketScenes(t tusClient) []scene {
	d := davClient(t)
	of := func(r row) scene {
		return scene{protocol: protocol{"S3", `satchel with its content in a bucket of versitygw, over a folder of the same disk, beside satchel with its content on that disk. SQLite; relaxed, so nothing waits for the disk.`},
			ours: []peer{b.onBucket("S3", nil)}, others: []peer{satchelPeer(b.satchel, "disk", "relaxed", false)}, fill: d.folder(putFolder), rows: []row{r}, bulk: true}
	}
	puts := func(w *wire, _ int) (operation, error) {
		return func() error {
			body, n := d.next(middling)
			_, err := w.do(http.MethodPut, fmt.Sprintf("%sfile-%d.bin", putFolder, n), nil, body, http.StatusCreated)
			return err
		}, nil
	}
	gets := func(path string, size int64) func(w *wire, i int) (operation, error) {
		return func(w *wire, i int) (operation, error) {
			path := fmt.Sprintf("%s%s-%d.bin", putFolder, path, i)
			if err := d.put(w, path, size); err != nil {
				return nil, err
			}
			return again(w, []string{path}, size, func(path string) (answer, error) { return w.do(http.MethodGet, path, nil, nil, http.StatusOK) })
		}
	}
	putOne := func(size int64) func(w *wire, i int) (operation, error) {
		return func(w *wire, i int) (operation, error) {
			return func() error { return d.put(w, fmt.Sprintf("%slarge-%d.bin", putFolder, i), size) }, nil
		}
	}
	return []scene{
		of(row{name: "PUT 256 KiB", conns: 4, prepare: puts}),
		of(row{name: "GET 256 KiB", conns: 4, prepare: gets("small", middling)}),
		of(row{name: "PUT 64 MiB", conns: 1, weight: partsFile, once: true, prepare: putOne(partsFile)}),
		of(row{name: "PUT 512 MiB", conns: 1, weight: largeFile, once: true, prepare: putOne(largeFile)}),
		of(row{name: "GET 512 MiB", conns: 1, weight: largeFile, prepare: gets("large", largeFile)}),
		of(row{name: "tus: 64 MiB in one PATCH", conns: 1, weight: partsFile, once: true, prepare: t.large(partsFile, partsFile)}),
		of(row{name: "tus: 64 MiB in PATCHes of 4 MiB", conns: 1, weight: partsFile, once: true, prepare: t.large(partsFile, 4*mib)}),
		of(row{name: "tus: 512 MiB in one PATCH", conns: 1, weight: largeFile, once: true, prepare: t.large(largeFile, largeFile)}),
	}
}

// requestsName is what -only matches for the count of requests.
const requestsName = "S3: requests"

// requests counts what satchel asks S3 for, by a proxy in between.
func (b *bench) requests(ctx context.Context, t tusClient, stdout io.Writer) error {
	if !b.only.MatchString(requestsName) {
		return nil
	}
	var asked atomic.Int64
	var target atomic.Pointer[url.URL]
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		asked.Add(1)
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", target.Load().Host, r.In.Host // it is signed
	}})
	defer proxy.Close()
	c, err := b.begin(ctx, b.onBucket("S3", func(host string) string {
		target.Store(&url.URL{Host: host})
		return proxy.Listener.Addr().String()
	}))
	if err != nil {
		return err
	}
	defer func() {
		c.stop()
		c.remove()
	}()
	w, err := dial(c.host, c.auth)
	if err != nil {
		return err
	}
	defer w.close()
	d := davClient(t)
	if err := d.folder(putFolder)(ctx, c); err != nil {
		return err
	}
	const gib = 1 << 30
	get := func(path string) error {
		_, err := w.do(http.MethodGet, path, nil, nil, http.StatusOK)
		return err
	}
	tus := func(size, piece int64) error {
		do, err := t.large(size, piece)(w, 0)
		if err != nil {
			return err
		}
		return do()
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "Requests to S3\tof one")
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"PUT of 4 KiB", func() error { return d.put(w, putFolder+"4k", small) }},
		{"PUT of 256 KiB", func() error { return d.put(w, putFolder+"256k", middling) }},
		{"GET of 256 KiB", func() error { return get(putFolder + "256k") }},
		{"DELETE of 256 KiB, to the trash", func() error {
			_, err := w.do(http.MethodDelete, putFolder+"256k", nil, nil, http.StatusNoContent)
			return err
		}},
		{"PUT of 1 GiB", func() error { return d.put(w, putFolder+"1g", gib) }},
		{"GET of 1 GiB", func() error { return get(putFolder + "1g") }},
		{"COPY of 1 GiB", func() error {
			_, err := w.do("COPY", putFolder+"1g", []string{"Destination: http://" + w.host + putFolder + "again", "Overwrite: F"}, nil, http.StatusCreated)
			return err
		}},
		{"tus: 1 GiB in one PATCH", func() error { return tus(gib, gib) }},
		{"tus: 64 MiB in PATCHes of 4 MiB", func() error { return tus(64*mib, 4*mib) }},
	} {
		before := asked.Load()
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Fprintf(table, "%s\t%d\n", step.name, asked.Load()-before)
	}
	table.Flush()
	fmt.Fprintln(stdout)
	return ctx.Err()
}
