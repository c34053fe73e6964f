package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
)

// nodeScenes compare three nodes with one, on the same processors, Postgres server and kind of S3 server.
func (b *bench) nodeScenes(t tusClient, postgres func() (*cluster, error)) []scene {
	d := davClient(t)
	of := func(fill func(context.Context, *child) error, rows ...row) scene {
		return scene{protocol: protocol{"Nodes", `three nodes of satchel, asked in turns, beside one: each with a database of its own on one Postgres server that does not wait for the disk, and a bucket of its own; client, nodes and servers on the same processors.`},
			ours: []peer{b.onNodes("3 nodes", 3, postgres)}, others: []peer{b.onNodes("1 node", 1, postgres)}, fill: fill, rows: rows}
	}
	return []scene{
		of(d.few, row{name: "PROPFIND depth 0", conns: davConns, prepare: d.propfinds}, row{name: "GET 4 KiB", conns: davConns, prepare: d.gets}),
		of(d.folder(putFolder), row{name: "PUT 4 KiB", conns: davConns, prepare: d.puts}),
		of(nil, row{name: "create + PATCH 4 KiB", conns: davConns, prepare: t.createAndPatch}),
		of(nil, row{name: "64 MiB in one PATCH", conns: 3, weight: partsFile, once: true, prepare: t.large(partsFile, partsFile)}),
	}
}

// onNodes is n nodes on a database and a bucket of their own.
func (b *bench) onNodes(name string, n int, postgres func() (*cluster, error)) peer {
	return peer{name, func(ctx context.Context, folder string) (_ *child, err error) {
		var all []*child
		defer func() {
			if err != nil {
				for _, c := range all {
					c.stop()
				}
			}
		}()
		server, err := postgres()
		if err != nil {
			return nil, err
		}
		location, err := server.database(ctx, "nodes_"+filepath.Base(folder))
		if err != nil {
			return nil, err
		}
		s3, err := b.startBucket(ctx, folder)
		if err != nil {
			return nil, err
		}
		all = append(all, s3)
		env := append([]string{"SATCHEL_DURABILITY=relaxed", "SATCHEL_DATABASE=" + location}, inBucket(s3.host)...)
		var hosts []string
		for i := range n {
			own := filepath.Join(folder, fmt.Sprintf("node-%d", i+1))
			if err := os.Mkdir(own, 0o700); err != nil {
				return nil, err
			}
			c, err := startSatchel(ctx, b.satchel, name, own, env...)
			if err != nil {
				return nil, err
			}
			all, hosts = append(all, c), append(hosts, c.host)
		}
		first := all[1]
		if first.auth, err = register(ctx, first.host); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", name, err, first.lastWords())
		}
		first.nodes, first.beside = hosts, append(append([]*child(nil), all[2:]...), s3)
		return first, nil
	}}
}

// sides plays scenes of two peers each, and tells the first one's rate for one of the other's.
func (b *bench) sides(ctx context.Context, scenes []scene, stdout io.Writer) error {
	scenes = b.chosen(scenes)
	if len(scenes) == 0 {
		return nil
	}
	var results []result
	for _, s := range scenes {
		of, err := b.play(ctx, s)
		results = append(results, of...)
		if err != nil {
			printFigures(stdout, results)
			return err
		}
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Rates of one for the other's\t\tof\tfor")
	for _, r := range results {
		one, other := r.scene.ours[0].name, r.scene.others[0].name
		ratio, ok := r.ratio(one, other)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.scene.label(r.row), times(ratio, ok), one, other)
	}
	w.Flush()
	fmt.Fprintln(stdout)
	printFigures(stdout, results)
	told := map[string]bool{}
	for _, s := range scenes {
		if !told[s.protocol.name] {
			told[s.protocol.name] = true
			fmt.Fprintf(stdout, "%s: %s\n\n", s.protocol.name, s.protocol.terms)
		}
	}
	return nil
}
