package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a request costs before and behind its door: route, gate, metrics and log.
func BenchmarkRequest(b *testing.B) {
	f := newFront(b, frontOptions{})
	public := f.Public()
	r := httptest.NewRequest(http.MethodGet, "/login", nil)
	b.ReportAllocs()
	for b.Loop() {
		public.ServeHTTP(httptest.NewRecorder(), r)
	}
}
