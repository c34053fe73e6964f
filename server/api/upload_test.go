package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// upload begins an upload as tus does, and sends a part of it.
func (s *site) upload(userID string, n drive.NewUpload, part string) drive.Upload {
	s.t.Helper()
	u, err := s.drives.BeginUpload(s.t.Context(), userID, n)
	if err != nil {
		s.t.Fatal(err)
	}
	hold, err := s.drives.HoldUpload(s.t.Context(), u.ID, func() {})
	if err != nil {
		s.t.Fatal(err)
	}
	defer hold.Release()
	if u, err = s.drives.Append(s.t.Context(), userID, u.ID, 0, strings.NewReader(part), drive.AppendOptions{}); err != nil {
		s.t.Fatal(err)
	}
	return u
}

func (s *site) lookup(token, text, folder, name string) (found lookupBody) {
	s.t.Helper()
	body := fmt.Sprintf(`{"sha256": %q, "size": %d, "folder": %q, "name": %q}`, sumOf(text), len(text), folder, name)
	s.call("POST", "/api/v1/uploads/lookup", token, body).want(200, "").into(&found)
	return found
}

func TestUnfinishedUploads(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteWith(t, db, drive.Options{UploadExpiry: time.Hour, UploadMaxAge: 30 * time.Minute})
		ann, bob := s.register("ann"), s.register("bob")
		var list uploadsBody
		s.call("GET", "/api/v1/uploads", ann.AccessToken, "").want(200, "").into(&list)
		if list.Items == nil || len(list.Items) != 0 {
			t.Errorf("at first: %+v", list)
		}
		sum, err := hex.DecodeString(sumOf("a film of 20 bytes.."))
		if err != nil {
			t.Fatal(err)
		}
		shot := time.Date(2024, 2, 29, 12, 30, 0, 123_000_000, time.UTC)
		film := s.upload(ann.User.ID, drive.NewUpload{Name: "film ünd.bin", Folder: "/in/a", Length: 20, SHA256: sum, Modified: shot}, "a film of ")
		open := s.upload(ann.User.ID, drive.NewUpload{Name: "endless", Length: -1}, "abc")
		s.upload(ann.User.ID, drive.NewUpload{Kind: drive.Partial, Length: 10}, "abc")
		s.upload(ann.User.ID, drive.NewUpload{Name: "done", Length: 3}, "abc") // another device has nothing to do with these two

		s.call("GET", "/api/v1/uploads", ann.AccessToken, "").want(200, "").into(&list)
		if len(list.Items) != 2 || list.Items[0].ID != open.ID || list.Items[1].ID != film.ID {
			t.Fatalf("%+v", list)
		}
		got := list.Items[1]
		if got.URL != "https://files.example.org/files/"+film.ID || got.Name != "film ünd.bin" || got.Folder != "/in/a" || got.Offset != 10 ||
			got.Size == nil || *got.Size != 20 || got.SHA256 == nil || *got.SHA256 != hex.EncodeToString(sum) ||
			got.Modified == nil || !got.Modified.Equal(shot) || got.Expires.Sub(got.Created) != 30*time.Minute {
			t.Errorf("%+v", got)
		}
		if list.Items[0].Size != nil || list.Items[0].SHA256 != nil || list.Items[0].Modified != nil || list.Items[0].Offset != 3 || list.Items[0].Folder != "/" {
			t.Errorf("what is not known yet: %+v", list.Items[0])
		}
		announced := s.upload(ann.User.ID, drive.NewUpload{Name: "announced", Length: drive.AnnouncedLength(7)}, "abc")
		s.call("GET", "/api/v1/uploads?limit=1", ann.AccessToken, "").want(200, "").into(&list)
		if len(list.Items) != 1 || list.Items[0].ID != announced.ID || list.Items[0].Size == nil || *list.Items[0].Size != 7 {
			t.Errorf("what is announced: %+v", list.Items)
		}
		if err := s.drives.DropUpload(t.Context(), ann.User.ID, announced.ID); err != nil {
			t.Fatal(err)
		}
		s.call("GET", "/api/v1/uploads?limit=1", ann.AccessToken, "").want(200, "").into(&list)
		if len(list.Items) != 1 || list.Items[0].ID != open.ID {
			t.Errorf("the newest: %+v", list)
		}
		for _, limit := range []string{"0", "-1", "1001", "many"} {
			s.call("GET", "/api/v1/uploads?limit="+limit, ann.AccessToken, "").want(400, "invalid_fields")
		}
		s.call("GET", "/api/v1/uploads", bob.AccessToken, "").want(200, "").into(&list)
		if len(list.Items) != 0 {
			t.Errorf("bob sees %+v", list)
		}
	})
}

// An upload that is joined of parts is told with these, so that any device can go on with them; one that has lost a part is not told of.
func TestUnfinishedParts(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteWith(t, db, drive.Options{UploadExpiry: time.Hour})
		ann, bob := s.register("ann"), s.register("bob")
		text := "a film that goes up in two parts, side by side"
		sum, err := hex.DecodeString(sumOf(text))
		if err != nil {
			t.Fatal(err)
		}
		first := s.upload(ann.User.ID, drive.NewUpload{Kind: drive.Partial, Length: 30}, text[:20])
		second := s.upload(ann.User.ID, drive.NewUpload{Kind: drive.Partial, Length: 16}, text[30:35])
		begin := func(name string, parts ...string) drive.Upload {
			u, err := s.drives.BeginUpload(t.Context(), ann.User.ID, drive.NewUpload{Kind: drive.Joined, Name: name, Folder: "/in", SHA256: sum, Parts: parts})
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		film := begin("film", first.ID, second.ID)
		unknown := s.upload(ann.User.ID, drive.NewUpload{Kind: drive.Partial, Length: -1}, "abc")
		begin("of no known length", unknown.ID)
		lost := s.upload(ann.User.ID, drive.NewUpload{Kind: drive.Partial, Length: 10}, "abc")
		begin("lost", first.ID, lost.ID)
		if err := s.drives.DropUpload(t.Context(), ann.User.ID, lost.ID); err != nil {
			t.Fatal(err)
		}

		var list uploadsBody
		s.call("GET", "/api/v1/uploads", ann.AccessToken, "").want(200, "").into(&list)
		if len(list.Items) != 2 {
			t.Fatalf("%+v", list)
		}
		if parts := list.Items[0].Parts; len(parts) != 1 || parts[0].Size != nil || parts[0].Offset != 3 || list.Items[0].Size != nil {
			t.Errorf("of no known length: %+v", list.Items[0])
		}
		check := func(what string, got uploadBody) {
			t.Helper()
			if got.ID != film.ID || got.Name != "film" || got.Folder != "/in" || got.Offset != 25 || got.Size == nil || *got.Size != 46 || len(got.Parts) != 2 {
				t.Fatalf("%s: %+v", what, got)
			}
			for i, part := range []drive.Upload{first, second} {
				if p := got.Parts[i]; p.URL != "https://files.example.org/files/"+part.ID || p.Offset != part.Offset || p.Size == nil || *p.Size != part.Length {
					t.Errorf("%s: part %d is %+v", what, i, p)
				}
			}
		}
		check("the list", list.Items[1])
		found := s.lookup(ann.AccessToken, text, "/in", "film")
		if found.Status != lookupPartial || found.Upload == nil {
			t.Fatalf("%+v", found)
		}
		check("by hash", *found.Upload)

		further := s.upload(ann.User.ID, drive.NewUpload{Name: "film", Folder: "/in", Length: 46, SHA256: sum}, text[:26])
		if found := s.lookup(ann.AccessToken, text, "/in", "film"); found.Upload == nil || found.Upload.ID != further.ID || found.Upload.Parts != nil {
			t.Errorf("one that is further: %+v", found.Upload)
		}
		if his := s.lookup(bob.AccessToken, text, "/in", "film"); his.Status != lookupNone {
			t.Errorf("bob is told of ann's upload: %+v", his)
		}
	})
}

func TestLookingForContent(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		rules, err := hooks.NewRules([]string{"*.exe"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := newSiteWith(t, db, drive.Options{Admit: rules.Admit})
		ann, bob := s.register("ann"), s.register("bob")
		token := ann.AccessToken
		s.put(ann.User.ID, "/mine", "what ann has")
		s.put(bob.User.ID, "/theirs", "what only bob has")
		half := "half of it is here already"
		sum, err := hex.DecodeString(sumOf(half))
		if err != nil {
			t.Fatal(err)
		}
		u := s.upload(ann.User.ID, drive.NewUpload{Name: "half", Folder: "/in", Length: int64(len(half)), SHA256: sum}, half[:10])

		found := s.lookup(token, "what ann has", "/new/folder/", "again.txt")
		if found.Status != lookupComplete || found.File == nil || found.File.Path != "/new/folder/again.txt" || found.File.Size != 12 || found.File.SHA256 != sumOf("what ann has") {
			t.Errorf("her own: %+v", found)
		}
		var file nodeBody
		s.call("GET", "/api/v1/files/new/folder/again.txt", token, "").want(200, "").into(&file)
		if file != *found.File {
			t.Errorf("the file is %+v, told was %+v", file, *found.File)
		}
		if found := s.lookup(token, half, "in", "half"); found.Status != lookupPartial || found.Upload == nil ||
			found.Upload.URL != "https://files.example.org/files/"+u.ID || found.Upload.Offset != 10 {
			t.Errorf("an upload under way: %+v", found)
		}
		none := s.lookup(token, "what nobody has", "/", "x")
		if hers := s.lookup(token, "what only bob has", "/", "x"); none != (lookupBody{Status: lookupNone}) || hers != none {
			t.Errorf("what bob has is told apart from what nobody has: %+v, %+v", hers, none)
		}
		if his := s.lookup(bob.AccessToken, half, "in", "half"); his.Status != lookupNone {
			t.Errorf("bob is told of ann's upload: %+v", his)
		}

		digest := sumOf("what ann has")
		for _, c := range []struct {
			body   string
			status int
			code   string
			fields []string
		}{
			{`{}`, 400, "invalid_fields", []string{"sha256 required", "name required"}},
			{`{"sha256": "` + digest + `", "name": "x"}`, 400, "invalid_fields", []string{"size required"}},
			{`{"sha256": "` + digest + `", "name": "x", "size": -1}`, 400, "invalid_fields", []string{"size required"}},
			{`{"sha256": "` + digest + `", "name": "x", "size": "12"}`, 400, "invalid_fields", []string{"size wrong_type"}},
			{`{"sha256": "` + digest + `", "name": "x", "size": 1.5}`, 400, "invalid_fields", []string{"size wrong_type"}},
			{`{"sha256": "` + digest + `", "name": "x", "size": 99999999999999999999}`, 400, "invalid_fields", []string{"size wrong_type"}},
			{`{"sha256": "` + digest[2:] + `", "name": "x", "size": 12}`, 400, "invalid_fields", []string{"sha256 invalid"}},
			{`{"sha256": "` + digest[1:] + `g", "name": "x", "size": 12}`, 400, "invalid_fields", []string{"sha256 invalid"}},
			{`{"sha256": "` + digest + `", "name": "a/b", "size": 12}`, 400, "invalid_name", nil},
			{`{"sha256": "` + digest + `", "name": "x", "size": 12, "folder": "/a/../b"}`, 400, "invalid_name", nil},
			{`{"sha256": "` + digest + `", "name": "x", "size": 12, "conflict": "merge"}`, 400, "invalid_conflict", nil},
			{`{"sha256": "` + digest + `", "name": "mine", "size": 12, "conflict": "fail"}`, 409, "name_taken", nil},
			{`{"sha256": "` + digest + `", "name": "x", "size": 12, "folder": "/mine"}`, 409, "parent_missing", nil},
			{`{"sha256": "` + digest + `", "name": "VIRUS.exe", "size": 12}`, 403, "name_not_allowed", nil},
			{`{"sha256": "` + digest + `", "name": "x", "size": 12, "url": "/"}`, 400, "unknown_field", []string{"url unknown_field"}},
		} {
			r := s.call("POST", "/api/v1/uploads/lookup", token, c.body).want(c.status, c.code)
			if got := r.fieldCodes(); !slices.Equal(got, c.fields) {
				t.Errorf("%s: fields %v, want %v", c.body, got, c.fields)
			}
		}
		upper := strings.ToUpper(digest)
		s.call("POST", "/api/v1/uploads/lookup", token, `{"sha256": "`+upper+`", "name": "mine", "size": 12, "folder": null, "conflict": "replace"}`).want(200, "")

		s.put(ann.User.ID, "/big", strings.Repeat("b", 600<<10))
		big := fmt.Sprintf(`{"sha256": %q, "size": %d, "name": "again"}`, sumOf(strings.Repeat("b", 600<<10)), 600<<10)
		s.call("POST", "/api/v1/uploads/lookup", token, big).want(507, "quota_exceeded")
	})
}

// answerTo is the proof that whoever has text can give.
func answerTo(c challengeBody, text string) string {
	all := string(c.Nonce)
	for _, r := range c.Ranges {
		all += text[r.Offset : r.Offset+r.Length]
	}
	return sumOf(all)
}

func TestProvingToHoldContent(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteWith(t, db, drive.Options{Proof: true})
		ann, bob, cid := s.register("ann"), s.register("bob"), s.register("cid")
		text := strings.Repeat("a film that bob has and ann has too; ", 10_000)
		s.put(bob.User.ID, "/theirs", text)

		ask := func() challengeBody {
			t.Helper()
			found := s.lookup(ann.AccessToken, text, "/films", "film.mkv")
			if found.Status != lookupChallenge || found.Challenge == nil || found.File != nil || found.Upload != nil || len(found.Challenge.Nonce) != 32 {
				t.Fatalf("%+v", found)
			}
			return *found.Challenge
		}
		prove := func(token string, c challengeBody, answer string) *reply {
			return s.call("POST", "/api/v1/uploads/proof", token, fmt.Sprintf(`{"challenge": %q, "answer": %q}`, c.ID, answer))
		}
		c := ask()
		prove(cid.AccessToken, c, answerTo(c, text)).want(404, "proof_not_found") // somebody else's challenge
		prove(bob.AccessToken, c, answerTo(c, text)).want(404, "proof_not_found")
		prove(ann.AccessToken, c, "abc").want(400, "invalid_fields")
		prove(ann.AccessToken, c, sumOf(text)).want(403, "proof_failed") // the hash alone is no proof
		prove(ann.AccessToken, c, answerTo(c, text)).want(404, "proof_not_found")
		c = ask()
		var made provenBody
		r := prove(ann.AccessToken, c, answerTo(c, text)).want(201, "")
		r.into(&made)
		if made.File.Path != "/films/film.mkv" || made.File.SHA256 != sumOf(text) || r.Header().Get("Location") != "/api/v1/files/films/film.mkv" {
			t.Errorf("%+v %v", made, r.Header())
		}
		prove(ann.AccessToken, c, answerTo(c, text)).want(404, "proof_not_found")
		if found := s.lookup(ann.AccessToken, text, "/", "film.mkv"); found.Status != lookupComplete {
			t.Errorf("once she has it: %+v", found)
		}
		if found := s.lookup(cid.AccessToken, "nobody has this", "/", "x"); found.Status != lookupNone {
			t.Errorf("what nobody has: %+v", found)
		}
		s.call("POST", "/api/v1/uploads/proof", ann.AccessToken, `{}`).want(400, "invalid_fields")
		s.call("POST", "/api/v1/uploads/proof", ann.AccessToken, `{"challenge": "../x", "answer": "`+sumOf("")+`"}`).want(404, "proof_not_found")
	})
}
