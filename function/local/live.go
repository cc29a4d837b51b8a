package main

import (
	"errors"
	"fmt"
	"sync"

	"github.com/aliyun/credentials-go/credentials/providers"
)

// callerCredentials are those of whoever runs this program, from the default chain.
type callerCredentials struct {
	mu    sync.Mutex // the chain is not safe for concurrent use
	chain *providers.DefaultCredentialsProvider
}

// issue returns the credentials for an invocation that starts now.
func (c *callerCredentials) issue() (key, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.chain == nil {
		c.chain = providers.NewDefaultCredentialsProvider()
	}
	found, err := c.chain.GetCredentials()
	if err != nil {
		// After a failure the chain would ask its last provider only.
		c.chain = nil
		return key{}, fmt.Errorf("default credentials chain: %w", err)
	}
	return key{ID: found.AccessKeyId, Secret: found.AccessKeySecret, Token: found.SecurityToken}, nil
}

// find returns the credentials as a key if they have that id.
func (c *callerCredentials) find(id string) (key, bool) {
	current, err := c.issue()
	return current, err == nil && current.ID == id
}

// checkLive reports what the caller's environment lacks for the real CloudSSO.
func checkLive(variables map[string]string) error {
	if variables["CLOUDSSO_DIRECTORY_ID"] == "" {
		return errors.New("-live needs CLOUDSSO_DIRECTORY_ID: the directory to ask, such as d-00fc2p61abcd")
	}
	if variables["CLOUDSSO_REGION"] == "" && variables["CLOUDSSO_ENDPOINT"] == "" {
		return errors.New("-live needs CLOUDSSO_REGION, the directory's region, or CLOUDSSO_ENDPOINT")
	}
	return nil
}
