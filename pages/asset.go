package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// dist holds at least .gitkeep, so that a clone without a bundle builds.
//
//go:embed all:dist
var distFiles embed.FS

//go:embed src/satchel.css src/satchel.svg
var sourceFiles embed.FS

// AssetPrefix is the path under which the pages ask for their assets.
const AssetPrefix = "/assets/"

// Asset is a file that pages load. Its name changes with its content, so it may be cached for ever.
type Asset struct {
	Content   []byte
	MediaType string
}

// Asset answers the asset of a hashed name: the last element of an address below AssetPrefix.
func (p *Pages) Asset(name string) (Asset, bool) {
	a, ok := p.assets[name]
	return a, ok
}

func embeddedBundle() fs.FS {
	bundle, err := fs.Sub(distFiles, "dist")
	if err != nil { // the name is a constant
		panic(err)
	}
	return bundle
}

// loadAssets reads the assets and answers their addresses by plain name.
func (p *Pages) loadAssets(bundle fs.FS) (map[string]string, error) {
	source, err := fs.Sub(sourceFiles, "src")
	if err != nil {
		return nil, err
	}
	addresses := map[string]string{}
	for _, a := range [...]struct {
		from            fs.FS
		name, mediaType string
		optional        bool
	}{
		{source, "satchel.css", "text/css; charset=utf-8", false},
		{source, "satchel.svg", "image/svg+xml", false},
		{bundle, "satchel.js", "text/javascript; charset=utf-8", true},
		{bundle, "hash.js", "text/javascript; charset=utf-8", true},
		{bundle, "icon-192.png", "image/png", true},
		{bundle, "icon-512.png", "image/png", true},
		{bundle, "icon-maskable.png", "image/png", true},
		{bundle, "icon-touch.png", "image/png", true},
	} {
		content, err := fs.ReadFile(a.from, a.name)
		if a.optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		hashed := hashedName(a.name, content)
		p.assets[hashed] = Asset{Content: content, MediaType: a.mediaType}
		addresses[a.name] = AssetPrefix + hashed
	}
	worker, err := fs.ReadFile(bundle, "share.js")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p.worker = Asset{Content: worker, MediaType: "text/javascript; charset=utf-8"}
	return addresses, nil
}

// hashedName puts the start of the content's SHA-256 before the extension.
func hashedName(name string, content []byte) string {
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext
}
