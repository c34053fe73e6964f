// Package picture makes thumbnails of images that strangers send.
//
// An image is told by its first bytes, never by its name or media type: JPEG, PNG, GIF (its first frame), WebP, BMP and TIFF. What
// decoding it will need is computed from its header (cost.go, jpegheader.go) and held against Limits before anything is decoded.
// The result is turned the way that EXIF says (orientation.go), made small by averaging (shrink.go), and encoded anew (encode.go), so
// that nothing of the file but its pixels is in it.
//
// Go's decoders cannot be interrupted, and a header bounds neither their time nor each of their allocations. Whoever decodes what he
// does not trust does it in a process that may die: package preview has one.
package picture
