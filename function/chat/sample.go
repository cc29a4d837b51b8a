package chat

import (
	"context"
	"crypto/rand"
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
	platforms := b.Platforms.posting()
	trials := make([]Trial, len(platforms))
	var posts sync.WaitGroup
	for i, p := range platforms {
		trials[i].Platform = p.about().name
		posts.Go(func() {
			err := p.post(ctx, b.sample(p.about().language))
			trials[i].OK = err == nil
			if err != nil {
				trials[i].Problem = err.Error()
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
	r := task.Result{ID: id, Task: task.Task{
		ID: id, Directory: directory, Type: task.CreateAccessAssignment, Status: task.Failed,
		Start: now.Add(-time.Second), End: now, FailureReason: "No Permission.",
	}}
	m := b.aboutTask(context.Background(), r, directory, language)
	m.id = "msg_" + rand.Text()
	m.document = func() any {
		return b.Document(task.Notice{ID: m.id, Kind: task.NoticeTest, Directory: directory, Results: []task.Result{r}})
	}
	m.link = b.page(directory, "/", "")
	m.notes = append(m.notes, task.Text{En: "This is a sample: no task failed.", Zh: "这是一条测试消息，没有任务失败。"}.In(language))
	return m
}
