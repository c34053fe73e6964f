// Package archive writes ZIP files of any size as they are sent, in bounded memory: all of a user's data for the API, and shared folders for the pages.
package archive
