package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // TIME_ZONE, wherever the function runs

	"taskstatus/function/access"
	"taskstatus/function/acs"
	"taskstatus/function/chat"
	"taskstatus/function/cloudsso"
	"taskstatus/function/invoke"
	"taskstatus/function/task"
	"taskstatus/function/webhook"
)

// config is the environment, read once and validated.
type config struct {
	directories []task.DirectoryID // CLOUDSSO_DIRECTORY_ID
	region      string             // CLOUDSSO_REGION
	endpoint    string             // follows from CLOUDSSO_REGION and CLOUDSSO_ENDPOINT
	roleARN     string             // CLOUDSSO_ROLE_ARN
	publicURL   string             // PUBLIC_URL
	access      access.Policy      // ACCESS, ACCESS_TOKENS, SIGNING_KEY
	recentTasks bool               // RECENT_TASKS
	taskDetails bool               // TASK_DETAILS
	logLevel    slog.Level         // LOG_LEVEL

	chat          *chat.Platforms // DINGTALK_…, FEISHU_…, WECOM_…, SLACK_…
	zone          *time.Location  // TIME_ZONE
	checkFunction string          // CHECK_FUNCTION
	checkEndpoint string          // CHECK_ENDPOINT

	checkInstances int          // CHECK_INSTANCES
	checkRetries   int          // CHECK_RETRIES
	notifyFinished bool         // NOTIFY_ON
	eventKeys      webhook.Keys // EVENTS_SECRET

	// warnings are what is allowed but looks wrong, for the log.
	warnings []string
}

// readConfig reads every variable and returns all that is wrong with them at
// once, each error beginning with the variable's name.
func readConfig(getenv func(string) string) (config, error) {
	var c config
	var wrong []error
	note := func(variable string, err error) {
		if err != nil && !strings.HasPrefix(err.Error(), variable) {
			err = fmt.Errorf("%s: %w", variable, err)
		}
		wrong = append(wrong, err)
	}

	var err error
	c.directories, err = readDirectories(getenv("CLOUDSSO_DIRECTORY_ID"))
	note("CLOUDSSO_DIRECTORY_ID", err)

	c.region = strings.TrimSpace(getenv("CLOUDSSO_REGION"))
	var warning string
	c.endpoint, warning, err = cloudsso.Endpoint(c.region, strings.TrimSpace(getenv("CLOUDSSO_ENDPOINT")))
	note("CLOUDSSO_", err)
	if warning != "" {
		c.warnings = append(c.warnings, warning)
	}

	c.roleARN = strings.TrimSpace(getenv("CLOUDSSO_ROLE_ARN"))
	if c.roleARN != "" && !isRoleARN(c.roleARN) {
		note("CLOUDSSO_ROLE_ARN", fmt.Errorf("%q is not a role's ARN: one is like acs:ram::123456789012:role/name", c.roleARN))
	}

	c.publicURL, err = readPublicURL(getenv("PUBLIC_URL"))
	note("PUBLIC_URL", err)

	c.access, err = access.Parse(strings.TrimSpace(getenv("ACCESS")), getenv("ACCESS_TOKENS"), getenv("SIGNING_KEY"), c.publicURL)
	wrong = append(wrong, err)
	switch {
	case err != nil || c.access.Open() || c.access.Signs():
	case !c.access.Configured():
		c.warnings = append(c.warnings, "neither ACCESS_TOKENS nor ACCESS=open is set: nobody is let in")
	default:
		c.warnings = append(c.warnings, "SIGNING_KEY is not set: browsers cannot sign in, and links in messages open nothing")
	}

	c.recentTasks, err = readSwitch(getenv("RECENT_TASKS"))
	note("RECENT_TASKS", err)
	c.taskDetails, err = readSwitch(getenv("TASK_DETAILS"))
	note("TASK_DETAILS", err)

	var warnings []string
	c.checkInstances, err = readNumber(getenv("CHECK_INSTANCES"), 1, defaultInstances)
	note("CHECK_INSTANCES", err)
	c.checkRetries, err = readNumber(getenv("CHECK_RETRIES"), 0, defaultRetries)
	note("CHECK_RETRIES", err)
	c.chat, warnings, err = chat.Configure(getenv, acs.NewTransport(), c.checkInstances)
	wrong = append(wrong, err)
	c.warnings = append(c.warnings, warnings...)
	if c.publicURL == "" && (c.chat.Answer() || c.chat.Post()) {
		c.warnings = append(c.warnings, "PUBLIC_URL is not set: messages in chats lead to no page")
	}
	c.zone, err = time.LoadLocation(strings.TrimSpace(getenv("TIME_ZONE")))
	if err != nil {
		note("TIME_ZONE", fmt.Errorf("%q is not the name of a time zone, such as Asia/Shanghai", getenv("TIME_ZONE")))
	}
	c.checkFunction = strings.TrimSpace(getenv("CHECK_FUNCTION"))
	if c.checkFunction != "" && !invoke.IsFunctionName(c.checkFunction) {
		note("CHECK_FUNCTION", fmt.Errorf("%q is not the name of a function", c.checkFunction))
	}
	c.checkEndpoint, err = invoke.Endpoint(strings.TrimSpace(getenv("CHECK_ENDPOINT")))
	note("CHECK_ENDPOINT", err)

	c.notifyFinished, err = readNotifyOn(getenv("NOTIFY_ON"))
	note("NOTIFY_ON", err)
	c.eventKeys, err = webhook.ParseKeys(getenv("EVENTS_SECRET"))
	note("EVENTS_SECRET", err)

	if level := strings.TrimSpace(getenv("LOG_LEVEL")); level != "" {
		note("LOG_LEVEL", c.logLevel.UnmarshalText([]byte(level)))
	}
	return c, errors.Join(wrong...)
}

func readDirectories(value string) ([]task.DirectoryID, error) {
	if strings.TrimSpace(value) == "" {
		return nil, errors.New("is not set: it names the CloudSSO directory to look into, like d-00fc2p61abcd")
	}
	var directories []task.DirectoryID
	for item := range strings.SplitSeq(value, ",") {
		directory, err := task.ParseDirectoryID(item)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(directories, directory) {
			directories = append(directories, directory)
		}
	}
	return directories, nil
}

// readPublicURL takes https, and http for this very machine only.
func readPublicURL(value string) (string, error) {
	value = strings.TrimSuffix(strings.TrimSpace(value), "/")
	if value == "" {
		return "", nil
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Hostname() == "" || strings.ContainsAny(value, "?#'\"<>()*|") || !isPort(u.Port()) || strings.HasSuffix(u.Host, ":") || u.Path != "" || u.User != nil:
		return "", fmt.Errorf("%q is not a site's address: one is like https://status.example.com", value)
	case u.Scheme == "https" || u.Scheme == "http" && acs.IsLoopback(u.Hostname()):
		return value, nil
	}
	return "", fmt.Errorf("%q does not begin with https://", value)
}

// readSwitch takes on and off, in any case; nothing is off.
func readSwitch(value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "on":
		return true, nil
	case "off", "":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither on nor off", value)
}

// What s.yaml has for the function that checks: its reserved concurrency, and how
// often an asynchronous invocation that failed is tried again.
const (
	defaultInstances = 20
	defaultRetries   = 8
)

// readNumber reads a number that is not less than least.
func readNumber(value string, least, usual int) (int, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return usual, nil
	}
	n, err := strconv.ParseUint(value, 10, 10)
	if err != nil || int(n) < least {
		return usual, fmt.Errorf("%q is not a number from %d on, such as %d", value, least, usual)
	}
	return int(n), nil
}

// readNotifyOn reports whether to tell of every task that has ended.
func readNotifyOn(value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "finished":
		return true, nil
	case "failed", "":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither failed nor finished", value)
}

func isRoleARN(arn string) bool {
	rest, ok := strings.CutPrefix(arn, "acs:ram::")
	account, role, _ := strings.Cut(rest, ":role/")
	return ok && account != "" && role != "" && strings.Trim(account, "0123456789") == ""
}

func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}
