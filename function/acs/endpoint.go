package acs

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxRegionLength is well beyond any region id and within a DNS label.
const maxRegionLength = 40

// IsRegion reports whether s has the form of a region id: two letters, a dash,
// and letters, digits and dashes. What passes is safe in a host name.
func IsRegion(s string) bool {
	if len(s) < len("cn-x") || len(s) > maxRegionLength || !isLetter(s[0]) || !isLetter(s[1]) || s[2] != '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 3; i < len(s); i++ {
		if c := s[i]; !isLetter(c) && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

// ParseEndpoint reads the address of an API from the value of the environment
// variable: an https address or a bare host, without a path; plain http is
// taken for loopback only. It returns scheme and host. An error names the
// variable and gives the example, but never repeats the value, which may hold
// a password.
func ParseEndpoint(variable, value, example string) (string, error) {
	if !strings.Contains(value, "://") {
		value = "https://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || !isHost(u) {
		return "", fmt.Errorf("%s must be a host or an https address without a path, such as %s", variable, example)
	}
	defaultPort := "443"
	switch {
	case u.Scheme == "http" && IsLoopback(u.Hostname()):
		defaultPort = "80"
	case u.Scheme == "http":
		return "", fmt.Errorf("%s: plain http is for loopback only", variable)
	case u.Scheme != "https":
		return "", fmt.Errorf("%s must be an https address", variable)
	}
	// The host is signed as the Host header has it, which leaves a default port out.
	host := strings.ToLower(strings.TrimSuffix(u.Host, ":"+defaultPort))
	return u.Scheme + "://" + host, nil
}

// isHost reports whether the address has a host that can be one: url.Parse has
// seen to brackets and to a port being a number.
func isHost(u *url.URL) bool {
	name, port := u.Hostname(), u.Port()
	if n, err := strconv.ParseUint(port, 10, 16); (err != nil || n == 0) && (port != "" || strings.HasSuffix(u.Host, ":")) {
		return false
	}
	if strings.HasPrefix(u.Host, "[") {
		address, err := netip.ParseAddr(name)
		return err == nil && address.Zone() == ""
	}
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && c != '-' && c != '.' {
			return false
		}
	}
	return name != ""
}

// IsLoopback reports whether the host is this machine, where plain http is overheard by nobody.
func IsLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || strings.EqualFold(host, "localhost")
}
