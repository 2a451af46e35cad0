/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_process.c - the program and what it may do from the start.
 *
 * exec's process is judged here too: always finder->judged->process, never
 * config->process.
 */
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>

void judge_no_new_privileges(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && !process->no_new_privileges.value)
		find(finder, "process.noNewPrivileges", "not true: a setuid program could raise privileges");
}

void harden_no_new_privileges(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	if (config->process)
		config->process->no_new_privileges = (struct opt_bool){.set = true, .value = true};
}

/* CVE-2024-21626: /proc/self/fd/N as working directory led out of the container. */
void judge_cwd_unsafe(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (!process || !process->cwd || !*process->cwd)
		return;
	if (process->cwd[0] != '/')
		find(finder, "process.cwd", "%s is relative", quote(finder, process->cwd));
	else if (path_has_dotdot(process->cwd))
		find(finder, "process.cwd", "%s holds \"..\"", quote(finder, process->cwd));
	else if (path_is_below(path_clean(finder->judged->pool, process->cwd), "/proc"))
		find(finder, "process.cwd", "%s lies in /proc", quote(finder, process->cwd));
}

void judge_terminal_enabled(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && process->terminal)
		find(finder, "process.terminal", "the program is asked to have a terminal");
}

/* The kernel's value for "never". */
enum { UNKILLABLE = -1000 };

static void find_oom_score(struct finder *finder, const char *what)
{
	long long score = finder->judged->process->oom_score_adj.value;

	find_value(finder, at(finder, "%lld", score), "process.oomScoreAdj", "%lld: %s", score, what);
}

void judge_oom_score_unkillable(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && process->oom_score_adj.value <= UNKILLABLE)
		find_oom_score(finder, "never killed where memory runs out");
}

void judge_oom_score_negative(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && process->oom_score_adj.value < 0 && process->oom_score_adj.value > UNKILLABLE)
		find_oom_score(finder, "killed later than the services of the host");
}

static void raise_oom_score(struct config *config)
{
	if (config->process)
		config->process->oom_score_adj = (struct opt_i64){.set = true, .value = 0};
}

void harden_oom_score_unkillable(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	raise_oom_score(config);
}

void harden_oom_score_negative(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	raise_oom_score(config);
}
