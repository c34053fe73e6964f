package drive

import (
	"context"
	"slices"

	"github.com/satchelhq/satchel/sqldb"
)

// Piece is a part of a joined upload, and how far it is.
type Piece struct {
	ID     string
	Length int64 // bytes; negative while it is not known
	Offset int64 // bytes that are durable
}

// maxPieces bounds the pieces that are told of at once. Who has that many under way is told of the newest uploads.
const maxPieces = 5000

// withPieces adds to the joined ones of a drive's open uploads what their parts are and how far, which together is how far they are. It
// leaves out those that have lost a part: nobody can go on with them. all are in the order of ids, the newest first.
func withPieces(ctx context.Context, q sqldb.Querier, driveID string, all []Upload) ([]Upload, error) {
	joined := slices.DeleteFunc(slices.Clone(all), func(u Upload) bool { return u.Kind != Joined })
	if len(joined) == 0 {
		return all, nil
	}
	pieces := map[string][]Piece{}
	lost := map[string]bool{}
	var last string
	rows := 0
	err := q.Each(ctx, `SELECT p.upload_id, p.part_id, COALESCE(part.length, -1), COALESCE(part.received, 0), part.id IS NULL
		FROM uploads u JOIN upload_parts p ON p.upload_id = u.id LEFT JOIN uploads part ON part.id = p.part_id AND part.gone_at = 0 AND part.completed_at = 0
		WHERE u.drive_id = $1 AND u.completed_at = 0 AND u.gone_at = 0 AND u.id BETWEEN $2 AND $3 ORDER BY p.upload_id DESC, p.position LIMIT $4`,
		[]any{driveID, joined[len(joined)-1].ID, joined[0].ID, maxPieces + 1}, func(scan sqldb.Scan) error {
			var piece Piece
			var missing bool
			if err := scan(&last, &piece.ID, &piece.Length, &piece.Offset, &missing); err != nil {
				return err
			}
			rows++
			pieces[last] = append(pieces[last], piece)
			lost[last] = lost[last] || missing
			return nil
		})
	if err != nil {
		return nil, err
	}
	if rows > maxPieces {
		lost[last] = true // cut off
	}
	for i := range all {
		u := &all[i]
		u.Pieces = pieces[u.ID]
		for _, piece := range u.Pieces {
			u.Offset += piece.Offset
		}
	}
	return slices.DeleteFunc(all, func(u Upload) bool { return u.Kind == Joined && (len(u.Pieces) == 0 || lost[u.ID]) }), nil
}
