// Command main says, to whoever may know, whether a CloudSSO task is done,
// whether it worked and, if not, why. In Function Compute it answers
// invocations; with -listen it is a plain HTTP server. As "doctor" and "notify-test"
// it says what does not work, and posts samples to chats, and ends.
//
// This package only wires the others together, of which each is a room for one
// concern. An invocation goes through them from the top down:
//
//	browsers, programs, chats      pipelines     EventBridge     timers
//	            |                      |              |            |
//	            +----------------------+------+-------+------------+
//	                                          |
//	                                       trigger         what kind of event is it
//	                                          |
//	            +-----------------------------+----------+
//	            | net/http                               | Go values
//	            |                                        |
//	           site     who asks (access), what for    check     which tasks, what is worth telling
//	            |       and in which form                |
//	            +--- templates, web     the pages        +--- chat, webhook     who is told
//	            +--- chat     what people typed          |
//	            |                                        |
//	            +--------------------+-------------------+
//	                                 |
//	                               watch         whether to ask, and when again
//	                                 |
//	                              cloudsso       GetTaskStatus, GetTask, ListTasks
//	                                 |
//	                                acs          credentials, signature, TLS
//
// What goes up again is a task.Task or an error of a task.Kind: the words that all
// rooms have in common are those of package task. What each has to say to the log it
// adds to the entry of the invocation, of which trigger makes one line in the end.
//
// Beside the way are invoke, by which the function hands work on to itself, and doctor,
// who looks whether all of it works. What several rooms need are clock (to wait), once
// (to know what was there before) and secret (what must not be shown). What a room is
// for in full, and what may not enter, its own package comment says.
//
// # Who may import whom
//
// Interfaces stand where they are used, so that most rooms know none of the
// others; main hands each what it needs. What is not here is forbidden, and
// TestImports reads it here:
//
//	main      -> access acs chat check cloudsso doctor entry invoke site task trigger watch webhook fc fccontext
//	trigger   -> task entry fccontext
//	site      -> task entry once templates web templ
//	access    -> secret
//	chat      -> task entry clock once secret webhook
//	check     -> task entry clock once
//	entry     -> task
//	watch     -> task clock
//	cloudsso  -> task clock acs
//	invoke    -> task acs
//	doctor    -> task acs
//	acs       -> task providers
//	webhook   -> secret
//	templates -> templ templ/runtime
//
//	task, web, clock, once, secret -> nothing but the standard library
//
// Beside the function are programs for those who work on it, and what tests share: local
// is everything on one machine, zip and assets are steps of the build, ram and smoke
// of a deployment, and budget bounds what tests allow to be allocated.
//
//	local  -> providers
//	ram    -> task
//	zip, assets, budget, smoke -> nothing
//
// fc and fccontext are of github.com/aliyun/fc-runtime-go-sdk, providers of
// github.com/aliyun/credentials-go, templ of github.com/a-h/templ. acceptance and
// bench are modules of their own, so that what they need reaches nobody else.
package main
