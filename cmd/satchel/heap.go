package main

import "strings"

// reserve is how many bytes of a server's heap are never used. The collector starts when the heap has doubled; what is alive in it is
// little, while requests leave much behind, so that it would run some hundred times a second under load. The reserve takes no
// memory itself, for nobody touches its pages, but lets as much garbage gather. Unlike a larger GOGC it adds and does not multiply: a
// request that needs much memory needs no more than before.
const reserve = 32 << 20

// reserveHeap makes the reserve, unless whoever runs the server tunes the collector by the variables of package runtime.
func reserveHeap(environ []string) []byte {
	for _, line := range environ {
		if strings.HasPrefix(line, "GOGC=") || strings.HasPrefix(line, "GOMEMLIMIT=") {
			return nil
		}
	}
	return make([]byte, reserve)
}
