package nexus

import "iter"

// listOnce yields what one call answers; the call is made when the first value is asked for.
func listOnce[T any](fetch func() ([]T, error)) iter.Seq2[T, error] {
	return listPages(func(*string) ([]T, *string, error) {
		items, err := fetch()
		return items, nil, err
	})
}

// listPages yields page after page. fetch takes a cursor, nil for the first page, and returns the next one, nil after the
// last.
func listPages[T any](fetch func(cursor *string) ([]T, *string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var cursor *string
		for {
			items, next, err := fetch(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if cursor = next; cursor == nil {
				return
			}
		}
	}
}
