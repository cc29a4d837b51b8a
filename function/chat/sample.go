package chat

import (
	"context"
	"sync"
	"time"

	"taskstatus/function/task"
)

// A Trial is what came of a sample message to a platform's webhook.
type Trial struct {
	// Platform is the platform's name, as in /chat/{platform}.
	Platform string `json:"platform"`
	// OK reports whether the platform took it.
	OK bool `json:"ok"`
	// Problem says what is wrong and what to do about it; empty where all is well.
	Problem string `json:"problem,omitempty"`
}

// trialTimeout bounds the sample messages, which go out at the same time.
const trialTimeout = 10 * time.Second

// TryPost posts a sample to every webhook, and says what came of each. There
// are none where no webhook is configured.
func (b *Bot) TryPost(ctx context.Context) []Trial {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	trials := make([]Trial, 0, len(b.Platforms.all))
	var posts sync.WaitGroup
	for _, p := range b.Platforms.all {
		if !p.about().webhook.isSet() {
			continue
		}
		trials = append(trials, Trial{Platform: p.about().name})
		trial := &trials[len(trials)-1]
		posts.Go(func() {
			err := p.post(ctx, b.sample(p.about().language))
			trial.OK = err == nil
			if err != nil {
				trial.Problem = err.Error()
			}
		})
	}
	posts.Wait()
	return trials
}

// sample is a message about a task that failed, which never was.
func (b *Bot) sample(language task.Language) message {
	const id = task.ID("t-sampleonly0000000000")
	now := b.Now().UTC().Truncate(time.Second)
	directory := b.Directories[0]
	m := b.aboutTask(context.Background(), task.Result{ID: id, Task: task.Task{
		ID: id, Directory: directory, Type: task.CreateAccessAssignment, Status: task.Failed,
		Start: now.Add(-time.Second), End: now, FailureReason: "No Permission.",
	}}, directory, language)
	m.link = b.page(directory, "/", "")
	m.notes = append(m.notes, task.Text{En: "This is a sample: no task failed.", Zh: "这是一条测试消息，没有任务失败。"}.In(language))
	return m
}
