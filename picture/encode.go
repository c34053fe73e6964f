package picture

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
)

// Thumbnails take no more space than the image that they are of, or freeSpace where it is smaller. Otherwise small files that repeat
// a little noise would become large ones that nobody's quota counts.
const freeSpace = 24 << 10

// encode makes the thumbnails' content, both or the small one alone, for an image of size bytes.
func encode(large, small *image.RGBA, size int) ([]Thumbnail, error) {
	left := max(freeSpace, size)
	var made []Thumbnail
	for _, t := range [...]struct {
		size    int
		picture *image.RGBA
	}{{Small, small}, {Large, large}} {
		content, mediaType, err := encodeWithin(t.picture, left)
		if err != nil {
			return nil, err
		}
		if content == nil {
			break
		}
		left -= len(content)
		made = append(made, Thumbnail{t.size, mediaType, content})
	}
	if made == nil {
		return nil, ErrCostly
	}
	return made, nil
}

// encodeWithin encodes in at most limit bytes: as JPEG, coarser where that is needed, or as PNG if parts are transparent. No content
// and no error if it does not fit.
func encodeWithin(picture *image.RGBA, limit int) (content []byte, mediaType string, err error) {
	var b bytes.Buffer
	if !picture.Opaque() {
		err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, picture)
		if err != nil || b.Len() > limit {
			return nil, "", err
		}
		return b.Bytes(), "image/png", nil
	}
	for _, quality := range [...]int{82, 60, 35} {
		b.Reset()
		if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: quality}); err != nil {
			return nil, "", err
		}
		if b.Len() <= limit {
			return b.Bytes(), "image/jpeg", nil
		}
	}
	return nil, "", nil
}
