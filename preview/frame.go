package preview

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

// A message between the server and its workshop is the length of its header (4 bytes, big-endian), the header as JSON, and after it as many
// bytes as the header says.

// maxHeader bounds a header, in bytes: a folder's address is the longest thing in it.
const maxHeader = 64 << 10

// order is the header of what is to be made.
type order struct {
	What   string `json:"what"`             // orderThumbnails or orderMarkdown
	Size   int64  `json:"size"`             // bytes of content that follow
	Work   int64  `json:"work,omitempty"`   // nanoseconds that it may take on the processor; 0 is no limit
	Folder string `json:"folder,omitempty"` // of Markdown: the address that relative links begin at
	Top    string `json:"top,omitempty"`    // of Markdown: the address that they may not leave
}

const (
	orderThumbnails = "thumbnails"
	orderMarkdown   = "markdown"
)

// delivery is the header of what was made.
type delivery struct {
	None   string  `json:"none,omitempty"` // why nothing was, for the log
	Pieces []piece `json:"pieces,omitempty"`
}

// piece is content that follows the header.
type piece struct {
	Size      int    `json:"size"` // of a thumbnail, in pixels
	MediaType string `json:"media_type"`
	Length    int    `json:"length"`
}

func writeFrame(w io.Writer, header any) error {
	b, err := json.Marshal(header)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func readFrame(r io.Reader, header any) error {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxHeader {
		return errors.New("preview: a header is too long")
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	return json.Unmarshal(b, header)
}
