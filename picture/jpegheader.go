package picture

import "encoding/binary"

// jpegHeader is what a JPEG says of itself before its first scan (ITU-T T.81, section B.2.2).
type jpegHeader struct {
	width, height int
	progressive   bool
	adobe         bool // it says which colours it has, which may be RGB
	components    []jpegComponent
}

type jpegComponent struct {
	id   byte
	h, v int // sampling factors
}

// readJPEGHeader reads up to the frame header.
func readJPEGHeader(b []byte) (h jpegHeader, ok bool) {
	for at := 2; at+4 <= len(b); {
		if b[at] != 0xff {
			at++ // image/jpeg passes over what is between segments too
			continue
		}
		marker := b[at+1]
		if marker == 0xff || marker == 0 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8) { // fill, or a marker without a segment
			at++
			if marker != 0xff {
				at++
			}
			continue
		}
		length := int(binary.BigEndian.Uint16(b[at+2:]))
		if length < 2 || at+2+length > len(b) {
			return h, false
		}
		segment := b[at+4 : at+2+length]
		switch {
		case marker == 0xee && len(segment) >= 5 && string(segment[:5]) == "Adobe":
			h.adobe = true
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			h.progressive = marker == 0xc2
			return h, h.frame(segment)
		case marker == 0xd9 || marker == 0xda:
			return h, false
		}
		at += 2 + length
	}
	return h, false
}

func (h *jpegHeader) frame(b []byte) bool {
	if len(b) < 6 || len(b) < 6+3*int(b[5]) {
		return false
	}
	h.height, h.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	for i := range int(b[5]) {
		c := b[6+3*i:]
		component := jpegComponent{c[0], int(c[1] >> 4), int(c[1] & 15)}
		if component.h < 1 || component.h > 4 || component.v < 1 || component.v > 4 {
			return false
		}
		h.components = append(h.components, component)
	}
	return len(h.components) > 0
}

// blocks is how many blocks of 8 by 8 samples all components have.
func (h *jpegHeader) blocks() int64 {
	wide, high := 1, 1
	for _, c := range h.components {
		wide, high = max(wide, c.h), max(high, c.v)
	}
	across := (h.width + 8*wide - 1) / (8 * wide)
	down := (h.height + 8*high - 1) / (8 * high)
	var blocks int64
	for _, c := range h.components {
		blocks += int64(across*c.h) * int64(down*c.v)
	}
	return blocks
}

// rgb is how image/jpeg knows RGB without Adobe's word for it.
func (h *jpegHeader) rgb() bool {
	return len(h.components) == 3 && h.components[0].id == 'R' && h.components[1].id == 'G' && h.components[2].id == 'B'
}
