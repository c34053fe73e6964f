package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// resident is what a process has in memory, in bytes: now ("VmRSS") or at most so far ("VmHWM"). 0 if it has ended.
func resident(pid, what string) int64 {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), what+":")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10
}

// workshops are the processes in which the server decodes images.
func (s *Server) workshops() (pids []string) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.command.Process.Pid))
	for _, list := range lists {
		children, _ := os.ReadFile(list)
		pids = append(pids, strings.Fields(string(children))...)
	}
	return pids
}

// peaks watches memory until stop is called.
type peaks struct {
	server, workshop, together atomic.Int64
	ended                      chan struct{}
	stop                       func()
}

func (s *Server) watchMemory() *peaks {
	p, end := &peaks{ended: make(chan struct{})}, make(chan struct{})
	p.stop = sync.OnceFunc(func() { close(end); <-p.ended })
	raise := func(to *atomic.Int64, n int64) {
		if n > to.Load() {
			to.Store(n)
		}
	}
	go func() {
		defer close(p.ended)
		for {
			pid := strconv.Itoa(s.command.Process.Pid)
			raise(&p.server, resident(pid, "VmHWM"))
			sum := resident(pid, "VmRSS")
			for _, workshop := range s.workshops() {
				raise(&p.workshop, resident(workshop, "VmHWM"))
				sum += resident(workshop, "VmRSS")
			}
			raise(&p.together, sum)
			select {
			case <-end:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return p
}

// photo is a JPEG; what follows its end makes others of it that look the same.
func photo(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 400, 300))
	for y := range 300 {
		for x := range 400 {
			m.SetRGBA(x, y, color.RGBA{uint8(x / 2), uint8(y / 2), uint8(x ^ y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unfolding is a PNG of 12,000 by 12,000 pixels in a few hundred kilobytes: as much as a workshop takes on.
func unfolding(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, image.NewGray(image.Rect(0, 0, 12_000, 12_000))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Many images at once (SATCHEL_TEST_IMAGES), bombs among them, and a server that is killed in the middle: all thumbnails come, the memory of the server and of its
// workshops stays within bounds, others are answered meanwhile, and nothing is made twice.
func TestManyThumbnailsAtOnce(t *testing.T) {
	images := setting(t, "SATCHEL_TEST_IMAGES", 300)
	const (
		bombs     = 2
		mebibyte  = 1 << 20
		workshops = 2
		budget    = 256 * mebibyte // of one image
		overhead  = 64 * mebibyte  // of a process of Go beside it
	)
	s := start(t)
	ann, bob := s.Register(t, "ann"), s.Register(t, "bob")
	small, bomb := photo(t), unfolding(t)
	for i := range images {
		ann.Put(t, fmt.Sprintf("%d.jpg", i), string(small)+strconv.Itoa(i))
	}
	for i := range bombs {
		ann.Put(t, fmt.Sprintf("bomb %d.png", i), string(bomb)+strconv.Itoa(i))
	}
	bob.Put(t, "bob.jpg", string(small))
	memory := s.watchMemory()
	t.Cleanup(memory.stop)

	begin := time.Now()
	var answered atomic.Int64
	var killed sync.Once
	var all sync.WaitGroup
	numbers := make(chan int)
	restart := make(chan struct{})
	for range 24 {
		all.Go(func() {
			for i := range numbers {
				address := fmt.Sprintf("/api/v1/thumbnails/%d.jpg?size=480", i)
				if i >= images {
					address = fmt.Sprintf("/api/v1/thumbnails/bomb%%20%d.png", i-images)
				}
				if status := ann.insist(t, address); status != http.StatusOK {
					t.Errorf("%s: %d", address, status)
				}
				if answered.Add(1) > int64(images/3) {
					killed.Do(func() { close(restart) })
				}
			}
		})
	}
	var slowest atomic.Int64
	watching := make(chan struct{})
	all.Go(func() { // somebody who only wants to see his drive
		for {
			select {
			case <-watching:
				return
			case <-time.After(20 * time.Millisecond):
			}
			asked := time.Now()
			if status := bob.insist(t, "/api/v1/files/"); status != http.StatusOK {
				t.Errorf("bob's drive: %d", status)
			}
			slowest.Store(max(slowest.Load(), int64(time.Since(asked))))
		}
	})
	go func() {
		for i := range images + bombs {
			numbers <- (i * 7) % (images + bombs) // ahead they are made in another order
		}
		close(numbers)
	}()
	<-restart
	memory.stop()
	beforeKill := memory
	orphans := s.workshops()
	s.Kill()
	s.Start()
	memory = s.watchMemory()
	defer memory.stop()
	waitFor(t, "workshops of the killed server have ended", func() bool {
		for _, pid := range orphans {
			if resident(pid, "VmRSS") > 0 {
				return false
			}
		}
		return true
	})
	if status := bob.insist(t, "/api/v1/thumbnails/bob.jpg"); status != http.StatusOK {
		t.Errorf("bob's thumbnail: %d", status)
	}
	waitFor(t, "all thumbnails have been answered", func() bool { return answered.Load() == int64(images+bombs) })
	close(watching)
	all.Wait()
	took := time.Since(begin)
	memory.stop()

	server := max(beforeKill.server.Load(), memory.server.Load())
	workshop := max(beforeKill.workshop.Load(), memory.workshop.Load())
	together := max(beforeKill.together.Load(), memory.together.Load())
	t.Logf("%d images in %s; the server had at most %d MiB, a workshop %d MiB, all together %d MiB; others waited at most %s, the restart included",
		images+bombs, took.Round(time.Millisecond), server/mebibyte, workshop/mebibyte, together/mebibyte, time.Duration(slowest.Load()).Round(time.Millisecond))
	if workshop > budget+overhead {
		t.Errorf("a workshop had %d MiB", workshop/mebibyte)
	}
	if together > server+workshops*(budget+overhead) {
		t.Errorf("all together had %d MiB", together/mebibyte)
	}
	if server > 256*mebibyte {
		t.Errorf("the server had %d MiB", server/mebibyte)
	}

	s.Stop()
	s.Start()
	for i := range images {
		if status := ann.insist(t, fmt.Sprintf("/api/v1/thumbnails/%d.jpg", i)); status != http.StatusOK {
			t.Fatalf("%d: %d", i, status)
		}
	}
	if !strings.Contains(s.metrics(t), `satchel_thumbnails_total{result="made"} 0`) {
		t.Error("thumbnails were made anew after a restart")
	}
	s.fsck()
}

// insist asks until the server is there and not busy.
func (a *Account) insist(t *testing.T, address string) int {
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		answer, err := a.Bearer.Get(a.s.URL + address)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode != http.StatusServiceUnavailable || time.Now().After(deadline) {
				return answer.StatusCode
			}
		} else if time.Now().After(deadline) {
			t.Error(err)
			return 0
		}
	}
}

func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so after five minutes: %s", what)
		}
	}
}
