package picture

import (
	"bytes"
	"image"
	"io"
	"time"

	"github.com/bep/imagemeta"
)

// orientation is how an image is to be turned and mirrored before it is shown (EXIF 2.32, tag 0x0112): 1 to 8. 1 is as it is.
type orientation int

const upright orientation = 1

// exifFormats are the formats that may hold EXIF, as imagemeta calls them.
var exifFormats = map[string]imagemeta.ImageFormat{
	"jpeg": imagemeta.JPEG, "png": imagemeta.PNG, "webp": imagemeta.WebP, "tiff": imagemeta.TIFF,
}

// exifPatience bounds the time that is spent on looking for one tag.
const exifPatience = time.Second

// orientationOf is what an image's EXIF says; upright if it says nothing that can be understood.
func orientationOf(format string, content []byte) orientation {
	as, may := exifFormats[format]
	if !may {
		return upright
	}
	found := upright
	_, _ = imagemeta.Decode(imagemeta.Options{ // broken EXIF does not break the image
		R: bytes.NewReader(content), ImageFormat: as, Sources: imagemeta.EXIF, Timeout: exifPatience, LimitNumTags: 1000, LimitTagSize: 64,
		HandleXMP:       func(r io.Reader) error { return nil },
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool { return tag.Tag == "Orientation" && tag.Namespace == "IFD0" },
		HandleTag: func(tag imagemeta.TagInfo) error {
			if n, ok := tag.Value.(uint16); ok && n >= 1 && n <= 8 {
				found = orientation(n)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return found
}

// apply turns an image.
func (o orientation) apply(src *image.RGBA) *image.RGBA {
	if o == upright {
		return src
	}
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if o >= 5 {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			to := o.place(x, y, w, h)
			copy(dst.Pix[dst.PixOffset(to.X, to.Y):][:4], src.Pix[src.PixOffset(b.Min.X+x, b.Min.Y+y):][:4])
		}
	}
	return dst
}

// place is where a pixel of an image of w by h goes.
func (o orientation) place(x, y, w, h int) image.Point {
	switch o {
	case 2:
		return image.Pt(w-1-x, y)
	case 3:
		return image.Pt(w-1-x, h-1-y)
	case 4:
		return image.Pt(x, h-1-y)
	case 5:
		return image.Pt(y, x)
	case 6:
		return image.Pt(h-1-y, x)
	case 7:
		return image.Pt(h-1-y, w-1-x)
	case 8:
		return image.Pt(y, w-1-x)
	}
	return image.Pt(x, y)
}
