// Package secret holds what must not be shown: keys, tokens, and addresses that let
// everybody post who has them. What they are good for may not enter.
package secret

import (
	"fmt"
	"io"
)

// A Value is a secret, of which every way to print, log or encode it makes
// asterisks. It holds a pointer because fmt cannot reach the methods of an unexported
// field's value: of a nested pointer to a string it shows no more than the address,
// whatever the verb.
type Value struct{ value *string }

// New returns the value that is not to be shown.
func New(value string) Value { return Value{&value} }

// Reveal returns the value itself, "" where there is none.
func (v Value) Reveal() string {
	if v.value == nil {
		return ""
	}
	return *v.value
}

// IsSet reports whether there is a value.
func (v Value) IsSet() bool { return v.Reveal() != "" }

// Format prints asterisks, whatever the verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// MarshalText gives asterisks, to encoding/json and log/slog too.
func (Value) MarshalText() ([]byte, error) { return []byte("***"), nil }
