// Package tusd reads what tusd keeps in a folder (its filestore): the bytes of an upload in a file, and beside it what is known of it, as JSON in
// "NAME.info". How much of an upload there is is the size of the file; tusd does not keep its Offset up to date there.
package tusd
