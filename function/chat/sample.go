package chat

import (
	"context"
	"time"

	"taskstatus/function/task"
)

// A Trial is what came of a sample message to a platform's webhook.
type Trial struct {
	Platform string `json:"platform"`
	OK       bool   `json:"ok"`
	// Problem says what is wrong and what to do about it; empty where all is well.
	Problem string `json:"problem,omitempty"`
}

// trialTimeout bounds one sample message.
const trialTimeout = 10 * time.Second

// TryPost posts a sample to every webhook, and says what came of each. There
// are none where no webhook is configured.
func (b *Bot) TryPost(ctx context.Context) []Trial {
	trials := []Trial{}
	for _, p := range b.Platforms.all {
		if !p.posts() {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, trialTimeout)
		err := p.post(ctx, b.sample(p.language()))
		cancel()
		trial := Trial{Platform: p.name(), OK: err == nil}
		if err != nil {
			trial.Problem = err.Error()
		}
		trials = append(trials, trial)
	}
	return trials
}

// sample is a message about a task that failed, which never was.
func (b *Bot) sample(language task.Language) message {
	now := b.Now().UTC().Truncate(time.Second)
	directory := b.Directories[0]
	m := b.aboutTask(task.Result{ID: "t-sampleonly0000000000", Task: task.Task{
		ID: "t-sampleonly0000000000", Directory: directory, Type: task.CreateAccessAssignment, Status: task.Failed,
		Start: now.Add(-time.Second), End: now, FailureReason: "No Permission.",
	}}, directory, language)
	m.notes = append(m.notes, task.Text{En: "This is a sample: no task failed.", Zh: "这是一条测试消息，没有任务失败。"}.In(language))
	return m
}
