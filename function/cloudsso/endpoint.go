package cloudsso

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxRegionLength is well beyond any region id and within a DNS label.
const maxRegionLength = 40

// Endpoint returns the address of the CloudSSO API, scheme and host only, from
// the values of CLOUDSSO_REGION and CLOUDSSO_ENDPOINT. The endpoint wins where
// both are set: an https address or a bare host, without a path; plain http is
// taken for loopback only. A region outside those that CloudSSO documents is
// accepted with a warning, for the log at start. An error names the variable
// and never repeats the endpoint, which may hold a password.
func Endpoint(region, endpoint string) (address, warning string, err error) {
	if region != "" && !isRegion(region) {
		return "", "", fmt.Errorf("CLOUDSSO_REGION: %q is not a region id such as cn-shanghai", region)
	}
	switch {
	case endpoint != "":
		address, err = parseEndpoint(endpoint)
		return address, "", err
	case region == "":
		return "", "", errors.New("CLOUDSSO_REGION is not set: it is the region of the CloudSSO directory, such as cn-shanghai")
	case !isDocumented(region):
		warning = fmt.Sprintf("CLOUDSSO_REGION: %s is not among the regions that CloudSSO documents; the endpoint follows the usual pattern", region)
	}
	return "https://cloudsso." + region + ".aliyuncs.com", warning, nil
}

// isRegion reports whether s has the form of a region id: two letters, a dash,
// and letters, digits and dashes. What passes is safe in a host name.
func isRegion(s string) bool {
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

// isDocumented reports whether CloudSSO documents an endpoint in the region
// ("Endpoints", API 2021-05-15, edition of 2026-08-20).
func isDocumented(region string) bool {
	switch region {
	case "cn-shanghai", "cn-hongkong", "ap-northeast-2", "ap-southeast-1", "us-west-1", "eu-central-1":
		return true
	}
	return false
}

func parseEndpoint(s string) (string, error) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || !isHost(u) {
		return "", errors.New("CLOUDSSO_ENDPOINT must be a host or an https address without a path, such as https://cloudsso-vpc.cn-shanghai.aliyuncs.com")
	}
	defaultPort := "443"
	switch {
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		defaultPort = "80"
	case u.Scheme == "http":
		return "", errors.New("CLOUDSSO_ENDPOINT: plain http is for loopback only")
	case u.Scheme != "https":
		return "", errors.New("CLOUDSSO_ENDPOINT must be an https address")
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

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || strings.EqualFold(host, "localhost")
}
