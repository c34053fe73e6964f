// Package filebrowser reads the database of File Browser (github.com/filebrowser/filebrowser): a bbolt file in which the storm library keeps each row as JSON
// under its id, and settings under their names. Files are plain folders, and a user has those below the scope.
package filebrowser
