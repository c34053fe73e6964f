package dav

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/webdav"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// owncloud is the namespace of the properties that clients of ownCloud and Nextcloud ask for, rclone among them.
const owncloud = "http://owncloud.org/ns"

func oc(local string) xml.Name { return xml.Name{Space: owncloud, Local: local} }

// ownCloudProperties are part of liveProperties.
var ownCloudProperties = [...]liveProperty{
	{oc("id"), false, ofBoth, appendID},
	{oc("fileid"), false, ofBoth, appendID},
	// What ownCloud's clients may do: delete, rename and move; write a file; make files and folders in a folder. Nextcloud's look for
	// G, which is reading. Nothing is shared here (S), nor mounted from elsewhere (M).
	{oc("permissions"), false, ofBoth, func(b []byte, l *listing, n *drive.Node) []byte {
		switch {
		case l.h.readOnly:
			return append(b, 'G')
		case l.h.isTop(n.Path):
			return append(b, "GCK"...)
		case n.Folder:
			return append(b, "GDNVCK"...)
		}
		return append(b, "GDNVW"...)
	}},
	// Of folders it would be the sum of what is in them, which is not known without a look at all of it.
	{oc("size"), false, ofFile, func(b []byte, _ *listing, n *drive.Node) []byte { return strconv.AppendInt(b, n.Size, 10) }},
	{oc("checksums"), false, func(l *listing, n *drive.Node) bool {
		_, known := l.checksums[n.ID]
		return known
	}, func(b []byte, l *listing, n *drive.Node) []byte {
		sums := l.checksums[n.ID]
		// The element is declared at the top by the name that was asked for.
		return append(b, `<c:checksum xmlns:c="`+owncloud+`">SHA1:`+hex.EncodeToString(sums.SHA1)+" MD5:"+hex.EncodeToString(sums.MD5)+"</c:checksum>"...)
	}},
}

func appendID(b []byte, _ *listing, n *drive.Node) []byte { return appendText(b, n.ID) }

// ocAlgorithm is the digest that ownCloud's clients call so; empty if they don't.
func ocAlgorithm(name string) drive.Algorithm {
	switch strings.ToUpper(name) {
	case "SHA1":
		return drive.SHA1
	case "MD5":
		return drive.MD5
	case "ADLER32":
		return drive.Adler32
	case "SHA256":
		return drive.SHA256
	case "SHA3-256":
		return drive.SHA3256
	}
	return ""
}

const maxOCChecksum = 1024 // bytes of the header

// parseOCChecksum reads "SHA1:2fd4e1…", of which there may be several, apart by spaces. A digest that nobody here can compute is
// Invalid: its client believes that it was compared.
func parseOCChecksum(value string) (claims []drive.Claim, err error) {
	invalid := func(why string) error {
		return fault.New(fault.Invalid, "dav.parseOCChecksum", "OC-Checksum: "+why).WithCode("invalid_checksum")
	}
	if len(value) > maxOCChecksum {
		return nil, invalid("it is too long.")
	}
	for one := range strings.FieldsSeq(value) {
		name, digits, _ := strings.Cut(one, ":")
		algorithm := ocAlgorithm(name)
		if algorithm == "" {
			return nil, invalid("the algorithm is none of SHA1, MD5, ADLER32, SHA256 and SHA3-256.")
		}
		size := algorithm.New().Size()
		if algorithm == drive.Adler32 && len(digits) > 0 && len(digits) < 2*size { // ownCloud's desktop client writes a number
			digits = strings.Repeat("0", 2*size-len(digits)) + digits
		}
		sum, err := hex.DecodeString(digits)
		if err != nil || len(sum) != size {
			return nil, invalid("the checksum is not the algorithm's, in hexadecimal.")
		}
		claims = append(claims, drive.Claim{Algorithm: algorithm, Sum: sum})
	}
	return claims, nil
}

// ocClaims are what the request's OC-Checksum header says of its content.
func (q *request) ocClaims() ([]drive.Claim, error) {
	return parseOCChecksum(strings.Join(q.r.Header.Values("OC-Checksum"), " "))
}

// recalculate answers the checksum that X-Recalculate-Hash names, computed now if it is not known: Nextcloud's way, by which rclone
// learns it of what another client wrote.
func (q *request) recalculate() error {
	ctx := q.r.Context()
	if _, err := q.require(ctx); err != nil {
		return err
	}
	name := strings.ToUpper(q.r.Header.Get("X-Recalculate-Hash"))
	if name != "SHA1" && name != "MD5" {
		return fault.New(fault.Invalid, "dav.recalculate", "X-Recalculate-Hash is sha1 or md5.").WithCode("invalid_checksum")
	}
	_, sums, err := q.h.o.Drives.FileChecksums(ctx, q.driveID, q.at.path)
	if err != nil {
		return notOfFolder(err)
	}
	sum := sums.SHA1
	if name == "MD5" {
		sum = sums.MD5
	}
	q.w.Header()["OC-Checksum"] = []string{name + ":" + hex.EncodeToString(sum)}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// notOfFolder says 405 where a method is for files only.
func notOfFolder(err error) error {
	if code, _, _ := fault.Public(err); err != nil && code == "is_folder" {
		return notAllowed(allMethods, "This is a folder.")
	}
	return err
}

// confirmChecksums looks whether the checksums that a PROPPATCH sets are the content's: they cannot be set to anything else.
// rclone sends them along with a new time, since elsewhere they would be lost with the old one. guard then holds the content to it.
func (q *request) confirmChecksums(ctx context.Context, w *patchWork, guard *drive.Guard) error {
	if w.checksums == nil {
		return nil
	}
	refuse := func() {
		w.refused = append(w.refused, webdav.Propstat{Props: []webdav.Property{{XMLName: w.checksums.property.XMLName}}, Status: http.StatusConflict})
	}
	claims, err := parseOCChecksum(w.checksums.text)
	if err != nil || len(claims) == 0 {
		refuse()
		return nil
	}
	node, sums, err := q.h.o.Drives.FileChecksums(ctx, q.driveID, q.at.path)
	if code, _, _ := fault.Public(err); err != nil && code == "is_folder" {
		refuse()
		return nil
	}
	if err != nil {
		return err
	}
	for _, c := range claims {
		if !bytes.Equal(c.Sum, map[drive.Algorithm][]byte{drive.SHA1: sums.SHA1, drive.MD5: sums.MD5}[c.Algorithm]) {
			refuse()
			return nil
		}
	}
	check := guard.Check
	guard.Check = func(current *drive.Node) error {
		if current != nil && !bytes.Equal(current.SHA256, node.SHA256) {
			return fault.New(fault.Precondition, "dav.confirmChecksums", "The content was changed meanwhile.")
		}
		if check == nil {
			return nil
		}
		return check(current)
	}
	return nil
}
