// Package overview tells whoever runs the server how it is doing, for the pages
// and the API: how much there is of everything, and how the background jobs
// went.
//
// All of it is cheap enough to be asked at each view: nothing reads more than a
// row of each account.
package overview
