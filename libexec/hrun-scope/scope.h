/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - what the files of hrun-scope share.
 */
#ifndef SCOPE_H
#define SCOPE_H

#include <hrun/scope_wire.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define UNIT "org.freedesktop.systemd1.Unit"
#define MANAGER "org.freedesktop.systemd1.Manager"

struct talk {
	struct scope_request request;
	struct scope_answer answer;
	sd_bus *bus;
	uint64_t deadline_us; /* CLOCK_MONOTONIC */
	/* The job that is waited for, and how it ended; "": it has not. */
	const char *job;
	char result[32];
};

/* Keep the first reason.  Returns -ERRNUM. */
int talk_fail(struct talk *t, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- request.c: is it one that the code below can do without another look? ---- */
int talk_check(struct talk *t);

/* ---- bus.c: the connection, and calls that end in time ---- */
/* Begin to talk over the connected socket FD, which becomes the connection's.  Nothing has been read yet. */
int bus_begin(struct talk *t, int fd);
/* Until the other side has greeted; then what it tells of jobs is listened to. */
int bus_greet(struct talk *t);
/* METHOD of the manager, or of the unit at PATH. */
int bus_new_call(struct talk *t, const char *method, sd_bus_message **ret);
int bus_new_unit_call(struct talk *t, const char *path, const char *method, sd_bus_message **ret);
/*
 * Send CALL and wait.  NULL error name: it worked, and the answer is in *ret (owned, may be NULL).  Otherwise a negative errno, with
 * *error as systemd said it (owned by the caller); a connection that is lost or too slow has its reason already.
 */
int bus_call(struct talk *t, sd_bus_message *call, sd_bus_error *error, sd_bus_message **ret);
int bus_property(struct talk *t, const char *path, const char *interface, const char *name, char *text, size_t size);
/* The unit's InvocationID as text. */
int bus_invocation(struct talk *t, const char *path, char text[SCOPE_INVOCATION_SIZE]);
/* Wait for the end of the job that the answer REPLY names. */
int bus_wait_job(struct talk *t, sd_bus_message *reply);

/* ---- properties.c ---- */
/* The request's properties that this systemd knows, as an a(sv) but for its ends. */
int properties_append(const struct talk *t, sd_bus_message *call);

/* ---- tasks.c ---- */
int task_start(struct talk *t);
int task_set(struct talk *t);
int task_stop(struct talk *t);

#endif
