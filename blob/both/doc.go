// Package both is two stores as one, while content moves from one to the other.
//
// New content goes to the new store. What is in the old one is read, and written on, where it is, until somebody moves it:
// drive.MoveBlobs does, for sealed content. Nothing says which store has a key: the old one is asked first. As content moves
// one way only, what the old one has no more the new one has by then; and a copy that is not whole or not compared yet is hidden by
// its original.
//
//   - both.go    the store · stage.go joins stages of two stores
//   - follow.go  content that is read goes on where it was moved to
//
// Nodes may come to this one after the other: first all of them get the new store as the old one of a pair, which is only read, and
// then the pair the right way round. Content is moved when all have it.
package both
