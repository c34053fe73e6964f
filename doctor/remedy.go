package doctor

import "strings"

// methodBlocked are the changes that let a method through.
func methodBlocked(method string) []Fix {
	return []Fix{
		{"nginx", "take out the limit_except, or the test of $request_method, that stops " + method},
		{"Caddy", "take out the matcher (method …) that stops " + method},
		{"Traefik", "take Method(…) out of the router's rule"},
		{"Cloudflare", "Security, WAF: an exception for " + method + " to this host"},
	}
}

// headerLost are the changes that let a header of requests through.
func headerLost(header string) []Fix {
	nginx := "take out: proxy_set_header " + header + " …; and proxy_pass_request_headers off;"
	if strings.Contains(header, "_") {
		nginx += " (and underscores_in_headers on;)"
	}
	return []Fix{
		{"nginx", nginx},
		{"Caddy", "take out: header_up -" + header},
		{"Traefik", "take " + header + " out of customRequestHeaders of the middleware"},
	}
}

func bodyCapped() []Fix {
	return []Fix{
		{"nginx", "client_max_body_size 0;"},
		{"Caddy", "take out: request_body { max_size … }"},
		{"Traefik", "take out the middleware buffering (maxRequestBodyBytes)"},
		{"Cloudflare", "there is no line: 100 MB a request on the free plan. Apps must send tus in chunks below that (the pages do), or the host must be DNS only"},
	}
}

func requestsBuffered() []Fix {
	return []Fix{
		{"nginx", "proxy_request_buffering off; and proxy_http_version 1.1;"},
		{"Caddy", "take out: request_buffers"},
		{"Traefik", "take out the middleware buffering"},
		{"Cloudflare", "there is no line on most plans: the host must be DNS only"},
	}
}

func answersBuffered() []Fix {
	return []Fix{
		{"nginx", "proxy_buffering off; and take out: proxy_ignore_headers X-Accel-Buffering;"},
		{"Caddy", "flush_interval -1"},
		{"Traefik", "responseForwarding: flushInterval: -1ms"},
	}
}

func schemeWrong() []Fix {
	return []Fix{
		{"Satchel", "public_url = \"https://…\", and trusted_proxies with the proxy's address"},
		{"nginx", "proxy_set_header X-Forwarded-Proto $scheme;"},
		{"Caddy", "take out: header_up -X-Forwarded-Proto"},
		{"Traefik", "take X-Forwarded-Proto out of customRequestHeaders"},
	}
}

func hostWrong() []Fix {
	return []Fix{
		{"Satchel", "public_url = \"https://…\", and trusted_proxies with the proxy's address"},
		{"nginx", "proxy_set_header Host $http_host; and proxy_set_header X-Forwarded-Host $http_host;"},
		{"Caddy", "take out: header_up Host …"},
		{"Traefik", "passHostHeader: true"},
	}
}
