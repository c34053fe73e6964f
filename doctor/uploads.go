package doctor

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const first = "satchel" // what the first PATCH sends

func tusHeaders(more ...[2]string) [][2]string {
	return append([][2]string{{"Tus-Resumable", "1.0.0"}}, more...)
}

// uploads sends an upload as tus does, and takes it back.
func (w *Way) uploads(ctx context.Context) {
	path, ok := w.createUpload(ctx)
	if !ok {
		return
	}
	defer func() {
		a, err := w.ask(ctx, http.MethodDelete, path, "", tusHeaders(w.bearer())...)
		w.method("DELETE", a, err, http.StatusNoContent)
	}()
	if _, ok := w.offset(ctx, path, true); !ok {
		return
	}
	a, err := w.ask(ctx, http.MethodPatch, path, first, tusHeaders(w.bearer(), header("Content-Type", "application/offset+octet-stream"), header("Upload-Offset", "0"))...)
	if err == nil && a.StatusCode != http.StatusNoContent && !a.stopped() {
		w.tell(wrong("header Upload-Offset", headerLost("Upload-Offset"), "PATCH with it answers %s: %s", a.Status, line(a.text)))
		return
	}
	if !w.method("PATCH", a, err, http.StatusNoContent) {
		return
	}
	w.stream(ctx, path)
}

func (w *Way) createUpload(ctx context.Context) (path string, ok bool) {
	a, err := w.ask(ctx, http.MethodPost, "/files/", "", tusHeaders(w.bearer(), header("Upload-Length", strconv.FormatInt(w.Large, 10)),
		header("Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte("doctor.bin"))))...)
	if err == nil && a.StatusCode == http.StatusPreconditionFailed {
		w.tell(wrong("header Tus-Resumable", headerLost("Tus-Resumable"), "POST /files/ with it answers %s", a.Status))
		return "", false
	}
	if !w.method("POST", a, err, http.StatusCreated) {
		return "", false
	}
	at, err := url.Parse(a.Header.Get("Location"))
	if err != nil || at.Path == "" {
		w.tell(wrong("header Location", nil, "an upload is made, and the answer says %q of where", a.Header.Get("Location")))
		return "", false
	}
	w.origin(at)
	return at.RequestURI(), true
}

// origin looks whether the server knows by which address people came: its links, redirects and cookies are made from that.
func (w *Way) origin(at *url.URL) {
	if at.Scheme != w.Base.Scheme {
		w.tell(wrong("scheme", schemeWrong(), "people come by %s, and the server makes links with %s", w.Base.Scheme, at.Scheme))
	} else {
		w.tell(good("scheme", "links begin with %s", at.Scheme))
	}
	if !strings.EqualFold(at.Host, w.Base.Host) {
		w.tell(wrong("host", hostWrong(), "people come to %s, and the server makes links to %s", w.Base.Host, at.Host))
	} else {
		w.tell(good("host", "links lead to %s", at.Host))
	}
}

// offset asks where an upload is.
func (w *Way) offset(ctx context.Context, path string, tell bool) (int64, bool) {
	a, err := w.ask(ctx, http.MethodHead, path, "", tusHeaders(w.bearer())...)
	if !tell && err != nil {
		return 0, false
	}
	if tell && !w.method("HEAD", a, err, http.StatusOK) {
		return 0, false
	}
	offset, err := strconv.ParseInt(a.Header.Get("Upload-Offset"), 10, 64)
	if err != nil && tell {
		w.tell(wrong("header Upload-Offset", []Fix{{"nginx", "take out: proxy_hide_header Upload-Offset;"}, {"Caddy", "take out: header_down -Upload-Offset"}}, "answers come without it"))
	}
	return offset, err == nil
}

// stream announces a large body, sends a little of it, and asks meanwhile whether that has come.
func (w *Way) stream(ctx context.Context, path string) {
	const limit, buffered = "size of a request", "uploads as they come"
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, feed := io.Pipe()
	defer feed.Close()
	r, err := w.request(ctx, http.MethodPatch, path, body, tusHeaders(w.bearer(), header("Content-Type", "application/offset+octet-stream"),
		header("Upload-Offset", strconv.Itoa(len(first))))...)
	if err != nil {
		return
	}
	r.ContentLength = w.Large - int64(len(first))
	ended := make(chan *answer, 1)
	go func() {
		a, err := w.do(r)
		if err != nil {
			a = nil
		}
		ended <- a
	}()
	go func() { _, _ = feed.Write(make([]byte, 64<<10)) }() // it ends with the request
	tick := time.NewTicker(streamPatience / 10)
	defer tick.Stop()
	for late := time.After(streamPatience); ; {
		select {
		case a := <-ended:
			switch {
			case a != nil && a.StatusCode == http.StatusRequestEntityTooLarge:
				w.tell(wrong(limit, bodyCapped(), "a body of %s is refused: %s", humane(r.ContentLength), a.Status))
			case a != nil && a.Header.Get("Tus-Resumable") != "": // it had to let go, because it was asked for the offset: so it had come
				w.tell(good(limit, "%s in one request", humane(r.ContentLength)))
				w.tell(good(buffered, "they are there before they end"))
			default:
				w.tell(wrong(limit, bodyCapped(), "a body of %s breaks off", humane(r.ContentLength)))
			}
			return
		case <-tick.C:
			if offset, ok := w.offset(ctx, path, false); ok && offset > int64(len(first)) {
				w.tell(good(limit, "%s in one request", humane(r.ContentLength)))
				w.tell(good(buffered, "they are there before they end"))
				return
			}
		case <-late:
			w.tell(good(limit, "%s in one request", humane(r.ContentLength)))
			w.tell(wrong(buffered, requestsBuffered(), "after %s nothing of an upload has come: the proxy keeps all of it first, and what breaks off is lost", streamPatience))
			return
		case <-ctx.Done():
			return
		}
	}
}

// method tells whether a method comes through.
func (w *Way) method(method string, a *answer, err error, want ...int) bool {
	topic := "method " + method
	switch {
	case err != nil:
		w.tell(wrong(topic, methodBlocked(method), "%v", err))
		return false
	case a.stopped() || a.StatusCode >= 500 && !a.ours():
		w.tell(wrong(topic, methodBlocked(method), "the answer is %s, and it is not Satchel's", a.Status))
		return false
	}
	for _, status := range want {
		if a.StatusCode == status {
			w.tell(good(topic, "comes through"))
			return true
		}
	}
	w.tell(wrong(topic, nil, "%s %s", a.Status, line(a.text)))
	return false
}

func humane(n int64) string {
	if n>>30 > 0 {
		return strconv.FormatInt((n+1<<29)>>30, 10) + " GiB"
	}
	return strconv.FormatInt(max(1, n>>20), 10) + " MiB"
}

// line is the first one of an answer, as far as it can be shown.
func line(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if len(text) > 120 {
		text = text[:120] + "…"
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text), "")
}
