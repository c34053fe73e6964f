package dav_test

var conditions = []wrong{
	{name: "If-Match and If-None-Match are looked at", script: `
		PUT /a [] body 1 want 201
		PUT /a [If-None-Match: *] body 2 want 412
		PUT /a [If-Match: "other"] body 2 want 412
		DELETE /a [If-Match: "other"] want 412
		MOVE /a [If-Match: "other"; Destination: /dav/b] want 412
		COPY /a [If-Match: "other"; Destination: /dav/b] want 412
		PROPPATCH /a [If-Match: "other"] body <propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate> want 412
		LOCK /a [If-Match: "other"] body @lock want 412
		MKCOL /d [If-Match: *] want 412
		PUT /b [If-Match: *] body 2 want 412
		/a holds 1
		/b holds -
		etag old /a
		PUT /a [If-None-Match: {old}] body 2 want 412
		PUT /a [If-None-Match: W/{old}, "other"] body 2 want 412
		PUT /a [If-Match: {old}] body 2 want 204
		PUT /a [If-Match: {old}] body 3 want 412
		/a holds 2`},
	{name: "so is If-Unmodified-Since", script: `
		PUT /a [] body 1 want 201
		PUT /a [If-Unmodified-Since: Tue, 14 Nov 2000 22:13:20 GMT] body 2 want 412
		/a holds 1`},
	{name: "entity tags and Not in If are held against the file", script: `
		PUT /a [] body 1 want 201
		etag it /a
		PUT /a [If: (["other"])] body 2 want 412
		PUT /a [If: (<urn:no-such-lock>)] body 2 want 412
		PUT /a [If: (Not [{it}])] body 2 want 412
		COPY /a [If: (Not [{it}]); Destination: /dav/b] want 412
		DELETE /a [If: (Not [{it}])] want 412
		MOVE /a [If: (["other"]); Destination: /dav/b] want 412
		/a holds 1
		PUT /a [If: ([{it}])] body 2 want 204
		PUT /a [If: (Not [{it}])] body 3 want 204
		PUT /a [If: (["other"]) (Not <DAV:no-lock>)] body 4 want 204
		/a holds 4`},
	{name: "a complex If that does not hold is 412", script: `
		PUT /a [] body 1 want 201
		etag it /a
		lock token /a
		PUT /a [If: (<{token}> ["other"]) (Not <{token}> [{it}])] body 2 want 412
		PUT /a [If: (<{token}> [W/{it}])] body 2 want 412
		/a holds 1
		PUT /a [If: (<{token}> ["other"]) (<{token}> [{it}])] body 2 want 204
		/a holds 2`},
	{name: "what If names is looked at where it is, and no path but the request's is changed", script: `
		PUT /mine [] body 1 want 201
		PUT /victim [] body 1 want 201
		etag it /mine
		PUT /victim [If: </dav/mine> (["other"])] body 2 want 412
		PUT /victim [If: </dav/missing> ([{it}])] body 2 want 412
		/victim holds 1
		PUT /victim [If: </dav/mine> ([{it}])] body 2 want 204
		/mine holds 1
		/victim holds 2`},
	{name: "a tagged token opens only what its lock covers", script: `
		PUT /mine [] body 1 want 201
		PUT /victim [] body 1 want 201
		lock mine /mine
		lock victim /victim
		PUT /victim [If: </dav/mine> (<{mine}>)] body 2 want 423 has <D:lock-token-submitted><D:href>/dav/victim</D:href>
		DELETE /victim [If: </dav/mine> (<{mine}>)] want 423
		MOVE /mine [If: </dav/mine> (<{mine}>); Destination: /dav/victim] want 423
		COPY /mine [If: </dav/mine> (<{mine}>); Destination: /dav/victim] want 423
		PUT /victim [If: (<{mine}>)] body 2 want 412
		PROPPATCH /victim [If: </dav/mine> (<{mine}>)] body <propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate> want 423
		UNLOCK /victim [Lock-Token: <{mine}>] want 409
		LOCK /victim [If: </dav/mine> (<{mine}>)] want 412
		/victim holds 1
		MOVE /mine [If: </dav/mine> (<{mine}>) <http://HOST/dav/victim> (<{victim}>); Destination: /dav/victim] want 204
		/victim holds 1
		/mine holds -`},
	{name: "an If that cannot be read is 400, not true", script: `
		PUT /a [] body 1 want 201
		PUT /a [If: (nonsense] body 2 want 400
		DELETE /a [If: <urn:x>] want 400
		PUT /a [If: (["other"]) </dav/missing> (Not ["x"])] body 2 want 400
		/a holds 1`},
}

var locks = []wrong{
	{name: "tokens are UUIDs", script: `
		PUT /a [] body 1 want 201
		LOCK /a body @lock want 200 has Lock-Token: <opaquelocktoken:`},
	{name: "a lock without a wish for its time is not for ever", script: `
		PUT /a [] body 1 want 201
		LOCK /a body @lock want 200 has <D:timeout>Second-3600</D:timeout>
		PUT /a [] body 2 want 423
		after 61m
		PUT /a [] body 2 want 204`},
	{name: "Infinite is a day", script: `
		PUT /a [] body 1 want 201
		LOCK /a [Timeout: Infinite, Second-4100000000] body @lock want 200 has <D:timeout>Second-86400</D:timeout>
		after 24h1s
		PUT /a [] body 2 want 204`},
	{name: "a stale lock is gone for everyone, and shown to nobody", script: `
		PUT /a [] body 1 want 201
		lock old /a [Timeout: Second-60]
		after 59s
		LOCK /a [If: (<{old}>); Timeout: Second-60] want 200
		after 59s
		PUT /a [] body 2 want 423
		PROPFIND /a [Depth: 0] want 207 has <D:timeout>Second-1</D:timeout>
		after 2s
		PROPFIND /a [Depth: 0] want 207 has <D:lockdiscovery/> lacks activelock
		LOCK /a [If: (<{old}>)] want 412
		UNLOCK /a [Lock-Token: <{old}>] want 409
		PUT /a [] body 2 want 204
		LOCK /a body @lock want 200`},
	{name: "the lock's root is escaped", script: `
		LOCK /new%20%26%20%3Cbold%3E body @lock want 201 has <D:lockroot><D:href>/dav/new%20%26%20%3Cbold%3E</D:href></D:lockroot>
		PROPFIND /new%20%26%20%3Cbold%3E [Depth: 0] want 207 has <D:lockroot><D:href>/dav/new%20%26%20%3Cbold%3E</D:href></D:lockroot>`},
	{name: "the owner's XML comes back and means what it meant", script: `
		LOCK /a body <lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>a &lt;b&gt; &amp;amp; <x:y xmlns:x="urn:x"/></owner></lockinfo> want 201 has <D:owner>a &lt;b&gt; &amp;amp; <x:y xmlns="DAV:" xmlns:x="urn:x"/></D:owner>`},
	{name: "shared locks are locks", script: `
		PUT /a [] body 1 want 201
		share one /a
		share two /a
		PROPFIND /a [Depth: 0] want 207 has {one} & {two} & <D:lockscope><D:shared/></D:lockscope>
		LOCK /a body @lock want 423 has no-conflicting-lock
		PUT /a [] body 2 want 423
		/a holds 1
		PUT /a [If: (<{one}>)] body 2 want 204
		UNLOCK /a [Lock-Token: <{one}>] want 204
		PUT /a [] body 3 want 423
		PUT /a [If: (<{two}>)] body 3 want 204
		/a holds 3`},
	{name: "DELETE ends a lock", script: `
		PUT /a [] body 1 want 201
		lock it /a
		DELETE /a want 423
		DELETE /a [If: (<{it}>)] want 204
		PUT /a [] body 2 want 201
		UNLOCK /a [Lock-Token: <{it}>] want 409
		LOCK /a body @lock want 200`},
	{name: "MOVE leaves a lock behind, and it is gone", script: `
		PUT /a [] body 1 want 201
		lock it /a
		MOVE /a [Destination: /dav/b] want 423
		/a holds 1
		MOVE /a [Destination: /dav/b; If: (<{it}>)] want 201
		PUT /b [] body 2 want 204
		PUT /a [] body 3 want 201
		PROPFIND / [Depth: 1] want 207 lacks activelock`},
	{name: "a locked file goes to a place that is not locked", script: `
		MKCOL /open want 201
		PUT /a [] body 1 want 201
		lock it /a
		MOVE /a [Destination: /dav/open/a; If: </dav/a> (<{it}>)] want 201
		/open/a holds 1`},
	{name: "COPY does not take a lock along", script: `
		PUT /a [] body 1 want 201
		lock it /a
		COPY /a [Destination: /dav/b] want 201
		PUT /b [] body 2 want 204
		COPY /b [Destination: /dav/a] want 423
		/a holds 1`},
	{name: "a file that takes a locked one's place with its token leaves the place locked", script: `
		PUT /a [] body 1 want 201
		PUT /b [] body 2 want 201
		lock it /b
		MOVE /a [Destination: /dav/b] want 423
		MOVE /a [Destination: /dav/b; If: </dav/b> (<{it}>)] want 204
		PUT /b [] body 3 want 423
		UNLOCK /b [Lock-Token: <{it}>] want 204
		/b holds 1`},
	{name: "a lock on nothing makes an empty file that DELETE and UNLOCK know", script: `
		LOCK /a body @lock want 201
		/a holds empty
		PUT /a [] body 1 want 423
		LOCK /no/a body @lock want 409
		LOCK /folder/ body @lock want 409
		/folder holds -`},
	{name: "a lock holds on every node, and after a restart", script: `
		PUT /a [] body 1 want 201
		lock it /a`, test: func(s *server) {
		other := s.another()
		other.play(`
			PUT /a [] body 2 want 423
			PROPFIND /a [Depth: 0] want 207 has {it}
			PUT /a [If: (<{it}>)] body 2 want 204
			UNLOCK /a [Lock-Token: <{it}>] want 204`)
		s.play(`
			PUT /a [] body 3 want 204`)
	}},
}

var lockedFolders = []wrong{
	{name: "DELETE, COPY and MOVE honour locks inside, and name them in a 207", script: `
		MKCOL /d want 201
		MKCOL /d/e want 201
		PUT /d/e/f [] body 1 want 201
		PUT /d/g [] body 1 want 201
		MKCOL /other want 201
		lock it /d/e/f
		DELETE /d want 207 has <D:response><D:href>/dav/d/e/f</D:href><D:status>HTTP/1.1 423 Locked</D:status> lacks <D:href>/dav/d/g
		MOVE /d [Destination: /dav/moved] want 207 has <D:response><D:href>/dav/d/e/f</D:href><D:status>HTTP/1.1 423 Locked</D:status>
		COPY /other [Destination: /dav/d] want 207 has <D:response><D:href>/dav/d/e/f</D:href><D:status>HTTP/1.1 423 Locked</D:status>
		MOVE /other [Destination: /dav/d] want 207 has <D:response><D:href>/dav/d/e/f</D:href><D:status>HTTP/1.1 423 Locked</D:status>
		/d/e/f holds 1
		/d/g holds 1
		PUT /d/e/h [] body 1 want 201
		PROPFIND /other [Depth: 0] want 207
		PROPFIND /moved [Depth: 0] want 404
		COPY /d [Destination: /dav/copy] want 201
		MOVE /d [Destination: /dav/moved; If: </dav/d/e/f> (<{it}>)] want 201
		PUT /moved/e/f [] body 2 want 204
		DELETE /moved want 204`},
	{name: "DELETE with the token of what is inside takes all of it", script: `
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201
		lock it /d/f
		DELETE /d [If: </dav/d/f> (<{it}>)] want 204
		MKCOL /d want 201
		PUT /d/f [] body 2 want 201
		PROPFIND /d [Depth: 1] want 207 lacks activelock`},
	{name: "one token of two is not enough", script: `
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201
		PUT /d/g [] body 1 want 201
		lock one /d/f
		lock two /d/g
		DELETE /d [If: </dav/d/f> (<{one}>)] want 207 has <D:href>/dav/d/g</D:href> lacks <D:href>/dav/d/f</D:href>
		/d/f holds 1
		DELETE /d [If: </dav/d/f> (<{one}>) </dav/d/g> (<{two}>)] want 204`},
	{name: "a deep lock covers what is inside, and what comes", script: `
		MKCOL /d want 201
		MKCOL /d/e want 201
		PUT /d/e/f [] body 1 want 201
		PUT /x [] body 1 want 201
		lock it /d [Depth: infinity]
		PUT /d/e/f [] body 2 want 423 has <D:lock-token-submitted><D:href>/dav/d</D:href>
		PUT /d/e/new [] body 2 want 423
		MKCOL /d/new want 423
		DELETE /d/e want 423
		MOVE /d/e [Destination: /dav/e] want 423
		COPY /d/e [Destination: /dav/d/c] want 423
		COPY /d/e [Destination: /dav/c] want 201
		MOVE /x [Destination: /dav/d/x] want 423
		LOCK /d/e/f body @lock want 423
		/d/e/f holds 1
		PUT /d/e/f [If: (<{it}>)] body 2 want 204
		PUT /d/e/new [If: </dav/d> (<{it}>)] body 2 want 201
		PUT /d/e/new [] body 3 want 423`},
	{name: "a lock on a folder alone keeps its members, not what is in them", script: `
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201
		lock it /d [Depth: 0]
		PUT /d/f [] body 2 want 204
		PUT /d/new [] body 1 want 423
		DELETE /d/f want 423
		MOVE /d/f [Destination: /dav/f] want 423
		DELETE /d want 423
		PUT /d/new [If: <http://HOST/dav/d/> (<{it}>)] body 1 want 201
		/d/f holds 2`},
}
