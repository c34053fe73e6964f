package picture

import (
	"bytes"
	"image"
	"image/color"
	"io"
)

func configOf(of func(io.Reader) (image.Config, error)) func([]byte) (image.Config, error) {
	return func(content []byte) (image.Config, error) { return of(bytes.NewReader(content)) }
}

func imageOf(of func(io.Reader) (image.Image, error)) func([]byte) (image.Image, error) {
	return func(content []byte) (image.Image, error) { return of(bytes.NewReader(content)) }
}

// perPixel is the cost of a format whose decoder takes at most n bytes a pixel.
func perPixel(n int64) func([]byte, image.Config) int64 {
	return func(_ []byte, c image.Config) int64 { return n * int64(c.Width) * int64(c.Height) }
}

// pngCost is what image/png takes: the image, and once more, in parts, if it is interlaced.
func pngCost(content []byte, c image.Config) int64 {
	bytesEach := int64(4)
	switch c.ColorModel {
	case color.GrayModel:
		bytesEach = 1
	case color.Gray16Model:
		bytesEach = 2
	case color.RGBA64Model, color.NRGBA64Model:
		bytesEach = 8
	default:
		if _, indexed := c.ColorModel.(color.Palette); indexed {
			bytesEach = 1
		}
	}
	cost := bytesEach * int64(c.Width) * int64(c.Height)
	const interlaceAt = 8 + 4 + 4 + 12 // signature, length, "IHDR", and up to its last byte (PNG, section 11.2.1)
	if len(content) > interlaceAt && content[interlaceAt] != 0 {
		cost *= 2
	}
	return cost
}

// jpegCost is what image/jpeg takes: the planes, all coefficients as int32 if it is progressive, and a copy in RGB or CMYK where that is what
// it holds. A header that cannot be read costs more than anybody has.
func jpegCost(content []byte, _ image.Config) int64 {
	h, ok := readJPEGHeader(content)
	if !ok {
		return 1 << 62
	}
	blocks := h.blocks()
	cost := blocks * 64
	if h.progressive {
		cost += blocks * 64 * 4
	}
	if len(h.components) == 4 || h.adobe || h.rgb() {
		cost += 4 * int64(h.width) * int64(h.height)
	}
	return cost
}
