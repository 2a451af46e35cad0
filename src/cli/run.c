/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - create and start; in the foreground also wait and delete.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/cli_creation.h>
#include <hrun/log.h>
#include <hrun/state.h>
#include <stdio.h>
#include <unistd.h>

/* Built and started, or undone. */
static int build_and_start(struct command *command, int console, struct creation *creation, struct err *e)
{
	creation->starts = true;
	TRY(creation_build(command, console, creation, e));
	audit_done(command, "start");
	int r = notify_listen(&creation->container, &creation->notify, e);
	if (r == 0)
		r = lifecycle_start(&command->pool, &creation->container, &creation->sandbox, e);
	if (r == 0)
		audit_done(command, NULL);
	if (r < 0 && creation->container.dir >= 0)
		creation_undo(&command->pool, creation);
	if (r < 0 && command->options.pid_file)
		unlink(command->options.pid_file);
	return r;
}

static int detached(struct command *command, struct creation *creation, struct err *e)
{
	TRY(creation_prepare(command, false, creation, e));
	TRY(build_and_start(command, -1, creation, e));
	container_unlock(&creation->container);
	return notify_wait(&creation->notify, &creation->container, e);
}

/* Somebody else may have deleted it while we waited: then there is nothing left to do. */
static int clean_up(struct command *command, struct creation *creation, bool has_ended, struct err *e)
{
	struct container *container = &creation->container;
	pid_t pid = container->record.pid;
	uint64_t start_ticks = container->record.start_ticks;

	int r = container_relock(&command->pool, container, e);
	if (r == -ENOENT)
		return 0;
	TRY(r);
	if (container->record.pid != pid || container->record.start_ticks != start_ticks)
		return 0;
	/* We have seen it end, so nobody is looked for under its number. */
	if (has_ended)
		container->record.pid = 0;
	command->audit.event = "delete";
	command->audit.verdict = NULL;
	command->audit.done = false;
	r = lifecycle_delete(&command->pool, container, e);
	audit_write(command, r, e);
	return r;
}

static int foreground(struct command *command, struct creation *creation, struct foreground *fg, struct err *e)
{
	struct err clean = {0};

	TRY(creation_prepare(command, false, creation, e));
	if (creation->verdict.count && isatty(STDERR_FILENO))
		verdict_print(stderr, &creation->verdict);
	int none;
	TRY(console_connect(&command->options, creation->plan.exec.terminal, false, &none, e));
	TRY(foreground_open(fg, creation->plan.exec.terminal, e));
	TRY(build_and_start(command, fg->pair[1], creation, e));
	container_unlock(&creation->container);
	int status = foreground_wait(fg, &creation->sandbox, &creation->notify, e);
	if ((!command->options.keep || status < 0) && clean_up(command, creation, status >= 0, &clean) < 0)
		log_warning("container `%s` was not removed: %s", creation->container.id, clean.text);
	return status;
}

int cmd_run(struct command *command, struct err *e)
{
	struct creation creation = CREATION_EMPTY;
	struct foreground fg = FOREGROUND_EMPTY;
	bool detach = command->options.detach;

	if (!detach) {
		command->failure = EXIT_RUN_FAILED;
		pool_set_failure_status(EXIT_RUN_FAILED);
	}
	command->audit.event = "create";
	TRY(protected_check(command, e));
	TRY(inherited_fds_look(command, e));
	int r = detach ? detached(command, &creation, e) : foreground(command, &creation, &fg, e);
	foreground_close(&fg);
	creation_end(&creation);
	return r;
}
