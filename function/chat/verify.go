package chat

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// What the platforms have in common in verifying a call.

// refused is why, for the log, a call is refused that does not prove who sent it.
func refused(reason string) error { return fmt.Errorf("%s: %w", reason, fs.ErrPermission) }

// isRecent reports whether the seconds since 1970 are no more than so far from
// now, before or after.
func isRecent(seconds string, now time.Time, window time.Duration) bool {
	n, err := strconv.ParseInt(seconds, 10, 64)
	return err == nil && now.Sub(time.Unix(n, 0)).Abs() <= window
}

var errDecrypt = errors.New("the text cannot be decrypted")

// unpad takes off the padding of PKCS #7 for blocks of that size.
func unpad(data []byte, size int) ([]byte, error) {
	if len(data) == 0 {
		return nil, errDecrypt
	}
	n := int(data[len(data)-1])
	if n == 0 || n > size || n > len(data) || !bytes.Equal(data[len(data)-n:], bytes.Repeat(data[len(data)-1:], n)) {
		return nil, errDecrypt
	}
	return data[:len(data)-n], nil
}
