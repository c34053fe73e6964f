package picture

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// shrinkCost is what shrink takes at most, in bytes: an image in between of up to four times the target's sides, and draw's rows of
// four float64 a pixel.
const shrinkCost = 64 << 20

// shrink makes an image fit into a square of side pixels; one that fits stays as large as it is. First boxes of pixels are averaged until it is
// about twice as large as wanted, which takes one pass and little memory whatever the image's size; the rest is interpolated.
func shrink(src image.Image, side int) *image.RGBA {
	b := src.Bounds()
	w, h := fit(b.Dx(), b.Dy(), side)
	between := average(src, min(b.Dx(), reduced(b.Dx(), w)), min(b.Dy(), reduced(b.Dy(), h)))
	if between.Rect.Dx() == w && between.Rect.Dy() == h {
		return between
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(dst, dst.Rect, between, between.Rect, draw.Src, nil)
	return dst
}

// fit is the size of w by h in a square. No side is less than a pixel.
func fit(w, h, side int) (int, int) {
	if w <= side && h <= side {
		return w, h
	}
	if w >= h {
		return side, max(1, (h*side+w/2)/w)
	}
	return max(1, (w*side+h/2)/h), side
}

// reduced is how many pixels of n are left by averaging whole boxes, at least twice as many as wanted where there are so many.
func reduced(n, wanted int) int {
	box := max(1, n/(2*wanted))
	return (n + box - 1) / box
}

// average makes an image of w by h in which each pixel is the average of a box of pixels.
func average(src image.Image, w, h int) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	b := src.Bounds()
	for y := range h {
		y0, y1 := b.Min.Y+y*b.Dy()/h, b.Min.Y+(y+1)*b.Dy()/h
		for x := range w {
			x0, x1 := b.Min.X+x*b.Dx()/w, b.Min.X+(x+1)*b.Dx()/w
			box := image.Rect(x0, y0, x1, y1)
			if planes, ok := src.(*image.YCbCr); ok {
				dst.Set(x, y, averageYCbCr(planes, box))
			} else {
				dst.SetRGBA64(x, y, averageRGBA(src, box))
			}
		}
	}
	return dst
}

// averageRGBA averages colours that are multiplied by their alpha, so that what is transparent has no say.
func averageRGBA(src image.Image, box image.Rectangle) color.RGBA64 {
	from, fast := src.(image.RGBA64Image)
	var r, g, b, a, n uint64
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			var c color.RGBA64
			if fast {
				c = from.RGBA64At(x, y)
			} else {
				c = color.RGBA64Model.Convert(src.At(x, y)).(color.RGBA64)
			}
			r, g, b, a, n = r+uint64(c.R), g+uint64(c.G), b+uint64(c.B), a+uint64(c.A), n+1
		}
	}
	return color.RGBA64{R: uint16(r / n), G: uint16(g / n), B: uint16(b / n), A: uint16(a / n)}
}

// averageYCbCr averages before it converts. That is most of the time that a photo takes.
func averageYCbCr(src *image.YCbCr, box image.Rectangle) color.RGBA {
	var luma, blue, red, n int
	for y := box.Min.Y; y < box.Max.Y; y++ {
		at := src.YOffset(box.Min.X, y)
		for _, v := range src.Y[at : at+box.Dx()] {
			luma += int(v)
		}
		n += box.Dx()
	}
	chroma := 0
	stepX, stepY := 1, 1
	switch src.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		stepX, stepY = 2, 2
	case image.YCbCrSubsampleRatio422:
		stepX = 2
	case image.YCbCrSubsampleRatio440:
		stepY = 2
	case image.YCbCrSubsampleRatio411:
		stepX = 4
	case image.YCbCrSubsampleRatio410:
		stepX, stepY = 4, 2
	}
	for y := box.Min.Y; y < box.Max.Y; y += stepY {
		for x := box.Min.X; x < box.Max.X; x += stepX {
			at := src.COffset(x, y)
			blue, red, chroma = blue+int(src.Cb[at]), red+int(src.Cr[at]), chroma+1
		}
	}
	r, g, b := color.YCbCrToRGB(uint8(luma/n), uint8(blue/chroma), uint8(red/chroma))
	return color.RGBA{r, g, b, 255}
}
