package archive

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"os"
	"strings"
	"time"
)

// Archive writes a ZIP (APPNOTE.TXT 6.3.10) of any size as it goes, in bounded memory. archive/zip keeps the directory, which stands at the end, in memory
// until it is written. So each few entries are written by a zip.Writer of their own, and the directory that it makes goes to a file; at the
// end comes all of that, and the record that says where it is.
//
// Content is not compressed: most of it is already. It is in the form of deflate all the same, because many programs do not read what is stored as it is with its size
// and checksum behind it.
type Archive struct {
	client    io.Writer
	at        int64 // bytes that the client was sent
	writer    *zip.Writer
	sink      sink
	entries   int      // of writer
	records   int64    // of all
	directory *os.File // the entries' records, one after the other
	length    int64    // of directory, in bytes
	plain     *flate.Writer
}

// sink is where a zip.Writer writes to.
type sink struct{ io.Writer }

// archiveBatch is how many entries one zip.Writer makes.
const archiveBatch = 1000

// New begins an archive that is sent to client. What it holds is freed by Discard.
func New(client io.Writer) (*Archive, error) {
	directory, err := os.CreateTemp("", "satchel-export-*")
	if err != nil {
		return nil, err
	}
	a := &Archive{client: client, directory: directory}
	if err := os.Remove(directory.Name()); err != nil { // it goes with this process, however that ends
		directory.Close()
		return nil, err
	}
	if a.plain, err = flate.NewWriter(io.Discard, flate.NoCompression); err != nil {
		directory.Close()
		return nil, err
	}
	return a, nil
}

// Discard frees what the archive holds. It writes nothing.
func (a *Archive) Discard() { a.directory.Close() }

// Write sends bytes to the client.
func (a *Archive) Write(p []byte) (int, error) {
	n, err := a.client.Write(p)
	a.at += int64(n)
	return n, err
}

// Create begins an entry; one whose name ends in a slash is a folder. What is written to it is its content.
func (a *Archive) Create(name string, modified time.Time) (io.Writer, error) {
	if a.entries == archiveBatch {
		if err := a.settle(); err != nil {
			return nil, err
		}
	}
	if a.writer == nil {
		a.sink.Writer = a
		a.writer = zip.NewWriter(&a.sink)
		a.writer.SetOffset(a.at)
		a.writer.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) {
			a.plain.Reset(to)
			return a.plain, nil
		})
	}
	header := &zip.FileHeader{Name: name, Modified: modified.UTC(), Method: zip.Deflate}
	header.SetMode(0o600)
	if strings.HasSuffix(name, "/") {
		header.Method = zip.Store
		header.SetMode(os.ModeDir | 0o700)
	}
	a.entries++
	a.records++
	return a.writer.CreateHeader(header)
}

// The records at the end of a ZIP (APPNOTE.TXT, sections 4.3.14 to 4.3.16).
const (
	endLength       = 22
	end64Length     = 56
	locator64Length = 20
	endMark         = 0x06054b50
	end64Mark       = 0x06064b50
	locator64Mark   = 0x07064b50
	zip64Version    = 45
)

// settle ends the zip.Writer and puts the directory that it makes aside.
func (a *Archive) settle() error {
	if a.writer == nil {
		return nil
	}
	if err := a.writer.Flush(); err != nil {
		return err
	}
	var rest bytes.Buffer // what is left of the last entry, the directory, and the end
	a.sink.Writer = &rest
	if err := a.writer.Close(); err != nil {
		return err
	}
	a.writer, a.entries = nil, 0
	tail, le := rest.Bytes(), binary.LittleEndian
	end := tail[len(tail)-endLength:]
	length, offset := int64(le.Uint32(end[12:])), int64(le.Uint32(end[16:]))
	if offset == 1<<32-1 {
		end = tail[len(tail)-endLength-locator64Length-end64Length:]
		length, offset = int64(le.Uint64(end[40:])), int64(le.Uint64(end[48:]))
	}
	directory := tail[offset-a.at:][:length]
	n, err := a.directory.Write(directory)
	if a.length += int64(n); err != nil {
		return err
	}
	_, err = a.Write(tail[:offset-a.at])
	return err
}

// Close writes the directory. Without it the archive is broken, and programs say so.
func (a *Archive) Close() error {
	if err := a.settle(); err != nil {
		return err
	}
	begin := a.at
	if _, err := a.directory.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.CopyN(a, a.directory, a.length); err != nil {
		return err
	}
	_, err := a.Write(endOf(a.records, a.length, begin))
	return err
}

// endOf are the last records of a ZIP whose directory has so many records, is so long and begins there.
func endOf(records, length, begin int64) []byte {
	var b []byte
	le := binary.LittleEndian
	short, records16 := func(n int64) uint32 { return uint32(min(n, 1<<32-1)) }, uint16(min(records, 1<<16-1))
	if records >= 1<<16-1 || length >= 1<<32-1 || begin >= 1<<32-1 {
		b = le.AppendUint32(b, end64Mark)
		b = le.AppendUint64(b, end64Length-12)
		b = le.AppendUint16(b, zip64Version)
		b = le.AppendUint16(b, zip64Version)
		b = append(b, make([]byte, 8)...) // this disk, and that of the directory
		for _, n := range [...]int64{records, records, length, begin} {
			b = le.AppendUint64(b, uint64(n))
		}
		b = le.AppendUint32(b, locator64Mark)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint64(b, uint64(begin+length))
		b = le.AppendUint32(b, 1)
	}
	b = le.AppendUint32(b, endMark)
	b = append(b, make([]byte, 4)...)
	b = le.AppendUint16(b, records16)
	b = le.AppendUint16(b, records16)
	b = le.AppendUint32(b, short(length))
	b = le.AppendUint32(b, short(begin))
	return le.AppendUint16(b, 0)
}
