// Command smoke asks a deployed function, at PUBLIC_URL, whether it works, and says in
// plain words what is wrong where it does not: with its domain, with what is let in by
// TOKEN, with its role and with CloudSSO. It asks for a task that there is none of, and
// changes nothing.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
)

const (
	// timeout is beyond the function's own for what CloudSSO takes, and its start.
	timeout = 40 * time.Second
	// maxBody is more than any page is long.
	maxBody = 1 << 20
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*timeout)
	defer cancel()
	client := &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if err := run(ctx, client, os.Getenv, os.Stdout); err != nil {
		for wrong := range strings.Lines(err.Error()) {
			fmt.Println("WRONG", strings.TrimSpace(wrong))
		}
		os.Exit(1)
	}
}

// run looks from the outside to the inside. Its error has a line for each that is wrong:
// pages that cannot be shown do not keep programs from being answered.
func run(ctx context.Context, client *http.Client, getenv func(string) string, out io.Writer) error {
	site, err := address(getenv("PUBLIC_URL"))
	if err != nil {
		return err
	}
	s := &smoke{client: client, site: site, token: strings.TrimSpace(getenv("TOKEN"))}
	good, err := s.alive(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ok   ", good)
	var wrong []error
	for _, look := range []func(context.Context) (string, error){s.page, s.task} {
		good, err := look(ctx)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		fmt.Fprintln(out, "ok   ", good)
	}
	return errors.Join(wrong...)
}

// address is the site's, without a path.
func address(site string) (string, error) {
	site = strings.TrimSuffix(strings.TrimSpace(site), "/")
	if site == "" {
		return "", errors.New("PUBLIC_URL is not set: it is the site's address, like https://status.example.com")
	}
	u, err := url.Parse(site)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Path != "" || u.User != nil || u.RawQuery != "" {
		return "", fmt.Errorf("PUBLIC_URL: %q is not a site's address: one is like https://status.example.com", site)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme != "https" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return "", fmt.Errorf("PUBLIC_URL: %q does not begin with https://: on the way there everybody could read the token", site)
	}
	return site, nil
}

// A smoke looks at one site.
type smoke struct {
	client      *http.Client
	site, token string
}

// A reply is an HTTP response, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// get asks for a path in one form. Who answers in the function's place is an error.
func (s *smoke) get(ctx context.Context, path, accept, token string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.site+path, nil)
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("Accept-Language", "en")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := s.client.Do(request) // #nosec G704 -- whoever runs it says where
	if err != nil {
		return reply{}, unreachable(request.URL, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return reply{}, unreachable(request.URL, err)
	}
	r := reply{response.StatusCode, response.Header, string(body)}
	return r, r.foreign(request.URL.Hostname())
}

// unreachable says why there is no answer at all.
func unreachable(u *url.URL, err error) error {
	host := u.Hostname()
	if failed, ok := errors.AsType[*net.DNSError](err); ok {
		if !failed.IsNotFound {
			return fmt.Errorf("network: the name server does not say where %s is: %s; look at this machine's network", host, failed.Err)
		}
		return fmt.Errorf("domain: %s does not resolve: make it a CNAME of <account id>.<region>.fc.aliyuncs.com where your DNS is, and wait for it to spread", host)
	}
	if failed, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Errorf("certificate: it is for %s and not for %s: set CERTIFICATE and PRIVATE_KEY to one for this name, and deploy the domain", cmp.Or(strings.Join(failed.Certificate.DNSNames, ", "), "another name"), host)
	}
	if failed, ok := errors.AsType[x509.CertificateInvalidError](err); ok && failed.Reason == x509.Expired {
		return errors.New("certificate: it is out of date: deploy the domain with a new one, unless this machine's clock is off")
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return errors.New("certificate: nobody who is trusted here vouches for it: CERTIFICATE has to hold the whole chain, the site's own first")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("certificate: it is not valid for %s: %w", host, err)
	}
	if failed, ok := errors.AsType[net.Error](err); ok && failed.Timeout() {
		return fmt.Errorf("network: %s did not answer in time", host)
	}
	return fmt.Errorf("network: %s does not answer over %s: look where its CNAME leads, and whether the domain is deployed with a certificate (%w)", host, u.Scheme, err)
}

// foreign is an error where it is Function Compute that answered, or somebody else, and
// not the function.
func (r reply) foreign(host string) error {
	if kind := r.header.Get("X-Fc-Error-Type"); kind != "" {
		return fmt.Errorf("function: it does not start, or broke (%s): a variable with a wrong value stops it, and its log in LOG_STORE says which", plain(kind))
	}
	if r.status < 300 || r.isOurs() {
		return nil
	}
	// Function Compute's own errors are JSON with a code, the names in either case.
	var told struct{ Code, ErrorCode string }
	_ = json.Unmarshal([]byte(r.body), &told)
	code := plain(cmp.Or(told.Code, told.ErrorCode))
	switch {
	case code == "DomainNameNotFound":
		return fmt.Errorf("domain: Function Compute does not know %s in this region: deploy the domain (s domain deploy -y), in the region that the CNAME names", host)
	case code == "FunctionNotFound", code == "TriggerNotFound", code == "RouteNotFound":
		return fmt.Errorf("function: Function Compute has nothing at this address (%s): deploy the function status, in the domain's region", code)
	case r.status >= 300 && r.status < 400:
		return fmt.Errorf("domain: %s redirects elsewhere (HTTP %d): PUBLIC_URL is not where the function is", host, r.status)
	}
	return fmt.Errorf("function: it is not the function that answers, but Function Compute or something before it: HTTP %d %s", r.status, code)
}

// isOurs reports whether it has what only the function sends.
func (r reply) isOurs() bool { return r.header.Get("Content-Security-Policy") != "" }

// plain is a text that can only be a name.
func plain(s string) string {
	if regexp.MustCompile(`^[A-Za-z0-9._-]{1,60}$`).MatchString(s) {
		return s
	}
	return ""
}

// alive looks at what needs neither permission nor CloudSSO.
func (s *smoke) alive(ctx context.Context) (string, error) {
	r, err := s.get(ctx, "/healthz", "*/*", "")
	if err != nil {
		return "", err
	}
	if r.status != http.StatusOK || strings.TrimSpace(r.body) != "ok" {
		return "", fmt.Errorf("function: /healthz answers HTTP %d and not ok: something else is at %s", r.status, s.site)
	}
	return s.site + " leads to the function", nil
}

// page looks at what a browser gets.
func (s *smoke) page(ctx context.Context) (string, error) {
	r, err := s.get(ctx, "/", "text/html", s.token)
	if err != nil {
		return "", err
	}
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	switch disposition, _, _ := strings.Cut(r.header.Get("Content-Disposition"), ";"); {
	case strings.EqualFold(strings.TrimSpace(disposition), "attachment"):
		return "", errors.New("domain: browsers download the pages, as Function Compute has it on its own fcapp.run domain: deploy a domain of yours, and open the pages there")
	case r.status == http.StatusInternalServerError:
		return "", errors.New("pages: / answers HTTP 500: the function's log in LOG_STORE says why")
	case kind != "text/html":
		return "", fmt.Errorf("pages: / is %q and not a page", kind)
	case !r.isOurs():
		return "", errors.New("pages: the function's security headers are lost on the way: something between changes its answers")
	}
	return "pages open in a browser", nil
}

// A problem is the function's own document of an error.
type problem struct{ Type, Title, Detail, Hint, RequestID string }

// says is all that the document says, for people.
func (p problem) says() string {
	text := p.Title
	for _, more := range []string{p.Detail, p.Hint} {
		if more != "" {
			text += ": " + more
		}
	}
	if p.RequestID != "" {
		text += " (request id " + p.RequestID + ")"
	}
	return text
}

// task has the function ask CloudSSO. That it does not know the task is what is hoped for.
func (s *smoke) task(ctx context.Context) (string, error) {
	// Another one each time, of which the function cannot remember what came of it.
	id := "t-" + strings.ToLower(rand.Text()[:20])
	r, err := s.get(ctx, "/tasks/"+id, "application/json", s.token)
	if err != nil {
		return "", err
	}
	const good = "CloudSSO answers the function's role"
	if r.status == http.StatusOK && r.isOurs() {
		return good, nil
	}
	var p problem
	if err := json.Unmarshal([]byte(r.body), &p); err != nil || p.Type == "" {
		return "", fmt.Errorf("function: HTTP %d, and not as it says what is wrong", r.status)
	}
	switch name := strings.TrimPrefix(p.Type, "/problems/"); name {
	case "not-found":
		if p.Detail != "" && !strings.Contains(p.Detail, id) {
			return "", fmt.Errorf("directory: %s; set CLOUDSSO_DIRECTORY_ID and CLOUDSSO_REGION to those of the directory", p.Detail)
		}
		return good, nil
	case "invalid":
		// It may be as good an answer for a task's id that CloudSSO did not make.
		return good + ", though not for a made-up id: look up a real task", nil
	case "unconfigured":
		return "", errors.New("access: nobody is let in yet: set ACCESS_TOKENS to name:sha256-hex of a token, and deploy")
	case "unauthorized":
		if s.token == "" {
			return "nobody is let in without a token, as it should be; with TOKEN set to one, this looks on to the role and CloudSSO", nil
		}
		return "", errors.New("access: TOKEN is not let in: ACCESS_TOKENS has to hold the SHA-256 of it, without a line break, and to have been deployed")
	case "too-many-attempts":
		return "", errors.New("access: too many wrong tokens came from here: wait six minutes")
	case "refused":
		return "", errors.New("role: " + p.says())
	case "throttled", "upstream", "timeout":
		return "", errors.New("CloudSSO: " + p.says())
	}
	return "", errors.New("function: " + p.says())
}
