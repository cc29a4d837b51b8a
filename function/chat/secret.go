package chat

import (
	"fmt"
	"io"
)

// A secret is a value that must not be shown: a key, or an address that lets
// everybody post who has it. It holds a pointer because fmt cannot reach the methods of an
// unexported field's value: of a nested pointer it shows no more than the address.
type secret struct{ value *string }

func newSecret(value string) secret { return secret{&value} }

// reveal returns the value, "" where there is none.
func (s secret) reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// isSet reports whether there is a value.
func (s secret) isSet() bool { return s.reveal() != "" }

// Format prints asterisks, whatever the verb.
func (secret) Format(f fmt.State, _ rune) { io.WriteString(f, "***") }

// MarshalText gives asterisks, to encoding/json and log/slog too.
func (secret) MarshalText() ([]byte, error) { return []byte("***"), nil }
