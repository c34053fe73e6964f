package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/fault"
)

const (
	tusVersion             = "1.0.0"
	statusChecksumMismatch = 460 // tus, extension checksum
	filesAddress           = "/files/"
)

// create begins an upload, with its first bytes if there are any, and answers its address and offset (tus, extensions creation and
// creation-with-upload). A length that is negative is told later, by declare (tus, extension creation-defer-length).
func (c *Client) create(ctx context.Context, length int64, metadata map[string]string, bytes []byte, sum [sha256.Size]byte, told func(int)) (string, int64, error) {
	var pairs []string
	for key, value := range metadata {
		if value != "" {
			pairs = append(pairs, key+" "+base64.StdEncoding.EncodeToString([]byte(value)))
		}
	}
	slices.Sort(pairs)
	q := request{method: http.MethodPost, path: filesAddress, header: map[string]string{
		"Tus-Resumable": tusVersion, "Upload-Metadata": strings.Join(pairs, ","),
	}}
	if length < 0 {
		q.header["Upload-Defer-Length"] = "1"
	} else {
		q.header["Upload-Length"] = strconv.FormatInt(length, 10)
	}
	if len(bytes) > 0 {
		q.body, q.sent = bytes, told
		q.header["Content-Type"], q.header["Upload-Checksum"] = octetStream, checksum(sum)
	}
	answer, err := c.do(ctx, q)
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close()
	address, err := c.here(answer.Header.Get("Location"))
	if err != nil || len(bytes) == 0 {
		return address, 0, err
	}
	offset, err := parseOffset(answer.Header.Get("Upload-Offset"))
	return address, offset, err
}

const octetStream = "application/offset+octet-stream"

// checksum is the value of Upload-Checksum (tus, extension checksum).
func checksum(sum [sha256.Size]byte) string {
	return "sha256 " + base64.StdEncoding.EncodeToString(sum[:])
}

// offset is how much of an upload the server has for good (tus, core). One that joins others has none until it is done: -1.
func (c *Client) offset(ctx context.Context, address string) (int64, error) {
	answer, err := c.do(ctx, request{method: http.MethodHead, path: address, header: map[string]string{"Tus-Resumable": tusVersion}})
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text := answer.Header.Get("Upload-Offset")
	if text == "" {
		return -1, nil
	}
	return parseOffset(text)
}

func parseOffset(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.As(fault.Internal, "client.parseOffset", fmt.Errorf("the server told an offset that is none: %q", text))
	}
	return n, nil
}

// patch sends bytes to an upload and answers its new offset. The server takes all of them or none, as they come with their SHA-256 (tus,
// extension checksum). told hears of bytes that leave.
func (c *Client) patch(ctx context.Context, address string, offset int64, bytes []byte, sum [sha256.Size]byte, told func(int)) (int64, error) {
	answer, err := c.do(ctx, request{method: http.MethodPatch, path: address, body: bytes, sent: told, header: map[string]string{
		"Tus-Resumable": tusVersion, "Content-Type": octetStream,
		"Upload-Offset": strconv.FormatInt(offset, 10), "Upload-Checksum": checksum(sum),
	}})
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	return parseOffset(answer.Header.Get("Upload-Offset"))
}

// declare tells the length of an upload that has all of its bytes, which ends it.
func (c *Client) declare(ctx context.Context, address string, length int64) error {
	text := strconv.FormatInt(length, 10)
	answer, err := c.do(ctx, request{method: http.MethodPatch, path: address, header: map[string]string{
		"Tus-Resumable": tusVersion, "Content-Type": octetStream, "Upload-Offset": text, "Upload-Length": text,
	}})
	if err == nil {
		err = answer.Body.Close()
	}
	return err
}

// declared reports whether the server knows the length of an upload.
func (c *Client) declared(ctx context.Context, address string) (bool, error) {
	answer, err := c.do(ctx, request{method: http.MethodHead, path: address, header: map[string]string{"Tus-Resumable": tusVersion}})
	if err != nil {
		return false, err
	}
	return answer.Header.Get("Upload-Length") != "", answer.Body.Close()
}

// terminate ends an upload (tus, extension termination).
func (c *Client) terminate(ctx context.Context, address string) error {
	answer, err := c.do(ctx, request{method: http.MethodDelete, path: address, header: map[string]string{"Tus-Resumable": tusVersion}})
	if err == nil {
		err = answer.Body.Close()
	}
	return err
}
