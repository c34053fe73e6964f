// Package archive writes ZIP files of any size as they are sent, in bounded memory: all of a user's data, what was chosen in a drive, and shared folders.
package archive
