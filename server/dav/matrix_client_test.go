package dav_test

import "strings"

var addresses = []wrong{
	{name: "/davx is not below /dav", script: `
		PUT x/a [] body 1 want 404
		GET x want 404
		PROPFIND x/ [Depth: 0] want 404`},
	{name: "an encoded slash, a dot segment and NUL are no names", script: `
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201
		GET /d%2Ff want 400
		PUT /d/%2e%2e/g [] body 1 want 400
		PUT /a%00b [] body 1 want 400
		DELETE /d/.. want 400
		/d/f holds 1`},
	{name: "a fragment's sign in a name is not cut off", script: `
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201
		DELETE /d/%23x want 404
		DELETE /d%3Fx want 404
		/d/f holds 1`},
	{name: "one name in two spellings is one file", script: `
		PUT /%C3%A4 [] body 1 want 201
		PUT /a%CC%88 [] body 2 want 204
		/%C3%A4 holds 2
		COPY /%C3%A4 [Destination: /dav/a%CC%88] want 403
		MOVE /%C3%A4 [Destination: /dav/a%CC%88] want 201
		/%C3%A4 holds 2`},
	{name: "OPTIONS is 200 for anyone, anywhere", script: `
		OPTIONS / [X-Nobody: 1] want 200 has Dav: 1, 2, 3 & Ms-Author-Via: DAV & Content-Length: 0 & PROPFIND
		OPTIONS /no/such/thing [X-Nobody: 1] want 200 has Dav: 1, 2, 3
		OPTIONS /%2e%2e/x [X-Nobody: 1] want 200 has Dav: 1, 2, 3`},
	{name: "a stranger is challenged for Basic and Bearer, whatever it asks and whatever is there", script: `
		PUT /f [] body secret want 201`, test: strangers},
	{name: "HEAD of a folder is 200, and of nothing 404", script: `
		MKCOL /d want 201
		HEAD / want 200
		HEAD /d want 200
		HEAD /d/ want 200
		HEAD /no want 404`},
	{name: "no address is a redirect", script: `
		MKCOL /d want 201
		PROPFIND /d [Depth: 0] want 207 has <D:href>/dav/d/</D:href>
		GET /d want 200
		PROPFIND /d// [Depth: 0] want 207`},
	{name: "405 is for what can't be, and says what can", script: `
		POST /a want 405 has Allow: OPTIONS, GET
		MKCOL / want 405 has Allow:
		PUT / [] body 1 want 405 has Allow:
		DELETE /no want 404
		DELETE / want 403`},
}

// strangers ask for everything.
func strangers(s *server) {
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "COPY", "MOVE", "MKCOL", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "POST", "NONSENSE"} {
		for _, path := range []string{"/dav/", "/dav/f", "/dav/missing"} {
			a := s.want(401, method, path, "X-Nobody: 1\nDestination: /dav/g")
			challenges := a.header.Values("WWW-Authenticate")
			if len(challenges) != 2 || !strings.HasPrefix(challenges[0], "Basic ") || !strings.HasPrefix(challenges[1], "Bearer") {
				s.t.Errorf("%s %s: the challenges are %q", method, path, challenges)
			}
			if strings.Contains(a.body, "secret") {
				s.t.Errorf("%s %s tells what is there", method, path)
			}
		}
	}
	s.holds("/dav/f", "secret")
}

var habits = []wrong{
	{name: "If-None-Match: JoplinIgnore is nobody's entity tag", script: `
		MKCOL /d [If-None-Match: JoplinIgnore-1] want 201
		PUT /d/a [If-None-Match: JoplinIgnore-2] body 1 want 201
		PUT /d/a [If-None-Match: JoplinIgnore-3] body 2 want 204
		PROPFIND /d [Depth: 1; If-None-Match: JoplinIgnore-4] want 207
		GET /d/a [If-None-Match: JoplinIgnore-5] want 200
		HEAD /d/a [If-None-Match: JoplinIgnore-6] want 200
		COPY /d/a [Destination: /dav/d/b; If-None-Match: JoplinIgnore-7] want 201
		MOVE /d/b [Destination: /dav/d/c; If-None-Match: JoplinIgnore-8] want 201
		LOCK /d/a [If-None-Match: JoplinIgnore-9] body @lock want 200
		DELETE /d/c [If-None-Match: JoplinIgnore-10] want 204`},
	{name: "Office's Lock-Token in place of If opens a PUT", script: `
		PUT /a [] body 1 want 201
		lock it /a
		PUT /a [Lock-Token: <urn:other>] body 2 want 423
		PUT /a [Lock-Token: <{it}>] body 2 want 204
		PUT /a [Lock-Token: {it}] body 3 want 204
		/a holds 3`},
	{name: "a Lock-Token without brackets is one", script: `
		PUT /a [] body 1 want 201
		lock it /a
		UNLOCK /a [Lock-Token: {it}] want 204
		PUT /a [] body 2 want 204`},
	{name: "what desktops scatter works, and fills neither versions nor the trash", script: `
		MKCOL /d want 201
		PUT /d/._f [] body 1 want 201
		PUT /d/._f [] body 2 want 204
		PUT /d/.DS_Store [] body 1 want 201
		PUT /d/.DS_Store [] body 2 want 204
		PUT /d/f [] body 1 want 201
		COPY /d/f [Destination: /dav/d/._f] want 204
		MOVE /d/._f [Destination: /dav/d/.DS_Store] want 204
		/d/.DS_Store holds 1
		DELETE /d/.DS_Store want 204
		/d/.DS_Store holds -
		PUT /d/._f [] body 3 want 201
		MKCOL /e want 201
		MOVE /e [Destination: /dav/d/._f] want 204`, test: func(s *server) {
		s.wantTrash("")
		s.wantUsed(1) // f alone
	}},
	{name: "and goes along with a folder that is removed, and comes back with it", script: `
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201
		PUT /d/._f [] body 2 want 201
		PUT /d/.DS_Store [] body 3 want 201
		DELETE /d want 204`, test: func(s *server) {
		s.wantTrash("/d")
		s.wantUsed(3)
		all, _, err := s.drives.TrashList(s.t.Context(), s.userID, "", 10)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.drives.Restore(s.t.Context(), s.userID, all[0].Node.ID); err != nil {
			s.t.Fatal(err)
		}
		s.play(`
			/d/f holds 1
			/d/._f holds 2
			/d/.DS_Store holds 3`)
	}},
}
