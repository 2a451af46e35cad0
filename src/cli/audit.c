/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.c - one line of JSON for each create, start, exec, update, kill and delete, and for each refusal, to journald
 * or else to syslog; nothing where neither listens.
 *
 * The log of a machine is not hrun's to wait for: one datagram, sent without blocking and never a second time; what the
 * socket does not take is lost, and no verb fails for it.  Everything in it is bounded, and quoted as JSON quotes.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"

enum { RULES_MAX = 48, TEXT_MAX = 600, ID_MAX = 255, COMM_SIZE = 16 };

static bool is_recorded(const struct command *command)
{
	static const char *const verbs_recorded[] = {"create", "start", "run", "exec", "update", "kill", "delete"};

	for (size_t i = 0; command->verb && i < sizeof verbs_recorded / sizeof verbs_recorded[0]; i++) {
		if (str_equal(command->verb->name, verbs_recorded[i]))
			return true;
	}
	return false;
}

/* A connected socket; *ret_journal says whose.  -1: nobody listens. */
static int connect_log(bool *ret_journal)
{
	static const char *const paths[] = {JOURNAL_SOCKET, SYSLOG_SOCKET};
	autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	for (size_t i = 0; fd >= 0 && i < sizeof paths / sizeof paths[0]; i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		str_format(address.sun_path, sizeof address.sun_path, "%s", paths[i]);
		*ret_journal = i == 0;
		if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
			return TAKE_FD(fd);
	}
	return -1;
}

/* ---- the line ---- */

static void member(struct json_out *out, const char *name, const char *value, size_t max)
{
	if (!value || !*value)
		return;
	json_out_raw(out, ",");
	json_out_string(out, name);
	json_out_raw(out, ":");
	json_out_string(out, strlen(value) > max ? pool_strndup(out->pool, value, max) : value);
}

/* Ids of rules, each once, of the findings for which WHICH says yes. */
static void rule_list(struct json_out *out, const char *name, const struct verdict *verdict,
		      bool (*which)(const struct finding *finding))
{
	const struct rule *last = NULL;
	size_t count = 0;

	for (size_t i = 0; verdict && i < verdict->count && count < RULES_MAX; i++) {
		const struct finding *finding = &verdict->findings[i];
		if (finding->rule == last || !which(finding))
			continue;
		last = finding->rule;
		if (count++ == 0)
			json_out_printf(out, ",\"%s\":[", name);
		else
			json_out_raw(out, ",");
		json_out_string(out, last->id);
	}
	if (count)
		json_out_raw(out, "]");
}

static bool is_any(const struct finding *finding)
{
	(void)finding;
	return true;
}

static bool is_refused(const struct finding *finding)
{
	return finding->action == ACTION_REFUSE;
}

static bool is_hardened(const struct finding *finding)
{
	return finding->action == ACTION_HARDEN;
}

static bool is_waived(const struct finding *finding)
{
	return finding->waiver != NULL;
}

static bool is_would_refuse(const struct finding *finding)
{
	return finding->why == WHY_AUDIT;
}

static void caller(struct json_out *out)
{
	char path[32], comm[COMM_SIZE + 1] = "";
	pid_t parent = getppid();

	str_format(path, sizeof path, "/proc/%d/comm", parent);
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, comm, sizeof comm - 1);
	comm[size > 0 ? size : 0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	json_out_printf(out, ",\"caller\":{\"uid\":%u,\"pid\":%d", (unsigned int)getuid(), parent);
	member(out, "comm", comm, COMM_SIZE);
	json_out_raw(out, "}");
}

static const char *result_word(int result, const struct audit *audit)
{
	if (result >= 0)
		return "ok";
	return audit->rejected || (audit->verdict && verdict_refuses(audit->verdict)) ? "refused" : "failed";
}

static void write_line(struct json_out *out, const struct command *command, int result, const struct err *e)
{
	const struct audit *audit = &command->audit;
	const struct verdict *verdict = audit->verdict;
	char stamp[UTC_TEXT_SIZE];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	utc_text(&now, stamp, sizeof stamp);
	json_out_printf(out, "{\"time\":\"%s\"", stamp);
	member(out, "verb", audit->event ? audit->event : command->verb->name, ID_MAX);
	if (audit->event)
		member(out, "command", command->verb->name, ID_MAX);
	member(out, "id", audit->id, ID_MAX);
	member(out, "result", result_word(result, audit), ID_MAX);
	caller(out);
	if (result >= 0 && audit->pid > 0)
		json_out_printf(out, ",\"pid\":%d", audit->pid);
	member(out, "image", audit->image_digest, ID_MAX);
	member(out, "signer", audit->signer, TEXT_MAX);
	if (audit->devices_dropped)
		json_out_printf(out, ",\"devicesDropped\":%u", audit->devices_dropped);
	member(out, "level", audit->level, ID_MAX);
	member(out, "policy", policy_digest(out->pool, &audit->policy), ID_MAX);
	rule_list(out, "rules", verdict, is_any);
	rule_list(out, "refused", verdict, is_refused);
	rule_list(out, "hardened", verdict, is_hardened);
	rule_list(out, "wouldRefuse", verdict, is_would_refuse);
	rule_list(out, "waived", verdict, is_waived);
	if (result < 0)
		member(out, "error", command->line ? command->line : e->text, TEXT_MAX);
	json_out_raw(out, "}");
}

/* ---- the datagram ---- */

/* journald's own protocol: fields by line; the JSON holds no newline. */
static const char *journal_message(struct pool *pool, int priority, const char *line)
{
	return pool_printf(pool, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=hrun\n", line,
			   priority, LOG_AUTHPRIV >> 3);
}

/*
 * Without a time of its own: it would have to be local time, and the zone is whatever file the caller's TZ names.  Who
 * receives it takes the time of receipt (RFC 3164, 4.3.2); the JSON has the exact one.
 */
static const char *syslog_message(struct pool *pool, int priority, const char *line)
{
	return pool_printf(pool, "<%d>hrun[%d]: %s", LOG_AUTHPRIV | priority, getpid(), line);
}

void audit_write(struct command *command, int result, const struct err *e)
{
	struct json_out out = {.pool = &command->pool};
	bool journal;

	if (command->audit.done || command->audit.nobody_listens || !is_recorded(command))
		return;
	command->audit.done = true;
	autofd int fd = connect_log(&journal);
	command->audit.nobody_listens = fd < 0;
	if (fd < 0)
		return;
	write_line(&out, command, result, e);
	int priority = result < 0 ? LOG_WARNING : LOG_INFO;
	const char *message = journal ? journal_message(&command->pool, priority, out.text)
				      : syslog_message(&command->pool, priority, out.text);
	/* Full, or gone meanwhile: lost. */
	if (send(fd, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

void audit_done(struct command *command, const char *event)
{
	audit_write(command, 0, NULL);
	command->audit.event = event;
	command->audit.done = event == NULL;
}
