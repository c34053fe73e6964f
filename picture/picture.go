package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// Limits bound what one image may cost.
type Limits struct {
	// Memory is how many bytes the content and what is made of it may take.
	Memory int64
}

// Thumbnail is a small picture. Its longer side is at most Size pixels; a smaller image is not made larger.
type Thumbnail struct {
	Size      int
	MediaType string // image/jpeg, or image/png where parts are transparent
	Content   []byte
}

// The sizes that are made, in pixels, smallest first.
const (
	Small = 160
	Large = 480
)

// Errors of Thumbnails. Both say that the image has none, for good.
var (
	ErrFormat = errors.New("picture: not an image that can be read")
	ErrCostly = errors.New("picture: decoding it costs too much")
)

// The largest image that is decoded. Pixels bound the time: 200 million are what the largest phone cameras take.
const (
	maxPixels = 200_000_000
	maxSide   = 1 << 20
)

// format is a kind of image.
type format struct {
	name   string
	is     func(head []byte) bool
	config func(content []byte) (image.Config, error)
	decode func(content []byte) (image.Image, error)
	cost   func(content []byte, c image.Config) int64 // bytes that decoding takes at most
}

var formats = [...]format{
	{"jpeg", begins("\xff\xd8\xff"), configOf(jpeg.DecodeConfig), imageOf(jpeg.Decode), jpegCost},
	{"png", begins("\x89PNG\r\n\x1a\n"), configOf(png.DecodeConfig), imageOf(png.Decode), pngCost},
	{"gif", begins("GIF87a", "GIF89a"), configOf(gif.DecodeConfig), imageOf(gif.Decode), perPixel(2)},
	{"webp", isWebP, configOf(webp.DecodeConfig), imageOf(webp.Decode), perPixel(12)},
	{"bmp", begins("BM"), configOf(bmp.DecodeConfig), imageOf(bmp.Decode), perPixel(4)},
	{"tiff", begins("II*\x00", "MM\x00*"), configOf(tiff.DecodeConfig), imageOf(tiff.Decode), perPixel(16)},
}

// Thumbnails makes the thumbnails of an image, in both sizes, smallest first. Of one whose large thumbnail would take more space than
// the image is worth there is only the small one. ErrFormat and ErrCostly; a panic of a decoder is ErrFormat.
func Thumbnails(content []byte, l Limits) (made []Thumbnail, err error) {
	defer func() {
		if v := recover(); v != nil {
			made, err = nil, fmt.Errorf("%w: %v", ErrFormat, v)
		}
	}()
	f, err := find(content)
	if err != nil {
		return nil, err
	}
	if err := f.affordable(content, l); err != nil {
		return nil, err
	}
	turn := orientationOf(f.name, content)
	whole, err := f.decode(content)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if b := whole.Bounds(); b.Empty() {
		return nil, fmt.Errorf("%w: it has no pixels", ErrFormat)
	}
	large := shrink(whole, Large)
	whole = nil
	large = turn.apply(large)
	return encode(large, shrink(large, Small), len(content))
}

func find(content []byte) (format, error) {
	for _, f := range formats {
		if f.is(content) {
			return f, nil
		}
	}
	return format{}, ErrFormat
}

// affordable holds what decoding will take against the limits.
func (f format) affordable(content []byte, l Limits) error {
	c, err := f.config(content)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if c.Width <= 0 || c.Height <= 0 {
		return fmt.Errorf("%w: it has no pixels", ErrFormat)
	}
	if c.Width > maxSide || c.Height > maxSide || int64(c.Width)*int64(c.Height) > maxPixels {
		return fmt.Errorf("%w: %d by %d pixels", ErrCostly, c.Width, c.Height)
	}
	if need := int64(len(content)) + f.cost(content, c) + shrinkCost; need > l.Memory {
		return fmt.Errorf("%w: %d by %d pixels need %d bytes", ErrCostly, c.Width, c.Height, need)
	}
	return nil
}

func begins(with ...string) func([]byte) bool {
	return func(head []byte) bool {
		for _, magic := range with {
			if bytes.HasPrefix(head, []byte(magic)) {
				return true
			}
		}
		return false
	}
}

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}
