package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// The first load of the drive on a slow phone. SATCHEL_TEST_USABLE is how long it may take until the page answers to a touch, in milliseconds,
// in the median; without it that is only told.
func TestFirstLoad(t *testing.T) {
	const scriptAndStyle = 60 << 10 // bytes, compressed, with their headers
	runs := "5"
	bound, err := strconv.Atoi(os.Getenv("SATCHEL_TEST_USABLE"))
	if err != nil {
		t.Parallel()
		runs = "1"
	}
	s := start(t)
	s.Register(t, "ann").Fill(t, "hundred", 100)
	var usable []float64
	for _, line := range scene(t, "firstload.mjs", runs, s.URL, t.TempDir()) {
		var load struct {
			Bytes  map[string]int // by DevTools' kinds of resources
			Rows   int
			Usable float64
		}
		if err := json.Unmarshal([]byte(line), &load); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		usable = append(usable, load.Usable)
		if load.Rows != 100 || load.Bytes["Script"] == 0 || load.Bytes["Stylesheet"] == 0 {
			t.Errorf("the page has %d rows, and came with %v", load.Rows, load.Bytes)
		}
		if got := load.Bytes["Script"] + load.Bytes["Stylesheet"]; got > scriptAndStyle {
			t.Errorf("script and style are %d bytes; want %d at most", got, scriptAndStyle)
		}
	}
	slices.Sort(usable)
	if len(usable) == 0 {
		t.Fatal("nothing was loaded")
	}
	if median := usable[len(usable)/2]; bound > 0 && median > float64(bound) {
		t.Errorf("the page could be used after %.0f ms; want %d", median, bound)
	}
}

// Fill makes a folder with so many empty files, whose names are in order as their numbers are.
func (a *Account) Fill(t testing.TB, folder string, files int) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	make := func(method, path string) error {
		request, err := http.NewRequestWithContext(t.Context(), method, a.s.URL+"/dav/"+escape(path), nil)
		if err != nil {
			return err
		}
		request.SetBasicAuth(a.Name, password)
		answer, err := client.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return err
		}
		if answer.StatusCode != http.StatusCreated {
			return fmt.Errorf("%s %s: %s", method, path, answer.Status)
		}
		return nil
	}
	if err := make("MKCOL", folder); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(16)
	for i := range files {
		group.Go(func() error { return make(http.MethodPut, fmt.Sprintf("%s/%s", folder, longName(i))) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// longName is the name of one of Fill's files.
func longName(i int) string {
	endings := strings.Fields("txt pdf mp4 docx zip flac")
	return fmt.Sprintf("%05d Notes of the journey 旅行 %s.%s", i, strings.Repeat("and back ", i%4), endings[i%len(endings)])
}
