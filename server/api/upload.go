package api

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// uploadBody is an unfinished upload, which any device of its owner may go on with.
type uploadBody struct {
	ID     string `json:"id"`
	URL    string `json:"url"` // for tus
	Name   string `json:"name"`
	Folder string `json:"folder"`
	Size   *int64 `json:"size"`   // bytes, if only announced; null while the client has not told it
	Offset int64  `json:"offset"` // bytes that are durable
	// Of one that is joined of parts, in order: its bytes go to their addresses. Null for others.
	Parts  []pieceBody `json:"parts"`
	SHA256 *string     `json:"sha256"` // of the whole, hexadecimal, as the client said; null if it did not
	// When the file was changed last, as the client said; null if it did not. It helps to know the file again on another device.
	Modified *time.Time `json:"modified_at"`
	Created  time.Time  `json:"created_at"`
	Expires  time.Time  `json:"expires_at"`
}

// pieceBody is a part of an unfinished upload.
type pieceBody struct {
	URL    string `json:"url"`    // for tus
	Size   *int64 `json:"size"`   // bytes; null while the client has not told it
	Offset int64  `json:"offset"` // bytes that are durable
}

func (a *api) uploadOf(r *http.Request, u drive.Upload) uploadBody {
	body := uploadBody{
		ID: u.ID, URL: a.origin.Base(r) + a.uploads + u.ID, Name: u.Name, Folder: string(drive.Shown(r.Context(), u.Folder)), Offset: u.Offset,
		Created: u.Created.UTC(), Expires: u.Expires.UTC(),
	}
	if u.Length >= 0 {
		body.Size = &u.Length
	} else if announced, ok := u.Announced(); ok {
		body.Size = &announced
	}
	for _, piece := range u.Pieces {
		part := pieceBody{URL: a.origin.Base(r) + a.uploads + piece.ID, Offset: piece.Offset}
		if piece.Length >= 0 {
			part.Size = &piece.Length
		}
		body.Parts = append(body.Parts, part)
	}
	if len(u.SHA256) > 0 {
		sum := hex.EncodeToString(u.SHA256)
		body.SHA256 = &sum
	}
	if !u.Modified.IsZero() {
		modified := u.Modified.UTC()
		body.Modified = &modified
	}
	return body
}

type uploadsBody struct {
	Items []uploadBody `json:"items"`
}

// listUploads answers the caller's unfinished uploads, newest first.
func (a *api) listUploads(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	limit, err := limitOf(r.URL.Query())
	if err != nil {
		return err
	}
	all, err := a.drives.OpenUploads(r.Context(), p.UserID, limit)
	if err != nil {
		return err
	}
	body := uploadsBody{Items: make([]uploadBody, 0, len(all))}
	for _, u := range all {
		body.Items = append(body.Items, a.uploadOf(r, u))
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

// lookupStatus says what is known of content that was looked for.
type lookupStatus string

const (
	lookupComplete  lookupStatus = "complete"  // it is the caller's already: File was made of it
	lookupPartial   lookupStatus = "partial"   // go on with Upload
	lookupChallenge lookupStatus = "challenge" // answer Challenge, or upload
	lookupNone      lookupStatus = "none"      // upload
)

type lookupBody struct {
	Status    lookupStatus   `json:"status"`
	File      *nodeBody      `json:"file,omitempty"`
	Upload    *uploadBody    `json:"upload,omitempty"`
	Challenge *challengeBody `json:"challenge,omitempty"`
}

// challengeBody asks for a proof: the SHA-256 of the nonce's bytes followed by the bytes of each range, in their order.
type challengeBody struct {
	ID      string        `json:"id"`
	Nonce   []byte        `json:"nonce"` // Base64
	Ranges  []drive.Range `json:"ranges"`
	Expires time.Time     `json:"expires_at"`
}

// lookup asks for content by its hash before it is uploaded. What nobody may upload is refused here too.
func (a *api) lookup(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	wanted, err := readWanted(w, r)
	if err != nil {
		return err
	}
	found, err := a.drives.Lookup(r.Context(), p.UserID, wanted)
	if err != nil {
		return err
	}
	body := lookupBody{Status: lookupNone}
	switch {
	case found.Node != nil:
		file := nodeOf(r.Context(), *found.Node)
		body.Status, body.File = lookupComplete, &file
	case found.Upload != nil:
		upload := a.uploadOf(r, *found.Upload)
		body.Status, body.Upload = lookupPartial, &upload
	case found.Challenge != nil:
		c := found.Challenge
		body.Status, body.Challenge = lookupChallenge, &challengeBody{c.ID, c.Nonce, c.Ranges, c.Expires.UTC()}
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

func readWanted(w http.ResponseWriter, r *http.Request) (drive.Wanted, error) {
	var sum, name, folder, conflict string
	size := int64(-1)
	if err := readBody(w, r, fields{"sha256": &sum, "size": &size, "name": &name, "folder": &folder, "conflict": &conflict}); err != nil {
		return drive.Wanted{}, err
	}
	if err := required("sha256", sum, "name", name); err != nil {
		return drive.Wanted{}, err
	}
	digest, ok := readSHA256(sum)
	if !ok {
		return drive.Wanted{}, notSHA256("sha256")
	}
	if size < 0 {
		return drive.Wanted{}, invalid("invalid_fields", []fault.Field{{Name: "size", Code: "required", Message: "The content's length in bytes is required."}})
	}
	in, err := pathOf(r, folder)
	if err != nil {
		return drive.Wanted{}, err
	}
	return drive.Wanted{SHA256: digest, Size: size, Folder: in, Name: name, Conflict: drive.Conflict(conflict)}, nil
}

// readSHA256 reads 64 hexadecimal digits.
func readSHA256(text string) ([]byte, bool) {
	sum, err := hex.DecodeString(text)
	return sum, err == nil && len(sum) == 32
}

func notSHA256(field string) error {
	return invalid("invalid_fields", []fault.Field{{Name: field, Code: "invalid", Message: "A SHA-256 is 64 hexadecimal digits long."}})
}

// provenBody is the file that a proof has made.
type provenBody struct {
	File nodeBody `json:"file"`
}

// prove takes the answer to a challenge. A wrong one ends the challenge.
func (a *api) prove(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var challenge, text string
	if err := readBody(w, r, fields{"challenge": &challenge, "answer": &text}); err != nil {
		return err
	}
	if err := required("challenge", challenge, "answer", text); err != nil {
		return err
	}
	proof, ok := readSHA256(text)
	if !ok {
		return notSHA256("answer")
	}
	node, err := a.drives.Prove(r.Context(), p.UserID, challenge, proof)
	if err != nil {
		return err
	}
	address := url.URL{Path: "/api/v1/files" + string(drive.Shown(r.Context(), node.Path))}
	w.Header().Set("Location", address.EscapedPath())
	answer.JSON(w, r, http.StatusCreated, provenBody{nodeOf(r.Context(), node)})
	return nil
}
