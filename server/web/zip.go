package web

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/archive"
)

// maxZipAddress bounds the address of a ZIP, in bytes: clients and proxies take no longer ones.
const maxZipAddress = 4 << 10

// download leads to the one file that was chosen, or to a ZIP of all that was. Where its address would be too long the ZIP is the answer itself: then a WebView that
// hands downloads to its app cannot do so.
func (h *Web) download(w http.ResponseWriter, r *http.Request, who authn.Principal, folder drive.Path, paths []drive.Path) error {
	if len(paths) == 1 {
		node, err := h.drives.Stat(r.Context(), who.UserID, paths[0])
		if err != nil {
			return h.folderProblem(w, r, who, folder, "", err)
		}
		if !node.Folder {
			return redirect(w, r, rawAddress(node.Path)+"?download")
		}
		return redirect(w, r, driveAddress(node.Path)+"?zip")
	}
	if address := zipAddress(folder, paths); len(address) <= maxZipAddress {
		return redirect(w, r, address)
	}
	if err := h.sendZip(w, r, who, folder, paths); err != nil {
		return h.folderProblem(w, r, who, folder, "", err)
	}
	return nil
}

// zipAddress is the address of a ZIP of some of what is in a folder.
func zipAddress(folder drive.Path, paths []drive.Path) string {
	items := make(url.Values)
	for _, p := range paths {
		items.Add("item", p.Name())
	}
	return driveAddress(folder) + "?zip&" + items.Encode()
}

// zip sends a folder as a ZIP, or those of what is in it that the address names.
func (h *Web) zip(w http.ResponseWriter, r *http.Request, who authn.Principal, folder drive.Path) error {
	paths := []drive.Path{folder}
	if items := r.URL.Query()["item"]; len(items) > 0 {
		var err error
		if paths, err = children(folder, items); err != nil {
			return err
		}
		if len(paths) == 1 {
			return h.download(w, r, who, folder, paths) // a file as it is
		}
	}
	return h.sendZip(w, r, who, folder, paths)
}

// How many ZIPs one process sends to people who are signed in.
const (
	maxZips      = 32
	maxZipsOfOne = 4
)

func (h *Web) sendZip(w http.ResponseWriter, r *http.Request, who authn.Principal, folder drive.Path, paths []drive.Path) error {
	end, err := h.zips.Begin(who.UserID)
	if err != nil {
		return err
	}
	defer end()
	name := folder.Name()
	if len(paths) == 1 {
		name = paths[0].Name()
	}
	return archive.SendPaths(w, r, disposition(cmp.Or(name, "Satchel")+".zip", false), h.drives, who.UserID, paths)
}
