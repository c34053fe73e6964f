package sqldb

import "context"

type guardKey struct{}

// Guarded is ctx for updates that must not happen once something is not so any more: each Update under it runs guard first, in its own transaction,
// and fails with its error. It is how a fence reaches updates of rooms that do not know of it. Guards that ctx has already are run before.
func Guarded(ctx context.Context, guard func(ctx context.Context, tx *Tx) error) context.Context {
	outer := guardOf(ctx)
	if outer == nil {
		return context.WithValue(ctx, guardKey{}, guard)
	}
	return context.WithValue(ctx, guardKey{}, func(ctx context.Context, tx *Tx) error {
		if err := outer(ctx, tx); err != nil {
			return err
		}
		return guard(ctx, tx)
	})
}

func guardOf(ctx context.Context) func(context.Context, *Tx) error {
	guard, _ := ctx.Value(guardKey{}).(func(context.Context, *Tx) error)
	return guard
}

// guarded is fn behind the guard of ctx, if there is one.
func guarded(ctx context.Context, fn func(tx *Tx) error) func(tx *Tx) error {
	guard := guardOf(ctx)
	if guard == nil {
		return fn
	}
	return func(tx *Tx) error {
		if err := guard(ctx, tx); err != nil {
			return err
		}
		return fn(tx)
	}
}

func isGuarded(ctx context.Context) bool { return ctx.Value(guardKey{}) != nil }
