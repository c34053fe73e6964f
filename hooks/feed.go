package hooks

import (
	"context"
	"log/slog"

	"github.com/satchelhq/satchel/drive"
)

// Sink is told of changes after they are durable. It must return at once, and must not change them.
// The rows of package drive are the record; a sink that missed some reads them there.
type Sink interface {
	Tell(changes []drive.Change)
}

// Feed tells every sink, in order.
type Feed []Sink

// Tell hands changes of one transaction to every sink. It is what drive.Options.Changed is set to.
func (f Feed) Tell(changes []drive.Change) {
	for _, sink := range f {
		sink.Tell(changes)
	}
}

// LogSink writes changes to a log at debug level. Paths are private: only ids are written.
type LogSink struct{ Log *slog.Logger }

// Tell implements Sink.
func (s LogSink) Tell(changes []drive.Change) {
	if !s.Log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	for _, c := range changes {
		s.Log.Debug("change", "drive", c.DriveID, "sequence", c.Sequence, "kind", c.Kind, "node", c.NodeID)
	}
}
