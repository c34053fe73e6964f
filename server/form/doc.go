// Package form stores the files of a plain HTML form (multipart/form-data, RFC 7578): what the pages and the API have in common about it.
package form
