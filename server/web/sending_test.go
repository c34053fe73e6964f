package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

// How many requests with bytes one address has for drop boxes is counted for all boxes together: nobody who has many links keeps others from theirs.
func TestOneAddressSendsIntoManyBoxes(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	if _, err := h.drives.MakeFolder(t.Context(), id, "/in", drive.Guard{}); err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	boxes := h.door.Boxes(func(w http.ResponseWriter, _ *http.Request, _ drive.Share, _, _ string, _ func(string) (string, error)) {
		entered <- struct{}{}
		<-leave
	})
	send := func(address string) *httptest.ResponseRecorder {
		share, err := h.drives.MakeShare(t.Context(), id, "/in", drive.NewShare{Kind: drive.ShareDrop})
		if err != nil {
			t.Error(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/drop/"+share.Token+"/", strings.NewReader("bytes"))
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		boxes.ServeHTTP(w, r)
		return w
	}
	done := make(chan int)
	begin := func(address string) {
		go func() { done <- send(address).Code }()
		select {
		case <-entered:
		case code := <-done:
			t.Fatalf("a request of %s was answered with %d", address, code)
		}
	}
	const most = 12
	for i := range most {
		begin(fmt.Sprintf("[2001:db8::%x]:1", i+1))
	}
	refused := make(chan int, 1)
	go func() { refused <- send("[2001:db8::ff]:1").Code }()
	select {
	case code := <-refused:
		if code != http.StatusServiceUnavailable {
			t.Errorf("one more: %d", code)
		}
	case <-entered:
		t.Error("one more is let in")
	}
	begin("192.0.2.1:1")
	close(leave)
	for range most + 1 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("one of them: %d", code)
		}
	}
}
